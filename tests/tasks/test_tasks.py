"""One entry of a tasks file into a task."""

import pytest

from habitus.errors import UsageError
from habitus.tasks import TASKS, task_from_config

GOOD = {"kind": "inactive", "name": "t", "question": "Yes?", "horizon_days": 30}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "inactiv"}, "did you mean 'inactive'"),
        ({"horizon_days": "30"}, "must be of type int, got '30'"),
        ({"kind": "has", "channel": "aisle", "values": []}, "at least one value of 'aisle'"),
        ({"kind": "profile", "attribute": "age", "values": []}, "at least one value of 'age'"),
        ({"kind": "labeled"}, "LabeledConfig needs label"),
    ],
)
def test_a_wrong_entry_says_what_is_wrong(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        task_from_config({**GOOD, **change})


def test_an_entry_without_a_kind_lists_the_kinds() -> None:
    with pytest.raises(UsageError, match="has, inactive, labeled, profile"):
        task_from_config({"name": "t"})
    assert list(TASKS) == ["has", "inactive", "labeled", "profile"]


def test_an_entry_must_be_a_mapping() -> None:
    with pytest.raises(UsageError, match="must be a mapping"):
        task_from_config(3)  # type: ignore[arg-type]


def test_a_task_says_what_it_was_made_of() -> None:
    assert task_from_config(GOOD).to_dict() == {
        **GOOD,
        "sensitive": False,
        "active_within_days": None,
    }
