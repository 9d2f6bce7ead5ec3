"""The promise of :class:`habitus.tasks.NumberTask`, as tests to inherit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np
import pytest

from habitus.data.split import DAY, Future
from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.tasks import NUMBER_TASKS, NumberTask, TaskConfig, number_task_from_config


class NumberTaskContract:
    """Inherit, name the task and a config, and say what traces it is asked about.

    The class is not called ``Test...``, so pytest collects only its heirs.
    """

    task: ClassVar[type[NumberTask]]
    config: ClassVar[TaskConfig]
    cutoff: ClassVar[int]
    """A cutoff, in seconds, at which the task has an answer."""

    def make_traces(self, path: Path) -> Traces:
        """Return traces whose users have answers of different size."""
        raise NotImplementedError

    @pytest.fixture
    def future(self) -> Iterator[Future]:
        """Every user's window after the cutoff."""
        with TemporaryDirectory() as folder:
            traces = self.make_traces(Path(folder) / "traces")
            users = np.arange(traces.num_users)
            yield Future(traces, self.cutoff, self.config.horizon_days * DAY, users)

    def test_every_user_has_a_finite_number_or_no_question(self, future: Future) -> None:
        label_U = self.task(self.config).labels(future)
        assert label_U.shape == (future.num_users,)
        assert label_U.dtype == np.float64
        known = label_U[~np.isnan(label_U)]
        assert np.isfinite(known).all()
        assert len(set(known)) > 1

    def test_a_label_depends_on_its_user_alone(self, future: Future) -> None:
        label_U = self.task(self.config).labels(future)
        backwards = np.arange(future.num_users)[::-1]
        other = Future(future._traces, future.cutoff, future.horizon, backwards)
        np.testing.assert_array_equal(self.task(self.config).labels(other), label_U[backwards])

    def test_it_is_registered_under_its_kind(self) -> None:
        assert NUMBER_TASKS[self.task.kind] is self.task

    def test_it_survives_a_round_trip_through_a_file(self) -> None:
        again = number_task_from_config(self.task(self.config).to_dict())
        assert isinstance(again, self.task)
        assert again.config == self.config

    def test_an_unknown_key_is_an_error(self) -> None:
        values = {**self.task(self.config).to_dict(), "horizont_days": 3}
        with pytest.raises(UsageError, match="did you mean 'horizon_days'"):
            number_task_from_config(values)
