"""How much a user will do: little, some or much.

Shapes: U users, B users who are asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from typing_extensions import override

from habitus.data.snapshot import Snapshot, parse_as_of
from habitus.data.split import DAY, Future
from habitus.data.traces import Rows, Traces
from habitus.errors import UsageError
from habitus.tasks.classes import Classes, ClassTask, ClassTaskConfig


@dataclass(frozen=True, kw_only=True)
class ActivityConfig(ClassTaskConfig):
    """In which window, in how many groups."""

    horizon_days: int
    """Length of the window after ``as_of`` whose events are counted."""
    classes: tuple[str, ...] = ("little", "some", "much")
    """From the fewest events to the most; three are terciles."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.as_of, str):
            raise UsageError(f"task {self.name!r} needs as_of, a date, got {self.as_of!r}")
        if self.horizon_days < 1:
            raise UsageError(
                f"horizon_days of task {self.name!r} must be 1 or more, got {self.horizon_days}"
            )


class Activity(ClassTask):
    """Equal groups of the training users by their number of events in the window.

    A user is asked who has an event before the window. Users with equally many events are in one
    group, the lower one, so groups may differ in size.
    """

    kind: ClassVar[str] = "activity"
    config_type: ClassVar[type[ClassTaskConfig]] = ActivityConfig
    config: ActivityConfig

    @override
    def answers(self, traces: Traces, train: Rows | None = None) -> tuple[Rows, Classes]:
        asked_B = np.flatnonzero(Snapshot(traces, self.config.as_of).lengths_U > 0)
        cutoff = parse_as_of(self.config.as_of, traces)
        horizon = self.config.horizon_days * DAY
        count_B = Future(traces, cutoff, horizon, asked_B).num_events_U
        fitted_B = count_B if train is None else count_B[np.isin(asked_B, train)]
        shares = np.arange(1, len(self.config.classes)) / len(self.config.classes)
        edges = np.quantile(fitted_B, shares, method="inverted_cdf") if len(fitted_B) else shares
        return asked_B.astype(np.int64), np.searchsorted(edges, count_B).astype(np.int64)
