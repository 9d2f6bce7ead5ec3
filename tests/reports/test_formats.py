from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.reports import formats

differences = st.floats(-1, 1, allow_nan=False)


def number(text: str) -> float:
    """Read a figure back."""
    return float(text.replace("−", "-").replace("+", ""))


@given(differences)
def test_a_score_reads_back_to_half_a_thousandth(value: float) -> None:
    assert abs(number(formats.score(value)) - value) <= 0.0005 + 1e-12


@given(differences)
def test_a_score_has_no_leading_zero_and_never_minus_zero(value: float) -> None:
    text = formats.score(value)
    assert not text.lstrip("−").startswith("0")
    assert text != "−.000"


@given(differences)
def test_a_difference_carries_the_sign_of_what_is_written(value: float) -> None:
    text = formats.signed(value)
    written = number(text)
    assert text[0] == ("+" if written > 0 else "−" if written < 0 else ".")


@given(differences, differences)
def test_an_end_that_is_not_zero_is_never_written_as_zero(a: float, b: float) -> None:
    low, high = sorted((a, b))
    for end, text in zip(
        (low, high), formats.signed_interval(low, high).strip("[]").split(", "), strict=True
    ):
        # Below a billionth nothing measured here means anything.
        if abs(end) > 1e-8:
            assert (number(text) > 0) == (end > 0)
            assert (number(text) < 0) == (end < 0)


@given(differences, differences)
def test_an_interval_reads_as_holding_zero_exactly_when_it_does(a: float, b: float) -> None:
    low, high = sorted((a, b))
    if min(abs(low), abs(high)) > 1e-8:
        first, second = formats.signed_interval(low, high).strip("[]").split(", ")
        assert (number(first) < 0 < number(second)) == (low < 0 < high)


@pytest.mark.parametrize(
    "write",
    [
        *(formats.score, formats.signed, formats.percent, formats.count, formats.large),
        *(formats.rate, formats.duration, formats.size),
    ],
)
def test_what_is_missing_is_a_dash(write: object) -> None:
    assert callable(write)
    assert write(None) == formats.MISSING


def test_a_missing_interval_is_said_in_words() -> None:
    assert formats.interval(None, None) == "no interval"
    assert formats.signed_interval(None, 0.1) == "no interval"


def test_percent_keeps_two_figures_below_ten() -> None:
    assert [formats.percent(p).replace("\xa0", " ") for p in (0, 0.05, 0.0994, 0.0996, 1)] == [
        "0.0 %",
        "5.0 %",
        "9.9 %",
        "10 %",
        "100 %",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599.6, "1 h 00 min")],
)
def test_a_duration_carries_over_to_the_next_unit(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


@given(st.floats(0, 1e18))
def test_a_size_reads_back_to_a_tenth_of_its_unit(num_bytes: float) -> None:
    figure, unit = formats.size(num_bytes).replace(",", "").split()
    scale = 1024 ** ["B", "KiB", "MiB", "GiB", "TiB"].index(unit)
    assert abs(float(figure) * scale - num_bytes) <= 0.5 * scale


@given(st.floats(0, 1e30))
def test_a_large_number_reads_back_to_one_in_twenty(value: float) -> None:
    digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    text = formats.large(value).replace(",", "")
    if " × 10" in text:
        mantissa, power = text.split(" × 10")
        assert float(mantissa) * 10 ** int(power.translate(digits)) == pytest.approx(
            value, rel=0.05
        )
    else:
        assert abs(float(text) - value) <= 0.5


@given(st.lists(st.floats(-9_999, 9_999, allow_nan=False), min_size=1, max_size=6))
def test_ticks_read_back_and_have_equally_many_digits(values: list[float]) -> None:
    rounded = [round(value, 3) for value in values]
    names = formats.tick_names(rounded)
    assert [number(name) for name in names] == pytest.approx(rounded, abs=1e-9)
    assert len({len(name.partition(".")[2]) for name in names if name != "0"}) <= 1


def test_figures_that_stand_together_have_the_digits_of_the_largest() -> None:
    # A value of 7.9 between −107 and 85 has no digit that counts after the point.
    digits = formats.decimals(-7.9, -107.4, 84.91)
    assert formats.signed(-7.9, digits) == "−8"
    assert formats.signed_interval(-107.4, 84.91, digits) == "[−107, +85]"
    assert formats.interval(1507.49, 99.9, digits) == "[1,507, 100]"
    # The end of a difference is zero only where it is.
    assert formats.signed_interval(-107.4, -0.3, digits) == "[−107, −.3]"
    assert formats.decimals(None) == formats.decimals(9.99) == 3


@given(st.floats(1e-4, 999))
def test_a_brief_figure_is_near_and_has_no_leading_zero(value: float) -> None:
    text = formats.brief(value)
    assert number(text) == pytest.approx(value, rel=0.005)
    assert not text.startswith("0")
