import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data import order
from habitus.data.hash_table import Codes
from habitus.data.order import bits_of, order_events, repeats_of
from habitus.data.traces import Rows

EVENTS = st.lists(st.tuples(st.integers(0, 5), st.integers(-3, 3)), max_size=40)


def arrays(events: list[tuple[int, int]]) -> tuple[Codes, Rows]:
    return np.array([u for u, _ in events], np.uint32), np.array([t for _, t in events], np.int64)


def check_order(events: list[tuple[int, int]]) -> None:
    """Compare with a stable sort."""
    found = order_events(*arrays(events))
    expected = sorted(range(len(events)), key=lambda i: events[i])
    assert found.place_L.tolist() == expected
    assert found.user_L.tolist() == [events[i][0] for i in expected]
    assert found.time_L.tolist() == [events[i][1] for i in expected]


@given(EVENTS)
def test_the_order_is_that_of_a_stable_sort(events: list[tuple[int, int]]) -> None:
    check_order(events)


# One bit of user and three of place. Time takes 60 bits at 2^58, so that all three need 64 and are
# sorted one after the other; 61 at 2^59, when time and place alone need 64; 63 at 2^61.
@pytest.mark.parametrize("scale", [1, 2**40, 2**57, 2**58, 2**59, 2**61])
@pytest.mark.parametrize("first", [0, 2**32 - 2])
def test_the_order_does_not_depend_on_what_fits_in_one_integer(scale: int, first: int) -> None:
    users = [first + u for u in (1, 0, 1, 0, 1)]
    check_order(list(zip(users, [t * scale for t in (1, 1, -1, 1, 1)], strict=True)))


@given(EVENTS, st.integers(1, 63))
def test_the_ways_to_sort_agree(events: list[tuple[int, int]], bits: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "SIGNED_BITS", bits)
        check_order(events)


ROWS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 2),
        st.integers(0, 2),
        st.sampled_from([0.0, -0.0, 1.0, np.nan]),
        st.sampled_from("ab"),
    ),
    max_size=30,
)


def repeats(rows: list[tuple[int, int, int, float, str]]) -> list[bool]:
    """Return which rows, sorted by user and time, are found to repeat another."""
    rows = sorted(rows, key=lambda row: row[:2])
    found = {
        "text": pa.array([t for *_, t in rows], pa.large_string()),
        "x": np.array([x for *_, x, _ in rows], np.float32),
        "n": np.array([n for _, _, n, *_ in rows], np.uint8),
    }
    ordered = order_events(*arrays([row[:2] for row in rows]))
    return [bool(is_repeat) for is_repeat in repeats_of(found, ordered)]


def expected_repeats(rows: list[tuple[int, int, int, float, str]]) -> list[bool]:
    seen: set[tuple[object, ...]] = set()
    expected = []
    for *rest, x, text in sorted(rows, key=lambda row: row[:2]):
        key = (*rest, None if np.isnan(x) else x, text)
        expected.append(key in seen)
        seen.add(key)
    return expected


@given(ROWS)
def test_repeats_are_rows_seen_before(rows: list[tuple[int, int, int, float, str]]) -> None:
    assert repeats(rows) == expected_repeats(rows)


@given(ROWS, st.sampled_from([0.0, 0.5, 1.0]))
def test_repeats_do_not_depend_on_how_they_are_looked_for(
    rows: list[tuple[int, int, int, float, str]], few: float
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # The share at which arrays are no longer looked at, and at which rows are taken out first.
        patch.setattr(order, "FEW", few)
        patch.setattr(order, "MOST_ARE_NEAR", few)
        # Every hash is the same: only the rows themselves tell.
        patch.setattr(order, "bits_of", lambda array: np.zeros(len(array), np.uint8))
        assert repeats(rows) == expected_repeats(rows)


def test_many_events_at_once_are_compared_in_full() -> None:
    half = order.MANY_AT_ONCE // 2 + 150
    # Every value twice, far from itself, all of one user at one time; then a few at another.
    values = [(n % half % 256, float(n % half // 256)) for n in range(2 * half)]
    rows = [(0, 0, *value, "a") for value in values] + [(0, 1, 0, 0.0, "a")] * 2
    assert repeats(rows) == expected_repeats(rows)
    assert sum(repeats(rows)) == half + 1


def test_events_without_channels_repeat_by_time_alone() -> None:
    ordered = order_events(*arrays([(0, 1), (0, 1), (1, 1), (0, 2)]))
    assert repeats_of({}, ordered).tolist() == [False, True, False, False]


def test_equal_values_have_equal_bits() -> None:
    bits = bits_of(np.array([0.0, -0.0, np.nan, -np.nan, 1.5], np.float32))
    assert bits[0] == bits[1]
    assert bits[2] == bits[3]
    assert len(set(bits.tolist())) == 3
    texts = bits_of(pa.array(["a", "b", "a"], pa.large_string()))
    assert (texts[0] == texts[2], texts[0] == texts[1]) == (True, False)
