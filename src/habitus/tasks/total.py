"""How much: the events, or the money, of a user inside the window.

Shapes: U users, L events inside the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from typing_extensions import override

from habitus.data.split import Future
from habitus.tasks.base import Labels, NumberTask, TaskConfig


@dataclass(frozen=True, kw_only=True)
class TotalConfig(TaskConfig):
    """What is added up."""

    channels: tuple[str, ...] = ()
    """Dense channels whose product is added up over the events, such as price and quantity; none
    counts the events. An event without a value of one adds nothing."""


class Total(NumberTask):
    """The logarithm of the sum over the window, ``sign(x) · log(1 + |x|)``.

    Amounts have long tails, and may be below 0 where more is returned than bought.
    """

    kind: ClassVar[str] = "total"
    config_type: ClassVar[type[TaskConfig]] = TotalConfig
    config: TotalConfig

    @override
    def labels(self, future: Future) -> Labels:
        amount_L = np.ones(len(future.user_L))
        for name in self.config.channels:
            amount_L = amount_L * future.values(name).astype(np.float64)
        amount_L = np.nan_to_num(amount_L, nan=0.0, posinf=0.0, neginf=0.0)
        total_U = np.bincount(future.user_L, amount_L, minlength=future.num_users)
        label_U: Labels = np.sign(total_U) * np.log1p(np.abs(total_U))
        return label_U
