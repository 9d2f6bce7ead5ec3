"""Leak canaries (D1): five questions whose answer is no in an honest evaluation.

Each function returns ``{"name", "what", "passed", "detail"}`` for the report; the same functions
run in the tests, where methods that do leak must be caught.

Shapes: U users, D width, P permutations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from habitus.comparisons.aggregates import Aggregates
from habitus.data.snapshot import Snapshot, format_time
from habitus.data.split import Future
from habitus.data.traces import Rows, Traces
from habitus.data.vocabulary import ChannelVocabulary, ChannelVocabularyConfig
from habitus.evaluation.altered import altered, restricted
from habitus.evaluation.asked import Answers, AskedTask, PartUsers
from habitus.evaluation.features import Method, Represent
from habitus.evaluation.harness import EvaluationPlan, ask_all, store_of
from habitus.evaluation.vectors import FeatureStore
from habitus.metrics import auroc
from habitus.probes import PROBES, Labelled, Probe
from habitus.random import numpy_generator

AGAIN = 4
"""Times as many permutations as at first, where those stray."""
Fit = Callable[[Snapshot], Represent]
"""Fits whatever a method fits on a training snapshot, and returns how it then represents."""


@dataclass(frozen=True, kw_only=True)
class Canary:
    """One leak test and what it found."""

    name: str
    what: str
    passed: bool
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of the report."""
        return dict(vars(self))


def run_canaries(
    plan: EvaluationPlan, method: Method, fits: Mapping[str, Fit] | None = None
) -> list[dict[str, Any]]:
    """Return the entries of the report: all five canaries of a method, at the first test cutoff.

    Args:
        plan: the evaluation that the canaries guard.
        method: one that has vectors, ``ours`` as a rule.
        fits: what is fitted before the cutoff, by its name; None for the aggregates and the
            vocabulary of the channel encoder.
    """
    tasks, _ = ask_all(plan)
    task = min(tasks, key=lambda t: t.test.cutoff)
    cutoff, users = task.test.cutoff, plan.users
    [represent] = [source.represent for source in method.at(0).sources()][:1]
    assert represent is not None
    fits = {"aggregates": fit_aggregates, "vocabulary": fit_vocabulary} if fits is None else fits
    found = [
        future_changes_nothing(represent, plan.traces, cutoff),
        permuted_labels_score_chance(task, method, store_of(plan, tasks)),
        parts_share_no_user(plan.traces, users),
        planted_token_changes_nothing(represent, plan.traces, cutoff),
    ]
    found += [
        replace(canary, name=f"{canary.name}: {name}")
        for name, fit in fits.items()
        for canary in [fitted_state_excludes_targets(fit, plan.traces, cutoff, users["train"])]
    ]
    return [canary.to_dict() for canary in found]


def future_changes_nothing(
    represent: Represent, traces: Traces, cutoff: int, *, num_users: int = 200, seed: int = 0
) -> Canary:
    """D1 (a): other events after the cutoff leave the vectors bit-identical."""
    return Canary(
        name="future_changes_nothing",
        what="vectors stay bit-identical when all events after the cutoff are exchanged",
        **_compare(represent, traces, cutoff, num_users, seed, canary=False),
    )


def planted_token_changes_nothing(
    represent: Represent, traces: Traces, cutoff: int, *, num_users: int = 200, seed: int = 0
) -> Canary:
    """D1 (d): a value that appears only after the cutoff, in every channel, changes no vector."""
    return Canary(
        name="planted_token_changes_nothing",
        what="vectors stay bit-identical when a value that occurs only after the cutoff is planted",
        **_compare(represent, traces, cutoff, num_users, seed, canary=True),
    )


