"""Who a user is, from what they do: for audits of what a representation gives away (D10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from habitus.data.split import Future
from habitus.errors import UsageError
from habitus.tasks.base import Labels, Task, TaskConfig


@dataclass(frozen=True, kw_only=True)
class ProfileIsConfig(TaskConfig):
    """Which values of which attribute mean yes."""

    attribute: str
    """A column of the profiles table."""
    values: tuple[str, ...]
    sensitive: bool = True
    """Profiles are people's traits: say ``false`` only where the attribute is harmless."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.values:
            raise UsageError(f"task {self.name!r} needs at least one value of {self.attribute!r}")


class ProfileIs(Task):
    """1 where a user's attribute is one of the values; a user without it is not asked."""

    kind: ClassVar[str] = "profile"
    config_type: ClassVar[type[TaskConfig]] = ProfileIsConfig
    config: ProfileIsConfig

    @override
    def labels(self, future: Future) -> Labels:
        known = pc.cast(future.profile(self.config.attribute), pa.string())
        yes = pc.is_in(known, value_set=pa.array(self.config.values, pa.string()))
        label_U = np.asarray(yes.to_numpy(zero_copy_only=False), np.float64)
        label_U[known.is_null().to_numpy(zero_copy_only=False)] = np.nan
        return label_U
