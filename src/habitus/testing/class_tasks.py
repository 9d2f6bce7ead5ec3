"""The promise of :class:`habitus.tasks.ClassTask`, as tests to inherit.

Shapes: B users who are asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np
import pytest

from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.tasks import CLASS_TASKS, ClassTask, ClassTaskConfig, class_task_from_config


class ClassTaskContract:
    """Inherit, name the task and a config, and say what traces it is asked about.

    The class is not called ``Test...``, so pytest collects only its heirs.
    """

    task: ClassVar[type[ClassTask]]
    config: ClassVar[ClassTaskConfig]

    def make_traces(self, path: Path) -> Traces:
        """Return traces in which every class occurs, and somebody is not asked."""
        raise NotImplementedError

    def build(self) -> ClassTask:
        """Return the task."""
        return self.task(self.config)

    @pytest.fixture
    def traces(self) -> Iterator[Traces]:
        """The traces of :meth:`make_traces`."""
        with TemporaryDirectory() as folder:
            yield self.make_traces(Path(folder) / "traces")

    def test_every_class_occurs_and_nothing_else_does(self, traces: Traces) -> None:
        users_B, class_B = self.build().answers(traces)
        assert users_B.shape == class_B.shape
        assert users_B.dtype == class_B.dtype == np.int64
        assert set(class_B) == set(range(len(self.config.classes)))

    def test_users_are_rows_of_the_traces_ascending_each_once(self, traces: Traces) -> None:
        users_B, _ = self.build().answers(traces)
        assert (np.diff(users_B) > 0).all()
        assert users_B.min() >= 0
        assert users_B.max() < traces.num_users
        assert len(users_B) < traces.num_users, "the traces need a user who is not asked"

    def test_asking_twice_gives_the_same_answers(self, traces: Traces) -> None:
        task = self.build()
        for one, other in zip(task.answers(traces), task.answers(traces), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_naming_everybody_as_training_users_changes_nothing(self, traces: Traces) -> None:
        everybody = np.arange(traces.num_users)
        one, other = self.build().answers(traces), self.build().answers(traces, everybody)
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])

    def test_it_is_registered_under_its_kind(self) -> None:
        assert CLASS_TASKS[self.task.kind] is self.task

    def test_it_survives_a_round_trip_through_a_file(self) -> None:
        again = class_task_from_config(json.loads(json.dumps(self.build().to_dict())))
        assert isinstance(again, self.task)
        assert again.config == self.config

    def test_an_unknown_key_is_an_error(self) -> None:
        values = {**self.build().to_dict(), "clases": ["a", "b"]}
        with pytest.raises(UsageError, match="did you mean 'classes'"):
            class_task_from_config(values)