def permuted_labels_score_chance(
    task: AskedTask,
    method: Method,
    store: FeatureStore,
    *,
    probe: str = "logistic",
    num_permutations: int = 5,
    seed: int = 0,
) -> Canary:
    """D1 (b): with the answers of other users, the same at every cutoff, AUROC is chance.

    Users swap all their answers with one another across the parts: what a vector says of its user
    then says nothing of the answer. Only a leak is left to be found: a test user among the training
    rows, whose vector and answer the probe knows. "Chance" is .5 within what :func:`chance_verdict`
    allows; the deviation is that of Mann-Whitney.
    """
    num_yes = int(task.test.y_B.sum())
    num_no = len(task.test.y_B) - num_yes
    deviation = float(np.sqrt((num_yes + num_no + 1) / (12 * num_yes * num_no)))

    def draw(number: int) -> tuple[float, float]:
        generator = numpy_generator(seed, "permute", number)
        return _permuted_auroc(task, method, store, PROBES[probe](), generator), deviation

    return chance_verdict(draw, 0.5, f"{method.label}, {task.name}: mean AUROC", num_permutations)


def chance_verdict(
    draw: Callable[[int], tuple[float, float]], chance: float, words: str, num_permutations: int
) -> Canary:
    """Return whether a score with permuted labels is chance, within three standard errors.

    Where the first permutations stray, :data:`AGAIN` times as many others decide alone: a leak
    repeats itself, and among hundreds of reports luck does not.

    Args:
        draw: number of a permutation → its score, and the deviation of such scores.
        chance: what a score is where nothing can be learned.
        words: of whom, and which score.
        num_permutations: at first.
    """
    told = []
    for first, stop in ((0, num_permutations), (num_permutations, (AGAIN + 1) * num_permutations)):
        found = np.array([draw(number) for number in range(first, stop)])
        mean = float(found[:, 0].mean())
        allowed = 3 * float(np.sqrt(np.mean(found[:, 1] ** 2) / len(found)))
        told.append(
            f"{len(found)} permutations {mean:.3f}, chance is "
            f"{f'{chance:.3f}'.removeprefix('0').rstrip('0')} ± {allowed:.3f}"
        )
        passed = abs(mean - chance) <= allowed
        if passed:
            break
    return Canary(
        name="permuted_labels_score_chance",
        what="with the answers of other users nothing can be learned, and nothing is",
        passed=bool(passed),
        detail=f"{words} of {'; of '.join(told)}",
    )


def parts_share_no_user(traces: Traces, users: PartUsers) -> Canary:
    """D1 (c): no user id stands in two parts, or twice in one."""
    ids = [traces.user_ids.take(rows).to_pylist() for rows in users.values()]
    together = [user for part in ids for user in part]
    shared = len(together) - len(set(together))
    sizes = ", ".join(f"{len(part)} {name}" for name, part in zip(users, ids, strict=True))
    return Canary(
        name="parts_share_no_user",
        what="no user is in two parts of the split",
        passed=shared == 0,
        detail=f"{shared} shared among {sizes}",
    )


def fitted_state_excludes_targets(
    fit: Fit, traces: Traces, as_of: int, users: Rows, *, num_users: int = 200, seed: int = 0
) -> Canary:
    """D1 (e): what is fitted (popularity, vocabulary, scalers) does not count what comes after.

    The method is fitted on the training users twice: on the true traces and on traces with another
    future. Both fits must give the same vectors, of histories up to the moment of fitting.
    """
    sample = sample_users(np.asarray(users), num_users, seed)
    with TemporaryDirectory() as folder:
        true = restricted(traces, Path(folder) / "true", sample)
        other = altered(true, Path(folder) / "other", as_of, seed=seed)
        # both read the same histories: what differs can only come from the fit
        snapshot = Snapshot(true, as_of)
        before, after = (fit(Snapshot(t, as_of))(snapshot) for t in (true, other))
    return Canary(
        name="fitted_state_excludes_targets",
        what="fitting again with other events after the moment of fitting changes no vector",
        **verdict(before, after, format_time(as_of), len(sample)),
    )


