"""The contract of questions for numbers catches those that break their promise."""

from pathlib import Path

import numpy as np
import pytest
from typing_extensions import override

from habitus.data.split import DAY, Future
from habitus.data.traces import Traces
from habitus.tasks import Labels, NumberTask, TaskConfig
from habitus.testing.number_tasks import NumberTaskContract
from tests.tasks.people import CUTOFF, five_people


class Place(NumberTask):
    """A task that depends on who stands first."""

    kind = "place"

    @override
    def labels(self, future: Future) -> Labels:
        return np.arange(future.num_users, dtype=np.float64)


class Endless(NumberTask):
    kind = "endless"

    @override
    def labels(self, future: Future) -> Labels:
        return np.where(np.arange(future.num_users) == 0, np.inf, 0.0)


class Contract(NumberTaskContract):
    """Not collected: its name does not begin with Test."""

    config = TaskConfig(name="t", question="How much?", horizon_days=30)

    def make_traces(self, path: Path) -> Traces:
        return five_people(path)


def contract_of(task: type[NumberTask]) -> Contract:
    contract = Contract()
    type(contract).task = task
    return contract


@pytest.fixture
def future(tmp_path: Path) -> Future:
    return Future(five_people(tmp_path / "traces"), CUTOFF, 30 * DAY, np.arange(5))


def test_labels_by_place_are_caught(future: Future) -> None:
    with pytest.raises(AssertionError):
        contract_of(Place).test_a_label_depends_on_its_user_alone(future)


def test_an_answer_that_is_infinite_is_caught(future: Future) -> None:
    with pytest.raises(AssertionError):
        contract_of(Endless).test_every_user_has_a_finite_number_or_no_question(future)


def test_a_task_that_nobody_can_name_is_caught() -> None:
    with pytest.raises(KeyError, match="place"):
        contract_of(Place).test_it_is_registered_under_its_kind()
