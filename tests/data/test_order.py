import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data import order
from habitus.data.order import order_of, repeats_of

EVENTS = st.lists(st.tuples(st.integers(0, 5), st.integers(-3, 3)), max_size=40)


@given(EVENTS)
def test_the_order_is_that_of_a_stable_sort(events: list[tuple[int, int]]) -> None:
    user = np.array([u for u, _ in events], np.uint32)
    time = np.array([t for _, t in events], np.int64)
    expected = sorted(range(len(events)), key=lambda i: events[i])
    assert order_of(user, time).tolist() == expected


# One bit of user and three of place. Time takes 60 bits at 2^58, so that all three need 64 and are
# sorted one after the other; 61 at 2^59, when time and place alone need 64; 63 at 2^61.
@pytest.mark.parametrize("scale", [1, 2**40, 2**57, 2**58, 2**59, 2**61])
def test_the_order_does_not_depend_on_what_fits_in_one_integer(scale: int) -> None:
    user = np.array([1, 0, 1, 0, 1], np.uint32)
    time = np.array([1, 1, -1, 1, 1], np.int64) * scale
    assert order_of(user, time).tolist() == [1, 3, 2, 0, 4]


@given(EVENTS, st.integers(1, 63))
def test_the_ways_to_sort_agree(events: list[tuple[int, int]], bits: int) -> None:
    user = np.array([u for u, _ in events], np.uint32)
    time = np.array([t for _, t in events], np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "SIGNED_BITS", bits)
        found = order_of(user, time)
    assert found.tolist() == sorted(range(len(events)), key=lambda i: events[i])


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.sampled_from([0.0, -0.0, 1.0, np.nan]), st.sampled_from("ab")
        ),
        max_size=30,
    )
)
def test_repeats_are_rows_seen_before(rows: list[tuple[int, float, str]]) -> None:
    arrays = {
        "n": np.array([n for n, *_ in rows], np.uint8),
        "x": np.array([x for _, x, _ in rows], np.float32),
        "text": pa.array([t for *_, t in rows], pa.large_string()),
    }
    seen: set[tuple[int, float | None, str]] = set()
    expected = []
    for n, x, t in rows:
        key = (n, None if np.isnan(x) else x, t)
        expected.append(key in seen)
        seen.add(key)
    assert repeats_of(arrays).tolist() == expected


def test_equal_hashes_alone_are_no_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    import polars as pl

    monkeypatch.setattr(pl.DataFrame, "hash_rows", lambda self: pl.Series([7] * len(self)))
    found = repeats_of({"n": np.array([1, 2, 1, 3])})
    assert found.tolist() == [False, False, True, False]
