"""What every class task says of itself."""

from typing import Any

import pytest

from habitus.errors import UsageError
from habitus.tasks.classes import ClassTaskConfig


def config(**changes: Any) -> ClassTaskConfig:
    values: dict[str, Any] = {"name": "t", "question": "Which?", "classes": ("a", "b")}
    return ClassTaskConfig.from_dict({**values, **changes})


def test_a_cutoff_is_a_date_or_a_number_of_events() -> None:
    assert config(as_of="2020-01-01").as_of == "2020-01-01"
    assert config(as_of=3).as_of == 3
    assert config().as_of is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "needs a name"),
        ({"question": "Which."}, "must end in a question mark"),
        ({"classes": ["a"]}, "two classes or more"),
        ({"classes": ["a", "b", "a"]}, "each with its own name"),
        ({"part": "third"}, "must be one of 'all', 'first', 'second'"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        config(**changes)
