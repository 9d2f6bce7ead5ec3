"""Will nothing happen? The task that companies call churn."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from typing_extensions import override

from habitus.data.split import Future
from habitus.tasks.base import Labels, Task


class Inactive(Task):
    """1 where a user has no event in the window."""

    kind: ClassVar[str] = "inactive"

    @override
    def labels(self, future: Future) -> Labels:
        return np.asarray(future.num_events_U == 0, np.float64)
