"""The class task contract catches tasks that break their promise."""

from pathlib import Path

import numpy as np
import pytest
from typing_extensions import override

from habitus.data.traces import Rows, Traces
from habitus.tasks import ClassTask, ClassTaskConfig
from habitus.tasks.classes import Classes
from habitus.testing.class_tasks import ClassTaskContract
from tests.tasks.writers import six_people

CONFIG = ClassTaskConfig(name="t", question="Which?", classes=("a", "b"))


class Honest(ClassTask):
    """The first five people, in turn."""

    kind = "honest"

    @override
    def answers(self, traces: Traces, train: Rows | None = None) -> tuple[Rows, Classes]:
        return np.arange(5), np.arange(5) % 2


class Backwards(Honest):
    @override
    def answers(self, traces: Traces, train: Rows | None = None) -> tuple[Rows, Classes]:
        return np.arange(5)[::-1], np.arange(5) % 2


class Everybody(Honest):
    @override
    def answers(self, traces: Traces, train: Rows | None = None) -> tuple[Rows, Classes]:
        return np.arange(6), np.arange(6) % 2


class OneClass(Honest):
    @override
    def answers(self, traces: Traces, train: Rows | None = None) -> tuple[Rows, Classes]:
        return np.arange(5), np.zeros(5, np.int64)


class Counts(Honest):
    """Other answers each time."""

    asked = 0

    @override
    def answers(self, traces: Traces, train: Rows | None = None) -> tuple[Rows, Classes]:
        self.asked += 1
        return np.arange(5), (np.arange(5) + self.asked) % 2


class Reads(Honest):
    """Other answers where training users are named."""

    @override
    def answers(self, traces: Traces, train: Rows | None = None) -> tuple[Rows, Classes]:
        return np.arange(5), (np.arange(5) + (train is None)) % 2


class Contract(ClassTaskContract):
    """Not collected: its name does not begin with Test."""

    config = CONFIG


def contract_of(task: type[ClassTask]) -> Contract:
    contract = Contract()
    type(contract).task = task
    return contract


TESTS = (
    "test_every_class_occurs_and_nothing_else_does",
    "test_users_are_rows_of_the_traces_ascending_each_once",
    "test_asking_twice_gives_the_same_answers",
    "test_naming_everybody_as_training_users_changes_nothing",
)


@pytest.mark.parametrize(
    ("task", "test"),
    [
        (OneClass, TESTS[0]),
        (Backwards, TESTS[1]),
        (Everybody, TESTS[1]),
        (Counts, TESTS[2]),
        (Reads, TESTS[3]),
    ],
)
def test_a_broken_promise_is_caught(task: type[ClassTask], test: str, tmp_path: Path) -> None:
    traces = six_people(tmp_path / "traces")
    with pytest.raises(AssertionError):
        getattr(contract_of(task), test)(traces)


@pytest.mark.parametrize("test", TESTS)
def test_an_honest_task_passes(test: str, tmp_path: Path) -> None:
    getattr(contract_of(Honest), test)(six_people(tmp_path / "traces"))


def test_a_task_that_nobody_can_name_is_caught() -> None:
    with pytest.raises(KeyError, match="honest"):
        contract_of(Honest).test_it_is_registered_under_its_kind()
