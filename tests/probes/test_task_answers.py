"""What a multi-task probe is fitted on, checked at its door."""

from __future__ import annotations

import numpy as np
import pytest

from habitus.errors import DataError
from habitus.probes.task_answers import ManyLabelled, TaskBase, check_answers
from tests.probes.many import NAN, many

NUMBERS = ("amount",)


def test_what_is_right_passes() -> None:
    check_answers(many(), many(seed=1), NUMBERS)


def test_some_tasks_alone() -> None:
    rows = many()
    alone = rows.of("rare")
    assert list(alone.y) == ["rare"]
    assert alone.x_BD is rows.x_BD


def test_what_answers_say_by_hand() -> None:
    base = TaskBase.of(np.array([1.0, 0.0, 0.0, NAN, 0.0]), is_number=False)
    # One of four: log(¼ / ¾) = −log 3.
    assert base.mean == 0.25
    assert base.output == pytest.approx(-np.log(3))
    assert (base.shift, base.scale, base.is_constant) == (0.0, 1.0, False)
    number = TaskBase.of(np.array([1.0, 3.0, NAN]), is_number=True)
    assert (number.mean, number.shift, number.scale, number.output) == (2.0, 2.0, 1.0, 0.0)
    for answers, is_number in (([1.0, 1.0], False), ([0.0], False), ([5.0, 5.0, NAN], True)):
        found = TaskBase.of(np.array(answers), is_number=is_number)
        assert found.is_constant
        assert found.scale == 1.0
        assert found.mean == answers[0]


def changed(task: str, value: float) -> ManyLabelled:
    rows = many(20)
    y = {name: y_B.copy() for name, y_B in rows.y.items()}
    y[task][3] = value
    return rows._replace(y=y)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (many(20)._replace(y={}), "needs a task or more"),
        (changed("easy", 2.0), "easy: answers must be 0 or 1, or NaN"),
        (changed("amount", np.inf), "amount: an answer of a training row is infinite"),
        (many(20)._replace(x_BD=many(19).x_BD), "easy: 20 answers of 19 training rows"),
        (
            many(20)._replace(x_BD=np.full((20, 6), np.inf, np.float32)),
            r"a training vector is not finite \(row 0\)",
        ),
        (
            many(20)._replace(y={"easy": np.full(20, NAN)}),
            "easy: no training row is asked; leave the task out",
        ),
        (
            many(20)._replace(y={**many(20).y, "other": np.zeros(20)}),
            "the validation rows have no answers of other",
        ),
    ],
)
def test_what_is_wrong_is_told(rows: ManyLabelled, words: str) -> None:
    with pytest.raises(DataError, match=words):
        check_answers(rows, many(10, seed=1), NUMBERS)
