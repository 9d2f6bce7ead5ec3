"""A step of a funnel: will a user do something, among those who did what comes before it?

SUPERMOE eq. 3, A-S6: the sample space of a step is who passed the steps before. Of a campaign:
received, then a coupon redeemed; who was sent nothing is not asked about coupons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from habitus.data.split import Future
from habitus.errors import UsageError
from habitus.tasks.base import Labels, Task, TaskConfig
from habitus.tasks.labeled import Labeled, LabeledConfig


@dataclass(frozen=True, kw_only=True)
class PassedConfig(TaskConfig):
    """Which step, and which ones come before it."""

    label: str
    """The value of the label table's ``task`` column that is this step."""
    given: tuple[str, ...] = ()
    """The labels that a user must have in the window to be asked."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.label in self.given:
            raise UsageError(
                f"task {self.name!r} asks for {self.label!r} among those who have it: leave it out "
                f"of given"
            )


class Passed(Task):
    """1 where the window holds the label; NaN where it lacks one that is given."""

    kind: ClassVar[str] = "passed"
    config_type: ClassVar[type[TaskConfig]] = PassedConfig
    config: PassedConfig

    @override
    def labels(self, future: Future) -> Labels:
        label_U = has_labels(future, (self.config.label,), self.config).astype(np.float64)
        label_U[~has_labels(future, self.config.given, self.config)] = np.nan
        return label_U


def has_labels(
    future: Future, labels: tuple[str, ...], config: TaskConfig
) -> npt.NDArray[np.bool_]:
    """Return which users have every one of some labels in the window, ``(U)``.

    Args:
        future: of the users.
        labels: values of the label table's ``task`` column; none is everybody.
        config: of the task that asks.
    """
    found_U = np.ones(future.num_users, bool)
    for label in labels:
        about = LabeledConfig(
            name=config.name,
            question=config.question,
            horizon_days=config.horizon_days,
            label=label,
        )
        found_U &= Labeled(about).labels(future) == 1
    return found_U
