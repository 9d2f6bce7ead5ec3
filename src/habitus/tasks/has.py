"""Will a user do one of some things: buy diapers, visit a shop, open a kind of page?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from habitus.data.split import Future
from habitus.errors import UsageError
from habitus.tasks.base import Labels, Task, TaskConfig


@dataclass(frozen=True, kw_only=True)
class HasValueConfig(TaskConfig):
    """Which values of which channel count."""

    channel: str
    """A category or ID channel."""
    values: tuple[str, ...]
    """Any one of these makes the answer yes; one that never occurs is told."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.values:
            raise UsageError(f"task {self.name!r} needs at least one value of {self.channel!r}")


class HasValue(Task):
    """1 where an event in the window holds one of the values."""

    kind: ClassVar[str] = "has"
    config_type: ClassVar[type[TaskConfig]] = HasValueConfig
    config: HasValueConfig

    @override
    def labels(self, future: Future) -> Labels:
        return future.has_any(self.config.channel, self.config.values).astype(float)
