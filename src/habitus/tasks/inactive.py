"""Will nothing happen? The task that companies call churn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from typing_extensions import override

from habitus.data.split import Future
from habitus.errors import UsageError
from habitus.tasks.base import Labels, Task, TaskConfig


@dataclass(frozen=True, kw_only=True)
class InactiveConfig(TaskConfig):
    """Who is asked whether they will stay away."""

    active_within_days: int | None = None
    """Ask only users with an event in so many days before the cutoff: who left long ago cannot
    leave again, and is easily told. Null asks everybody who has a history."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.active_within_days is not None and self.active_within_days < 1:
            raise UsageError(
                f"active_within_days of task {self.name!r} must be 1 or more, or left out to ask "
                f"everybody, got {self.active_within_days}"
            )


class Inactive(Task):
    """1 where a user has no event in the window."""

    kind: ClassVar[str] = "inactive"
    config_type: ClassVar[type[TaskConfig]] = InactiveConfig
    config: InactiveConfig

    @override
    def labels(self, future: Future) -> Labels:
        label_U = np.asarray(future.num_events_U == 0, np.float64)
        if self.config.active_within_days is not None:
            label_U[~future.seen_within(self.config.active_within_days)] = np.nan
        return label_U
