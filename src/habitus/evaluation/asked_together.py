"""Several tasks asked of the same people at once: one row a user and cutoff, one column a task.

Tasks may have other cutoffs and other sample spaces: a row that a task does not ask about is NaN.
The rows of a part are those that any task asks.

Shapes: B rows (a user at a cutoff), D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from habitus.data.split import Part
from habitus.data.traces import Rows
from habitus.errors import UsageError
from habitus.evaluation.asked import Answers, AskedTask
from habitus.evaluation.features import Method
from habitus.evaluation.vectors import FeatureStore
from habitus.probes.base import Floats, Matrix


class PartRows(NamedTuple):
    """Who is asked something in one part, and when."""

    cutoff_B: Rows
    """In seconds, ascending."""
    user_B: Rows
    """Ascending within a cutoff."""
    y: Mapping[str, Floats]
    """Task → answer; NaN where the task does not ask."""

    def vectors(self, method: Method, store: FeatureStore) -> Matrix:
        """Return a method's vector of each row, ``(B, D)``."""
        return np.concatenate(
            [
                store.take(method, int(cutoff), self.user_B[self.cutoff_B == cutoff])
                for cutoff in np.unique(self.cutoff_B)
            ]
        )


class AskedTogether:
    """The rows of several tasks.

    Args:
        tasks: as :func:`habitus.evaluation.asked.ask` returns them.

    Raises:
        UsageError: no task, or two of one name.
    """

    def __init__(self, tasks: Sequence[AskedTask]) -> None:
        names = [task.name for task in tasks]
        if not names or len(set(names)) < len(names):
            raise UsageError(f"tasks asked together need names of their own, got {names}")
        self.tasks = {task.name: task for task in tasks}

    @cached_property
    def train(self) -> PartRows:
        """The training users at their cutoffs."""
        return self._part("train")

    @cached_property
    def valid(self) -> PartRows:
        """The validation users at the training cutoffs."""
        return self._part("valid")

    @cached_property
    def test(self) -> PartRows:
        """The test users, at the test cutoff of each task."""
        return self._part("test")

    def _part(self, part: Part) -> PartRows:
        answers = {name: _answers(task, part) for name, task in self.tasks.items()}
        asked: dict[int, list[Rows]] = {}
        for found in answers.values():
            for one in found:
                asked.setdefault(one.cutoff, []).append(one.users_B)
        users = {cutoff: np.unique(np.concatenate(asked[cutoff])) for cutoff in sorted(asked)}
        starts = dict(zip(users, np.cumsum([0, *map(len, users.values())]), strict=False))
        number = sum(map(len, users.values()))
        y = {name: np.full(number, np.nan) for name in answers}
        for name, found in answers.items():
            for one in found:
                place_B = starts[one.cutoff] + np.searchsorted(users[one.cutoff], one.users_B)
                y[name][place_B] = one.y_B
        cutoff_B = np.repeat(list(users), [len(u) for u in users.values()]).astype(np.int64)
        return PartRows(cutoff_B, np.concatenate(list(users.values())), y)


def _answers(task: AskedTask, part: Part) -> Sequence[Answers]:
    return {"train": task.train, "valid": task.valid, "test": (task.test,)}[part]
