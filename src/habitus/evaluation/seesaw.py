"""The seesaw: which tasks a network for many tasks serves worse than a network for each (D9, I3).

Tasks ask yes or no, judged by AUROC, or for numbers, judged by Spearman's ρ. Each is held against
its control, the same head trained on that task alone, on the same resamples of the same users: a
task is below its control where the whole paired interval of the difference is. Reported are the
difference of every task, the share of tasks below (the seesaw), the mean relative change Δm with
its interval, and the worst task; never the mean alone.

Shapes: B test rows of a task, S seeds, U test users of all tasks, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.data.traces import Rows
from habitus.errors import DataError, UsageError
from habitus.evaluation.bootstrap import (
    Counts,
    Difference,
    Estimate,
    distribution,
    estimate,
    interval,
    paired_difference,
    resample_counts,
    user_strata,
)
from habitus.metrics import NUMBER_METRICS, Statistic
from habitus.metrics.arrays import Floats
from habitus.metrics.binary import (
    auroc_statistic,
    recall_at_50_statistic,
    recall_at_85_statistic,
)
from habitus.random import numpy_generator
from habitus.registry import did_you_mean

METRICS: Final[dict[str, Callable[[npt.ArrayLike, npt.ArrayLike], Statistic]]] = {
    "auroc": auroc_statistic,
    "recall_at_85": recall_at_85_statistic,
    "recall_at_50": recall_at_50_statistic,
    **{name: metric.statistic for name, metric in NUMBER_METRICS.items()},
}
"""What tasks are judged by; the higher the better."""


class JudgedTask(NamedTuple):
    """The test users of a task, and what each method says of them."""

    name: str
    users_B: Rows
    """Ascending, each once."""
    y_B: Floats
    scores: Mapping[str, Floats]
    """Method → scores of each seed, ``(S, B)``; the control of the task among them."""
    is_number: bool = False
    """Whether answers and scores are numbers, and not 0 or 1 and what ranks them."""

    @property
    def metric(self) -> str:
        """What the task is judged by where nobody names a metric."""
        return "spearman" if self.is_number else "auroc"


class Seesaw(NamedTuple):
    """One method against the controls of all tasks."""

    differences: dict[str, Difference]
    """By task, in their order."""
    below: tuple[str, ...]
    """Tasks whose whole interval lies below 0."""
    above: tuple[str, ...]
    """Tasks whose whole interval lies above 0."""
    delta_m: Estimate
    """Mean over tasks of the relative change; the same users are drawn for all tasks. NaN where a
    control is at 0 or below, to which nothing is relative."""
    worst: str
    """The task that loses most, or gains least."""

    @property
    def share_below(self) -> float:
        """The seesaw: the share of the tasks that are served worse than alone."""
        return len(self.below) / len(self.differences)


@dataclass(frozen=True)
class SeesawTable:
    """All methods on the same resamples of each task.

    Args:
        tasks: what is judged.
        control: name of the scores of the single-task controls.
        num_resamples: of the users.
        seed: of the resamples.

    Raises:
        DataError: no task, a task without the control, or one that asks other users than it scores.
    """

    tasks: Sequence[JudgedTask]
    control: str
    num_resamples: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.tasks:
            raise DataError("a seesaw needs a task or more, got none")
        for task in self.tasks:
            if self.control not in task.scores:
                raise DataError(f"{task.name} has no scores of its control {self.control!r}")
            for method, scores_SB in task.scores.items():
                if scores_SB.ndim != 2 or scores_SB.shape[1] != len(task.y_B):
                    raise DataError(
                        f"{task.name}: scores of {method} are {scores_SB.shape}, and "
                        f"{len(task.y_B)} users are asked"
                    )

    def score(self, task: str, method: str, metric: str | None = None) -> Estimate:
        """Return a metric of one task, its own by default: mean over seeds, with its interval."""
        judged = self._task(task)
        metric = metric or judged.metric
        values = self._values(judged, method, metric)
        return estimate(values, self._distribution(judged, method, metric))

    def seesaw(self, method: str, metric: str | None = None) -> Seesaw:
        """Return a method against the controls of all tasks, each by its own metric by default."""
        differences = {t.name: self._difference(t, method, metric or t.metric) for t in self.tasks}
        named = {
            verdict: tuple(name for name, d in differences.items() if d.verdict == verdict)
            for verdict in ("worse", "better")
        }
        worst = min(differences, key=lambda name: differences[name].value)
        delta_m = self._delta_m(method, metric)
        return Seesaw(differences, named["worse"], named["better"], delta_m, worst)

    def _task(self, name: str) -> JudgedTask:
        for task in self.tasks:
            if task.name == name:
                return task
        raise UsageError(f"no task {name!r}; {did_you_mean(name, [t.name for t in self.tasks])}")

    def _difference(self, task: JudgedTask, method: str, metric: str) -> Difference:
        ours, theirs = (
            float(np.mean(self._values(task, name, metric))) for name in (method, self.control)
        )
        ours_R, theirs_R = (
            self._distribution(task, name, metric) for name in (method, self.control)
        )
        return paired_difference(ours, theirs, ours_R, theirs_R)

    def _delta_m(self, method: str, metric: str | None) -> Estimate:
        """Return the mean relative change over tasks; seeds are paired with the control's mean."""
        changes_S, change_R = [], []
        counts_UR, places = self._joint_counts
        for task in self.tasks:
            named = metric or task.metric
            control = float(np.mean(self._values(task, self.control, named)))
            values = np.asarray(self._values(task, method, named))
            changes_S.append(values / control - 1 if control > 0 else np.full(len(values), np.nan))
            ours_R, theirs_R = (
                distribution(
                    self._statistics(task, name, named), counts_UR, len(task.y_B), places[t]
                )
                for t, name in ((task.name, method), (task.name, self.control))
            )
            ratio_R = np.full(len(ours_R), np.nan)
            np.divide(ours_R, theirs_R, out=ratio_R, where=theirs_R > 0)
            change_R.append(ratio_R - 1)
        seeds = tuple(float(v) for v in np.mean(changes_S, axis=0))
        low, high = interval(np.mean(change_R, axis=0))
        return Estimate(float(np.mean(seeds)), low, high, seeds)

    def _statistics(self, task: JudgedTask, method: str, metric: str) -> list[Statistic]:
        if metric not in METRICS:
            raise UsageError(f"no metric is called {metric!r}; {did_you_mean(metric, METRICS)}")
        if method not in task.scores:
            raise UsageError(f"no method {method!r}; {did_you_mean(method, list(task.scores))}")
        return [METRICS[metric](task.y_B, scores_B) for scores_B in task.scores[method]]

    def _values(self, task: JudgedTask, method: str, metric: str) -> tuple[float, ...]:
        ones_B1 = np.ones((len(task.y_B), 1))
        return tuple(float(s(ones_B1)[0]) for s in self._statistics(task, method, metric))

    def _distribution(self, task: JudgedTask, method: str, metric: str) -> Floats:
        key = (task.name, method, metric)
        if key not in self._kept:
            statistics = self._statistics(task, method, metric)
            self._kept[key] = distribution(statistics, self._counts[task.name], len(task.y_B))
        return self._kept[key]

    @cached_property
    def _kept(self) -> dict[tuple[str, str, str], Floats]:
        return {}

    @cached_property
    def _counts(self) -> dict[str, Counts]:
        """How often each resample of a task draws each of its users; yes and no keep their size."""
        return {
            task.name: resample_counts(
                np.zeros(len(task.y_B), int) if task.is_number else user_strata(task.y_B),
                self.num_resamples,
                numpy_generator(self.seed, "bootstrap", task.name),
            )
            for task in self.tasks
        }

    @cached_property
    def _joint_counts(self) -> tuple[Counts, dict[str, Rows]]:
        """One draw of the users of all tasks, and the place in it of each task's users."""
        users_U = np.unique(np.concatenate([task.users_B for task in self.tasks]))
        generator = numpy_generator(self.seed, "bootstrap", "all tasks")
        counts_UR = resample_counts(np.zeros(len(users_U), int), self.num_resamples, generator)
        return counts_UR, {t.name: np.searchsorted(users_U, t.users_B) for t in self.tasks}
