from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.evaluation.bootstrap import Difference
from habitus.reports.formats import decimals, score, signed, signed_interval
from habitus.runs.analyses.wording import figure, listed, told

ANY = st.floats(-9_999, 9_999)


@given(ANY)
def test_a_figure_is_written_as_the_page_writes_it(value: float) -> None:
    digits = decimals(value)
    assert figure(value) == score(value, digits)
    assert figure(value, sign=True) == signed(value, digits)


@given(ANY, ANY, ANY)
def test_an_interval_is_written_as_the_page_writes_it(
    value: float, low: float, high: float
) -> None:
    digits = decimals(value, low, high)
    text = told(Difference(value, low, high, 0.1, "tie"))
    assert text == f"{signed(value, digits)} {signed_interval(low, high, digits)}"


@pytest.mark.parametrize(
    ("value", "text"),
    [(-72.94, "−72.9"), (9.996, "9.996"), (16.1, "+16.1"), (-1348.7, "−1,349"), (0.0, ".000")],
)
def test_money_has_fewer_digits(value: float, text: str) -> None:
    assert figure(value, sign=value != 9.996) == text


def test_words_are_listed_with_an_and() -> None:
    assert listed([1, 4, 16, 64]) == "1, 4, 16 and 64"
    assert (listed(["reach"]), listed([])) == ("reach", "")
