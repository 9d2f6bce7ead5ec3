"""Answers of many users to several tasks, most of them missing: what multi-task probes learn from.

Shapes: B rows, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.errors import DataError
from habitus.probes.base import Floats, Matrix


class ManyLabelled(NamedTuple):
    """Vectors of some users at some cutoffs, and their answers to several tasks."""

    x_BD: Matrix
    y: Mapping[str, Floats]
    """Task → answer of each row: 0 or 1, a number of a regression, NaN where nobody is asked."""
    user_B: npt.NDArray[np.int64] | None = None
    """Whose row it is, so that slices part users; None where each row is a user."""

    def of(self, *tasks: str) -> ManyLabelled:
        """Return the rows with some tasks alone."""
        return self._replace(y={task: self.y[task] for task in tasks})


class TaskBase(NamedTuple):
    """What is known of a task from its training answers alone."""

    mean: float
    """Of the answers that are known."""
    shift: float
    scale: float
    """A number is standardised by shift and scale; 0 and 1 are left as they are."""
    is_constant: bool
    """Whether all have one answer, so that there is nothing to learn."""
    is_number: bool
    """Whether the task is a regression."""
    output: float
    """What a network without inputs would say: the log-odds of the rate, or 0."""

    @classmethod
    def of(cls, y_B: Floats, *, is_number: bool) -> TaskBase:
        """Return what the answers of some rows say, those that are not NaN."""
        known = y_B[~np.isnan(y_B)]
        mean, deviation = float(known.mean()), float(known.std())
        if is_number:
            constant = deviation <= 1e-9 * (abs(mean) + 1)
            scale = deviation if not constant else 1.0
            return cls(mean, mean, scale, constant, is_number, 0.0)
        constant = mean in (0, 1)
        output = 0.0 if constant else float(np.log(mean / (1 - mean)))
        return cls(mean, 0.0, 1.0, constant, is_number, output)


def check_answers(train: ManyLabelled, valid: ManyLabelled, regression: Sequence[str]) -> None:
    """Check what a multi-task probe is fitted on.

    Raises:
        DataError: no task, a task without a training row, an answer that is neither 0 nor 1 nor of
            a regression, or vectors that are not finite.
    """
    if not train.y:
        raise DataError("a multi-task probe needs a task or more, got none")
    for part, rows in (("training", train), ("validation", valid)):
        if not np.isfinite(rows.x_BD).all():
            row = int(np.argmax(~np.isfinite(rows.x_BD).all(axis=1)))
            raise DataError(f"a {part} vector is not finite (row {row}): the probe cannot read it")
        if missing := [task for task in train.y if task not in rows.y]:
            raise DataError(f"the {part} rows have no answers of {', '.join(missing)}")
        for task, y_B in rows.y.items():
            known = y_B[~np.isnan(y_B)]
            if len(y_B) != len(rows.x_BD):
                raise DataError(f"{task}: {len(y_B)} answers of {len(rows.x_BD)} {part} rows")
            if task not in regression and not np.isin(known, (0, 1)).all():
                raise DataError(
                    f"{task}: answers must be 0 or 1, or NaN where nobody is asked; name it in "
                    f"regression if they are numbers"
                )
            if task in regression and not np.isfinite(known).all():
                raise DataError(f"{task}: an answer of a {part} row is infinite")
    for task, y_B in train.y.items():
        if np.isnan(y_B).all():
            raise DataError(f"{task}: no training row is asked; leave the task out")
