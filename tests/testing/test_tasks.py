"""The task contract catches tasks that break their promise."""

from pathlib import Path

import numpy as np
import pytest
from typing_extensions import override

from habitus.data.split import DAY, Future
from habitus.data.traces import Traces
from habitus.tasks import Labels, Task, TaskConfig
from habitus.testing.tasks import TaskContract
from tests.tasks.people import CUTOFF, five_people


class FirstIsYes(Task):
    """A task that depends on who stands first."""

    kind = "first_is_yes"

    @override
    def labels(self, future: Future) -> Labels:
        return np.asarray(np.arange(future.num_users) == 0, np.float64)


class AlwaysNo(Task):
    kind = "always_no"

    @override
    def labels(self, future: Future) -> Labels:
        return np.zeros(future.num_users)


class Contract(TaskContract):
    """Not collected: its name does not begin with Test."""

    config = TaskConfig(name="t", question="Yes?", horizon_days=30)

    def make_traces(self, path: Path) -> Traces:
        return five_people(path)


def contract_of(task: type[Task]) -> Contract:
    contract = Contract()
    type(contract).task = task
    return contract


@pytest.fixture
def future(tmp_path: Path) -> Future:
    return Future(five_people(tmp_path / "traces"), CUTOFF, 30 * DAY, np.arange(5))


def test_labels_by_place_are_caught(future: Future) -> None:
    with pytest.raises(AssertionError):
        contract_of(FirstIsYes).test_a_label_depends_on_its_user_alone(future)


def test_a_task_with_one_answer_is_caught(future: Future) -> None:
    with pytest.raises(AssertionError):
        contract_of(AlwaysNo).test_every_user_has_a_yes_a_no_or_no_question(future)


def test_a_task_that_nobody_can_name_is_caught() -> None:
    with pytest.raises(KeyError, match="always_no"):
        contract_of(AlwaysNo).test_it_is_registered_under_its_kind()
