"""Labels that somebody else wrote down: a redeemed coupon, a default, a click on a campaign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from habitus.data.columns import VALUE
from habitus.data.split import Future
from habitus.errors import DataError
from habitus.tasks.base import Labels, Task, TaskConfig


@dataclass(frozen=True, kw_only=True)
class LabeledConfig(TaskConfig):
    """Which rows of the labels table count."""

    label: str
    """The value of the table's ``task`` column."""
    absent_is_no: bool = True
    """What a user without a row in the window is: a no, or not asked (NaN)."""


class Labeled(Task):
    """1 where the labels table has a row above zero inside the window."""

    kind: ClassVar[str] = "labeled"
    config_type: ClassVar[type[TaskConfig]] = LabeledConfig
    config: LabeledConfig

    @override
    def labels(self, future: Future) -> Labels:
        found = future.labels(self.config.label)
        place_B = found["place"].to_numpy().astype(np.int64)
        yes_B = _numbers(found[VALUE], self.config.label) > 0
        label_U = np.full(future.num_users, 0.0 if self.config.absent_is_no else np.nan)
        label_U[place_B] = 0.0
        label_U[place_B[yes_B]] = 1.0
        return label_U


def _numbers(values: pa.ChunkedArray, label: str) -> Labels:
    try:
        numbers = pc.cast(values, pa.float64()).to_numpy()
    except pa.ArrowException as error:
        raise DataError(
            f"the values of label {label!r} must be numbers, above zero for yes: {error}"
        ) from error
    return np.nan_to_num(np.asarray(numbers, np.float64), nan=0.0)
