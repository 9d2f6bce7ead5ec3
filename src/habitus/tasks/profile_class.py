"""Which of several groups a user is in, by an attribute of the profile (PASUM §3.3).

Shapes: U users of the traces, B users who are asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from habitus.data.columns import TAGS
from habitus.data.split import profile_of
from habitus.data.traces import Rows, Traces
from habitus.tasks.class_rules import NO_CLASS, RuledConfig, classes_of
from habitus.tasks.classes import Classes, ClassTask, ClassTaskConfig


@dataclass(frozen=True, kw_only=True)
class ProfileClassConfig(RuledConfig):
    """Which attribute, and how it becomes a class."""

    attribute: str
    """A column of the profiles table: text, a number, or several texts, that is a list or, in the
    column tags, what stands between ``|``. A user with values of two classes is not asked."""
    sensitive: bool = True
    """Profiles are people's traits: say ``false`` only where the attribute is harmless."""


class ProfileClass(ClassTask):
    """The class of a user's attribute; a user without it, or of no class, is not asked."""

    kind: ClassVar[str] = "profile_class"
    config_type: ClassVar[type[ClassTaskConfig]] = ProfileClassConfig
    config: ProfileClassConfig

    @override
    def answers(self, traces: Traces, train: Rows | None = None) -> tuple[Rows, Classes]:
        everybody_U = np.arange(traces.num_users, dtype=np.int64)
        raw_U = profile_of(traces, everybody_U, self.config.attribute)
        is_text = pa.types.is_string(raw_U.type) or pa.types.is_large_string(raw_U.type)
        if self.config.attribute == TAGS and is_text:
            raw_U = _parted(raw_U)
        class_U = classes_of(raw_U, self.config)
        asked_U = class_U != NO_CLASS
        return everybody_U[asked_U], class_U[asked_U]


def _parted(tags_U: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the tags of one string as a list, without spaces around them."""
    return pc.split_pattern_regex(pc.utf8_trim_whitespace(tags_U), r"\s*\|\s*")
