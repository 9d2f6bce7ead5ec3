"""A task and a method into the test users' probabilities: the probe ladder, five seeds (D4, D5).

Every method climbs the same ladder with the same trials: each probe once with the first seed, the
one with the best main score on the *validation* users with the other seeds. A seed trains on its
own random nine tenths of the training users, the same for all methods and tasks, so that seeds mean
something for a probe without chance in it, too.

Shapes: B test rows, S seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.evaluation.asked import Answers, AskedTask, labels_of
from habitus.evaluation.features import Method
from habitus.evaluation.kept import kept
from habitus.evaluation.vectors import FeatureStore
from habitus.metrics import auroc
from habitus.probes import PROBES, Labelled
from habitus.random import numpy_generator

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ProbeTrials:
    """Which seeds, and how many training users each one sees."""

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    train_share: float = 0.9


class Prediction(NamedTuple):
    """What a method says of the test users of a task."""

    probe: str | None
    """The chosen probe; None for a method that answers itself."""
    scores_SB: Floats
    """Probability of yes, by seed and test user."""
    validation: dict[str, float]
    """Main score of each probe of the ladder on the validation users, first seed."""


def predict(
    task: AskedTask, method: Method, store: FeatureStore, trials: ProbeTrials
) -> Prediction:
    """Return the method's probabilities for the test users of the task."""
    if method.predicts is not None:
        return _own_answers(task, method, store)
    tried = {name: _try_probe(name, 0, task, method, store, trials) for name in method.probes}
    best = max(method.probes, key=lambda name: tried[name][1])
    rest = [
        _try_probe(best, place, task, method, store, trials)
        for place in range(1, len(trials.seeds))
    ]
    scores_SB = np.stack([scores_B for scores_B, _ in (tried[best], *rest)])
    return Prediction(best, scores_SB, {name: score for name, (_, score) in tried.items()})


def _try_probe(
    name: str, place: int, task: AskedTask, method: Method, store: FeatureStore, trials: ProbeTrials
) -> tuple[Floats, float]:
    """Return the test probabilities of one probe with one seed, and its validation score."""
    method, seed = method.at(place), trials.seeds[place]
    train, valid = _rows(task.train, method, store), _rows(task.valid, method, store)
    users_R = np.concatenate([a.users_B for a in task.train])
    chosen_R = chosen_rows(users_R, trials, seed)
    probe = PROBES[name]().fit(Labelled(train.x_BD[chosen_R], train.y_B[chosen_R]), valid, seed)
    test_BD = store.take(method, task.test.cutoff, task.test.users_B)
    return probe.predict(test_BD), auroc(valid.y_B, probe.predict(valid.x_BD))


def cached(file: Path | None, make: Callable[[], Prediction]) -> Prediction:
    """Return the prediction that a file holds, or make it and write the file in one piece."""
    if file is None:
        return make()

    def values() -> dict[str, Any]:
        made = make()
        scores = made.scores_SB.tolist()
        return {"probe": made.probe, "scores": scores, "validation": made.validation}

    found = kept(file, values)
    return Prediction(found["probe"], np.array(found["scores"]), found["validation"])


def _own_answers(task: AskedTask, method: Method, store: FeatureStore) -> Prediction:
    assert method.predicts is not None
    snapshot = Snapshot(store.traces, task.test.cutoff, task.test.users_B)
    scores_B = method.predicts.predict(labels_of(task.train), snapshot)
    return Prediction(None, np.asarray(scores_B, np.float64)[None], {})


def _rows(answers: tuple[Answers, ...], method: Method, store: FeatureStore) -> Labelled:
    x_BD = np.concatenate([store.take(method, a.cutoff, a.users_B) for a in answers])
    return Labelled(x_BD, labels_of(answers))


def chosen_rows(users_R: Rows, trials: ProbeTrials, seed: int) -> npt.NDArray[np.bool_]:
    """Return which training rows a seed sees: all rows of a user or none."""
    users_U = np.unique(users_R)
    generator = numpy_generator(seed, "training users of a probe")
    kept = round(trials.train_share * len(users_U))
    return np.isin(users_R, generator.permutation(users_U)[:kept])
