from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.errors import DataError
from habitus.reports import checks
from habitus.reports.checks import Check

GOOD: list[tuple[Check, object]] = [
    (checks.text, ""),
    (checks.flag, False),
    (checks.whole, 0),
    (checks.anything, object()),
    (checks.number(), -3),
    (checks.number(0, 1), 1.0),
    (checks.nullable(checks.text), None),
    (checks.one_of("a", "b"), "b"),
    (checks.listing(checks.whole), [1, 2]),
    (checks.listing(checks.whole), ()),
    (checks.mapping(checks.text), {"a": "b"}),
    (checks.record({"a": checks.text}, {"b": checks.whole}), {"a": "x", "b": None, "c": 1}),
]
BAD: list[tuple[Check, object, str]] = [
    (checks.text, 3, "here must be text, got 3"),
    (checks.flag, 1, "here must be true or false, got 1"),
    (checks.whole, True, "here must be a whole number, zero or more, got True"),
    (checks.whole, -1, "here must be a whole number, zero or more, got -1"),
    (checks.whole, 1.0, "here must be a whole number, zero or more, got 1.0"),
    (checks.number(), "1", "here must be a number, got '1'"),
    (checks.number(), True, "here must be a number, got True"),
    (checks.number(0, 1), 1.5, "here must be a number from 0 to 1, got 1.5"),
    (checks.number(0), math.nan, "here must be a finite number from 0 (write null"),
    (checks.one_of("a", "b"), "c", "here must be one of 'a', 'b', got 'c'"),
    (checks.listing(checks.whole), [1, "x"], "here[1] must be a whole number"),
    (checks.listing(checks.whole), "12", "here must be a list, got '12'"),
    (checks.mapping(checks.text), {"a": 1}, "here.a must be text"),
    (checks.mapping(checks.text), [1], "here must be an object"),
    (checks.mapping(checks.text), {1: "a"}, "here must be an object whose keys are text"),
    (checks.record({"a": checks.text}), {}, "here.a is missing"),
    (checks.record({"a": checks.text}), {"a": None}, "here.a must be text, got None"),
    (checks.record({}, {"b": checks.whole}), {"b": "x"}, "here.b must be a whole number"),
]


@pytest.mark.parametrize(("check", "value"), GOOD)
def test_a_right_value_passes(check: Check, value: object) -> None:
    check(value, "here")


@pytest.mark.parametrize(("check", "value", "message"), BAD)
def test_a_wrong_value_is_named_with_its_path(check: Check, value: object, message: str) -> None:
    with pytest.raises(DataError) as caught:
        check(value, "here")
    assert str(caught.value).startswith(message)


def test_paths_grow_from_the_outside_in() -> None:
    check = checks.record({"a": checks.listing(checks.record({"b": checks.mapping(checks.flag)}))})
    with pytest.raises(DataError, match=r"^a\[1\]\.b\.c must be true or false, got 'no'$"):
        check({"a": [{"b": {}}, {"b": {"c": "no"}}]}, "")


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(DataError) as caught:
        checks.whole("x" * 500, "here")
    assert len(str(caught.value)) < 160
    assert str(caught.value).endswith("…")


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(-5, 5), st.floats(0, 5))
def test_a_number_passes_exactly_when_it_lies_between_the_ends(
    value: float, low: float, width: float
) -> None:
    high = low + width
    try:
        checks.number(low, high)(value, "here")
        passed = True
    except DataError:
        passed = False
    assert passed == (low <= value <= high)