def fit_aggregates(snapshot: Snapshot) -> Represent:
    """Fit the aggregates: which values are counted."""
    aggregates = Aggregates()
    aggregates.fit(snapshot)
    return aggregates.represent


def fit_vocabulary(snapshot: Snapshot) -> Represent:
    """Fit the vocabulary of the channel encoder; its "vectors" are the bytes of its files."""
    vocabulary = ChannelVocabulary.fit(snapshot, ChannelVocabularyConfig())
    with TemporaryDirectory() as folder:
        vocabulary.save(Path(folder))
        state = b"".join(file.read_bytes() for file in sorted(Path(folder).iterdir()))
    return lambda _: np.frombuffer(state, np.uint8)[None].astype(np.float32)


def _compare(
    represent: Represent, traces: Traces, cutoff: int, num_users: int, seed: int, *, canary: bool
) -> dict[str, Any]:
    sample = sample_users(np.arange(traces.num_users), num_users, seed)
    with TemporaryDirectory() as folder:
        true = restricted(traces, Path(folder) / "true", sample)
        other = altered(true, Path(folder) / "other", cutoff, seed=seed, canary=canary)
        before, after = (np.asarray(represent(Snapshot(t, cutoff))) for t in (true, other))
    when = (
        format_time(cutoff) if traces.manifest.time_unit == "second" else f"{cutoff} from the end"
    )
    return verdict(before, after, when, len(sample))


def sample_users(users: Rows, num_users: int, seed: int) -> Rows:
    """Return some users, ascending."""
    generator = numpy_generator(seed, "canary users")
    return np.sort(generator.permutation(users)[:num_users]).astype(np.int64)


def verdict(
    before_UD: npt.NDArray[Any], after_UD: npt.NDArray[Any], when: str, num_users: int
) -> dict[str, Any]:
    """Return whether two sets of vectors are the same to the bit, and how far apart they are."""
    same = before_UD.shape == after_UD.shape and before_UD.tobytes() == after_UD.tobytes()
    detail = f"{num_users} users at {when}: bit-identical"
    if before_UD.shape != after_UD.shape:
        detail = f"{num_users} users at {when}: shape {before_UD.shape} became {after_UD.shape}"
    elif not same:
        changed = int((before_UD != after_UD).any(axis=1).sum())
        gap = float(np.abs(before_UD.astype(float) - after_UD).max())
        detail = f"{changed} of {num_users} users changed at {when}, by up to {gap:.3g}"
    return {"passed": bool(same), "detail": detail}


def _permuted_auroc(
    task: AskedTask,
    method: Method,
    store: FeatureStore,
    probe: Probe,
    generator: np.random.Generator,
) -> float:
    """Return the test AUROC after all users have swapped answers."""
    everybody = np.unique(
        np.concatenate([a.users_B for a in (*task.train, *task.valid, task.test)])
    )
    swapped = generator.permutation(everybody)

    def rows(answers: Sequence[Answers]) -> Labelled:
        labels = [_labels(task, a, everybody, swapped, store) for a in answers]
        vectors = [store.take(method, a.cutoff, a.users_B) for a in answers]
        y_B = np.concatenate(labels)
        known_B = ~np.isnan(y_B)
        return Labelled(np.concatenate(vectors)[known_B], y_B[known_B])

    test = rows([task.test])
    fitted = probe.fit(rows(task.train), rows(task.valid), seed=0)
    return auroc(test.y_B, fitted.predict(test.x_BD))


def _labels(
    task: AskedTask, answers: Answers, everybody: Rows, swapped: Rows, store: FeatureStore
) -> npt.NDArray[np.float64]:
    """Return, for each user asked, the answer of the user they swapped with."""
    others_B = swapped[np.searchsorted(everybody, answers.users_B)]
    horizon = task.dated.cutoffs.horizon
    return task.dated.task.labels(Future(store.traces, answers.cutoff, horizon, others_B))
