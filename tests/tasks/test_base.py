"""What every task must say of itself."""

import pytest

from habitus.errors import UsageError
from habitus.tasks import TaskConfig


@pytest.mark.parametrize(
    ("name", "question", "days", "message"),
    [
        ("", "Yes?", 30, "needs a name"),
        ("t", "Buys", 30, "question mark"),
        ("t", "Yes?", 0, "must be 1 or more, got 0"),
    ],
)
def test_a_question_needs_a_name_a_question_mark_and_a_window(
    name: str, question: str, days: int, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        TaskConfig(name=name, question=question, horizon_days=days)
