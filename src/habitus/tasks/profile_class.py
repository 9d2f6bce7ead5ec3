"""Which of several groups a user is in, by an attribute of the profile (PASUM §3.3).

Shapes: U users of the traces, B users who are asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from typing_extensions import override

from habitus.data.split import profile_of
from habitus.data.traces import Rows, Traces
from habitus.tasks.class_rules import NO_CLASS, RuledConfig, classes_of
from habitus.tasks.classes import Classes, ClassTask, ClassTaskConfig


@dataclass(frozen=True, kw_only=True)
class ProfileClassConfig(RuledConfig):
    """Which attribute, and how it becomes a class."""

    attribute: str
    """A column of the profiles table: text, a number, or a list of texts, as tags are (joined by
    ``|`` in a file). A user with values of two classes is not asked."""
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
        class_U = classes_of(raw_U, self.config)
        asked_U = class_U != NO_CLASS
        return everybody_U[asked_U], class_U[asked_U]
