"""The promise of questions at a cutoff, and of :class:`habitus.tasks.Task`, as tests to inherit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import pytest

from habitus.config import Config
from habitus.data.split import DAY, Future
from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.tasks import TASKS, Task, TaskConfig, task_from_config
from habitus.tasks.base import DatedQuestion


class DatedQuestionContract:
    """Inherit by the sort of question; heirs name the task and a config, and make traces.

    The class is not called ``Test...``, so pytest collects only its heirs.
    """

    task: ClassVar[type[DatedQuestion]]
    config: ClassVar[TaskConfig]
    cutoff: ClassVar[int]
    """A cutoff, in seconds, at which the task has an answer."""
    kinds: ClassVar[Mapping[str, type[DatedQuestion]]]
    """The table in which tasks of this sort are registered."""

    @staticmethod
    def from_config(values: Mapping[str, Any]) -> DatedQuestion:
        """Return the task of an entry of a tasks file."""
        raise NotImplementedError

    def make_traces(self, path: Path) -> Traces:
        """Return traces whose users have different answers: an heir says which."""
        raise NotImplementedError

    @pytest.fixture
    def future(self) -> Iterator[Future]:
        """Every user's window after the cutoff."""
        with TemporaryDirectory() as folder:
            traces = self.make_traces(Path(folder) / "traces")
            users = np.arange(traces.num_users)
            yield Future(traces, self.cutoff, self.config.horizon_days * DAY, users)

    def test_a_label_depends_on_its_user_alone(self, future: Future) -> None:
        label_U = self.task(self.config).labels(future)
        backwards = np.arange(future.num_users)[::-1]
        other = Future(future._traces, future.cutoff, future.horizon, backwards)
        np.testing.assert_array_equal(self.task(self.config).labels(other), label_U[backwards])

    def test_asking_twice_gives_the_same_answer(self, future: Future) -> None:
        task = self.task(self.config)
        np.testing.assert_array_equal(task.labels(future), task.labels(future))

    def test_it_is_registered_under_its_kind(self) -> None:
        assert self.kinds[self.task.kind] is self.task

    def test_it_survives_a_round_trip_through_a_file(self) -> None:
        again = self.from_config(self.task(self.config).to_dict())
        assert isinstance(again, self.task)
        assert again.config == self.config

    def test_an_unknown_key_is_an_error(self) -> None:
        values = {**self.task(self.config).to_dict(), "horizont_days": 3}
        with pytest.raises(UsageError, match="did you mean 'horizon_days'"):
            self.from_config(values)

    def test_config_is_a_config(self) -> None:
        assert isinstance(self.config, Config)
        assert isinstance(self.config, self.task.config_type)


class TaskContract(DatedQuestionContract):
    """Of a yes-or-no question; ``make_traces`` returns traces with both a yes and a no."""

    task: ClassVar[type[Task]]
    kinds = TASKS
    from_config = staticmethod(task_from_config)

    def test_every_user_has_a_yes_a_no_or_no_question(self, future: Future) -> None:
        label_U = self.task(self.config).labels(future)
        assert label_U.shape == (future.num_users,)
        assert label_U.dtype == np.float64
        assert set(label_U[~np.isnan(label_U)]) == {0.0, 1.0}
