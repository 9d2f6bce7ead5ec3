"""One entry of a tasks file into a task."""

import pytest

from habitus.errors import UsageError
from habitus.tasks import TASKS, class_task_from_config, task_from_config

GOOD = {"kind": "inactive", "name": "t", "question": "Yes?", "horizon_days": 30}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "inactiv"}, "did you mean 'inactive'"),
        (
            {"horizon_days": "30"},
            "^task 't' of kind 'inactive': horizon_days must be a whole number, got '30'$",
        ),
        ({"horizon": 30}, "^task 't' of kind 'inactive' has no key 'horizon'; did you mean"),
        ({"kind": "has", "channel": "aisle", "values": []}, "at least one value of 'aisle'"),
        ({"kind": "profile", "attribute": "age", "values": []}, "at least one value of 'age'"),
        ({"kind": "labeled"}, "^task 't' of kind 'labeled' needs label; 'habitus tasks' says"),
        ({"question": "Yes"}, "^the question of task 't' must end in a question mark"),
    ],
)
def test_a_wrong_entry_says_what_is_wrong(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        task_from_config({**GOOD, **change})


def test_what_a_class_task_lacks_is_said_in_the_words_of_the_file() -> None:
    entry = {"kind": "profile_class", "name": "t", "question": "Which?"}
    with pytest.raises(UsageError, match=r"^task 't' of kind 'profile_class' needs classes and at"):
        class_task_from_config(entry)
    with pytest.raises(UsageError, match=r"^a task of kind 'profile_class' needs name"):
        class_task_from_config({"kind": "profile_class"})
    whole = {**entry, "classes": ["a", "b"], "attribute": "x"}
    with pytest.raises(UsageError, match=r"^task 't' of kind 'profile_class': values.a must be"):
        class_task_from_config({**whole, "values": {"a": "x"}})


def test_an_entry_without_a_kind_lists_the_kinds() -> None:
    with pytest.raises(UsageError, match="bought_again, has, inactive, labeled, passed, profile"):
        task_from_config({"name": "t"})
    assert list(TASKS) == ["bought_again", "has", "inactive", "labeled", "passed", "profile"]


def test_an_entry_must_be_a_mapping() -> None:
    with pytest.raises(UsageError, match="must be a mapping"):
        task_from_config(3)  # type: ignore[arg-type]


def test_a_task_says_what_it_was_made_of() -> None:
    assert task_from_config(GOOD).to_dict() == {
        **GOOD,
        "sensitive": False,
        "active_within_days": None,
    }
