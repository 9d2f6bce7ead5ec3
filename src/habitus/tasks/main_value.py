"""What a user does most: the main forum, shop or kind of page.

Shapes: U users of the traces, L events, C classes, B users who are asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from typing_extensions import override

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows, Traces
from habitus.errors import UsageError
from habitus.tasks.classes import Classes, ClassTask, ClassTaskConfig
from habitus.tasks.halves import Mask, readable


@dataclass(frozen=True, kw_only=True)
class MainValueConfig(ClassTaskConfig):
    """Which channel, and which events answer.

    Answers come from what the representation does not read: events at or after ``as_of``, or the
    other half of the posts; with both given, events that are both.
    """

    channel: str
    """A category or ID channel."""
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Class → values of the channel; without it, each class is one value. Events of other values do
    not count."""
    min_events: int = 1
    """Events that count, below which a user is not asked."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.as_of is None and self.part == "all":
            raise UsageError(
                f"task {self.name!r} asks for the main {self.channel}: give as_of, to ask about "
                f"what comes after, or part, to ask about the other half of the posts"
            )
        if self.min_events < 1:
            raise UsageError(f"min_events must be 1 or more, got {self.min_events}")
        if self.values and set(self.values) != set(self.classes):
            raise UsageError(
                f"task {self.name!r}: values must have the classes {list(self.classes)} as keys, "
                f"got {list(self.values)}"
            )


class MainValue(ClassTask):
    """The class with the most events; of equals, the one whose name comes first in the alphabet."""

    kind: ClassVar[str] = "main_value"
    config_type: ClassVar[type[ClassTaskConfig]] = MainValueConfig
    config: MainValueConfig

    @override
    def answers(self, traces: Traces, train: Rows | None = None) -> tuple[Rows, Classes]:
        count_UC = self._counts(traces)
        order = np.argsort(np.array(self.config.classes, object), kind="stable")
        class_U = order[count_UC[:, order].argmax(axis=1)]
        asked = np.flatnonzero(count_UC.sum(axis=1) >= self.config.min_events)
        return asked.astype(np.int64), class_U[asked].astype(np.int64)

    def _counts(self, traces: Traces) -> Rows:
        """Return how many events of each class answer, ``(U, C)``."""
        num_classes = len(self.config.classes)
        class_V = np.full(len(traces.dictionary(self.config.channel)) + 1, -1)
        for c, name in enumerate(self.config.classes):
            values = self.config.values.get(name, (name,))
            class_V[traces.codes_of(self.config.channel, values)] = c
        class_L = class_V[traces.column(self.config.channel)]
        user_L = np.repeat(np.arange(traces.num_users), np.diff(traces.offsets_U1))
        counts_L = (class_L >= 0) & self._answering(traces)
        cell_L = user_L[counts_L] * num_classes + class_L[counts_L]
        count = np.bincount(cell_L, minlength=traces.num_users * num_classes)
        return count.reshape(traces.num_users, num_classes)

    def _answering(self, traces: Traces) -> Mask:
        """Return which events the answers come from, ``(L)``."""
        answers_L = np.ones(traces.num_events, np.bool_)
        if self.config.as_of is not None:
            stop_U = Snapshot(traces, self.config.as_of).stop_U
            answers_L = np.arange(traces.num_events) >= np.repeat(
                stop_U, np.diff(traces.offsets_U1)
            )
        if self.config.part != "all":
            answers_L &= ~readable(traces, self.config)
        return answers_L
