from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.evaluation.bootstrap import Difference
from habitus.reports.formats import score, signed, signed_interval
from habitus.runs.analyses.wording import figure, listed, told

SMALL = st.floats(-9.99, 9.99)


@given(SMALL)
def test_a_figure_is_written_as_the_page_writes_it(value: float) -> None:
    assert figure(value) == score(value)
    assert figure(value, sign=True) == signed(value)


@given(SMALL, SMALL)
def test_an_interval_is_written_as_the_page_writes_it(low: float, high: float) -> None:
    # The page gives up at nine digits, too.
    text = told(Difference(0.5, low, high, 0.1, "tie"))
    assert text == f"+.500 {signed_interval(low, high)}"


@pytest.mark.parametrize(
    ("value", "text"),
    [(-72.94, "−72.9"), (9.996, "9.996"), (16.1, "+16.1"), (-1348.7, "−1,349"), (0.0, ".000")],
)
def test_money_has_fewer_digits(value: float, text: str) -> None:
    assert figure(value, sign=value != 9.996) == text


def test_words_are_listed_with_an_and() -> None:
    assert listed([1, 4, 16, 64]) == "1, 4, 16 and 64"
    assert (listed(["reach"]), listed([])) == ("reach", "")
