"""The promise of :class:`habitus.tasks.NumberTask`, as tests to inherit."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from habitus.data.split import Future
from habitus.tasks import NUMBER_TASKS, NumberTask, number_task_from_config
from habitus.testing.tasks import DatedQuestionContract


class NumberTaskContract(DatedQuestionContract):
    """Of a question for a number; ``make_traces`` returns traces with answers of different size."""

    task: ClassVar[type[NumberTask]]
    kinds = NUMBER_TASKS
    from_config = staticmethod(number_task_from_config)

    def test_every_user_has_a_finite_number_or_no_question(self, future: Future) -> None:
        label_U = self.task(self.config).labels(future)
        assert label_U.shape == (future.num_users,)
        assert label_U.dtype == np.float64
        known = label_U[~np.isnan(label_U)]
        assert np.isfinite(known).all()
        assert len(set(known)) > 1
