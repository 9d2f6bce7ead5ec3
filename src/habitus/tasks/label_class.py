"""Classes that somebody else wrote down: a stance, a diagnosis, a segment.

Shapes: U users of the traces, B users who are asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from habitus.data.columns import TASK, TIME, USER_ID, VALUE
from habitus.data.traces import Rows, Traces
from habitus.errors import DataError
from habitus.tasks.class_rules import NO_CLASS, RuledConfig, classes_of
from habitus.tasks.classes import Classes, ClassTask, ClassTaskConfig


@dataclass(frozen=True, kw_only=True)
class LabelClassConfig(RuledConfig):
    """Which rows of the labels table, and how their values become classes."""

    label: str
    """The value of the table's ``task`` column."""


class LabelClass(ClassTask):
    """The class of a user's latest label; a user without one, or of no class, is not asked."""

    kind: ClassVar[str] = "label_class"
    config_type: ClassVar[type[ClassTaskConfig]] = LabelClassConfig
    config: LabelClassConfig

    @override
    def answers(self, traces: Traces, train: Rows | None = None) -> tuple[Rows, Classes]:
        table = traces.table("labels")
        if table is None:
            raise DataError(f"task {self.name!r} needs a labels table, and this data has none")
        table = table.filter(pc.equal(table[TASK], self.config.label))
        table = table.filter(pc.is_in(table[USER_ID], value_set=traces.user_ids))
        class_B = classes_of(table[VALUE], self.config)
        user_B = pc.index_in(table[USER_ID], value_set=traces.user_ids).to_numpy()
        time_B = pc.cast(table[TIME], pa.int64()).to_numpy()
        # of rows at one time, the one that stands last
        order_B = np.lexsort((np.arange(len(user_B)), time_B, user_B))
        last_B = np.append(np.diff(user_B[order_B]) != 0, True)[: len(user_B)]
        kept = order_B[last_B]
        kept = kept[class_B[kept] != NO_CLASS]
        return user_B[kept].astype(np.int64), class_B[kept]
