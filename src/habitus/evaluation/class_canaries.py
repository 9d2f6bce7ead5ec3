"""Leak canaries of class tasks (D1): what an honest evaluation of profiles cannot do.

A class is a trait more often than an event to come, so the first question is whether a vector reads
the answer where it is written down: in the profile or the label.

Shapes: U users, B test users, C classes, P permutations.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.evaluation.altered import reanswered, restricted
from habitus.evaluation.canaries import (
    Canary,
    chance_verdict,
    fit_aggregates,
    fitted_state_excludes_targets,
    future_changes_nothing,
    parts_share_no_user,
    planted_token_changes_nothing,
    sample_users,
    verdict,
)
from habitus.evaluation.class_asked import PARTS, AskedClasses, ClassAnswers
from habitus.evaluation.class_harness import stores_of
from habitus.evaluation.class_plan import ClassPlan, answers_itself, ask_all_classes
from habitus.evaluation.class_predictions import ClassTrials, predict_classes
from habitus.evaluation.features import Method, Represent
from habitus.evaluation.halved import Halves
from habitus.evaluation.vectors import FeatureStore
from habitus.random import numpy_generator
from habitus.tasks.classes import Classes

NUM_ORDERS = 500
"""Of the test labels, to learn how far chance reaches."""


def run_class_canaries(plan: ClassPlan, method: Method) -> list[dict[str, Any]]:
    """Return the entries of the report: the canaries of a method that apply to these tasks.

    What comes after a cutoff is exchanged where a task has one, at its first.
    """
    with Halves(plan.traces, plan.folder("halves")) as halves:
        tasks = ask_all_classes(plan, halves).tasks
        first = tasks[0]
        store = stores_of(plan, tasks)[first.seen.digest]
        parts = {part: plan.split.rows(plan.traces, part) for part in PARTS}
        found = [
            permuted_labels_score_chance(first, method, store),
            parts_share_no_user(plan.traces, parts),
        ]
        dated = [task for task in tasks if _has_future(task)]
        if not answers_itself(method):
            [represent] = [source.represent for source in method.at(0).sources()][:1]
            assert represent is not None
            found.append(answers_are_not_read(represent, first.seen, first.as_of))
            for task in dated[:1]:
                found.append(future_changes_nothing(represent, task.seen, task.as_of))
                found.append(planted_token_changes_nothing(represent, task.seen, task.as_of))
        for task in dated[:1]:
            canary = fitted_state_excludes_targets(
                fit_aggregates, task.seen, task.as_of, parts["train"]
            )
            found.append(replace(canary, name=f"{canary.name}: aggregates"))
    return [canary.to_dict() for canary in found]


def answers_are_not_read(
    represent: Represent, traces: Traces, cutoff: int, *, num_users: int = 200, seed: int = 0
) -> Canary:
    """Return whether vectors stay the same when everybody has the profile and label of another."""
    sample = sample_users(np.arange(traces.num_users), num_users, seed)
    with TemporaryDirectory() as folder:
        true = restricted(traces, Path(folder) / "true", sample)
        other = reanswered(true, Path(folder) / "other", seed)
        before, after = (np.asarray(represent(Snapshot(t, cutoff))) for t in (true, other))
    return Canary(
        name="answers_are_not_read",
        what="vectors stay bit-identical when users exchange their profiles and labels",
        **verdict(before, after, "the cutoff of the task", len(sample)),
    )


def permuted_labels_score_chance(
    asked: AskedClasses,
    method: Method,
    store: FeatureStore,
    *,
    num_permutations: int = 5,
    seed: int = 0,
) -> Canary:
    """D1 (b): with the classes of other users, the mean recall over classes is chance, 1/C.

    Users swap their classes across the parts, so only a leak is left to be found. Macro-F1 has no
    one value at chance, since it depends on how often each class is said; mean recall has. "Chance"
    is 1/C within what :func:`chance_verdict` allows; the deviation is that of the labels in random
    order.
    """

    def draw(number: int) -> tuple[float, float]:
        return _permuted_recall(asked, method, store, numpy_generator(seed, "permute", number))

    words = f"{method.label}, {asked.name}: mean recall"
    return chance_verdict(draw, 1 / len(asked.classes), words, num_permutations)


def _permuted_recall(
    asked: AskedClasses, method: Method, store: FeatureStore, generator: np.random.Generator
) -> tuple[float, float]:
    """Return the mean recall of one permutation, and its deviation over orders of the labels."""
    answers: list[ClassAnswers] = [getattr(asked, part) for part in PARTS]
    users_U, first_U = np.unique(np.concatenate([a.users_B for a in answers]), return_index=True)
    # whoever stands in two parts keeps one class in both: that is the leak to be found
    swapped_U = generator.permutation(np.concatenate([a.y_B for a in answers])[first_U])
    train, valid, test = (
        a._replace(y_B=swapped_U[np.searchsorted(users_U, a.users_B)]) for a in answers
    )
    permuted = asked._replace(train=train, valid=valid, test=test)
    said = predict_classes(permuted, method, store, ClassTrials(seeds=(0,), train_share=1.0), 0)
    said_B = said.probability_BC.argmax(axis=1)
    orders = [_recall(generator.permutation(test.y_B), said_B) for _ in range(NUM_ORDERS)]
    return _recall(test.y_B, said_B), float(np.std(orders))


def _recall(y_B: Classes, said_B: npt.NDArray[np.intp]) -> float:
    """Return the mean over the classes that occur of the share that is found."""
    return float(np.mean([(said_B[y_B == c] == c).mean() for c in np.unique(y_B)]))


def _has_future(task: AskedClasses) -> bool:
    history = Snapshot(task.seen, task.as_of)
    return bool((history.stop_U < task.seen.offsets_U1[1:]).any())
