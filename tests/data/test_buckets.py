import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.buckets import UserRanges, choose_ranges, cut, num_buckets
from habitus.data.dictionary import Dictionary


@given(st.lists(st.integers(0, 9), min_size=1).filter(any), st.integers(1, 12))
def test_buckets_are_all_users_in_order_and_about_even(counts: list[int], wanted: int) -> None:
    buckets = cut(np.array(counts), wanted)
    assert buckets.first_K1[0] == 0
    assert buckets.first_K1[-1] == len(counts)
    assert (np.diff(buckets.first_K1) > 0).all()
    assert len(buckets.count_K) <= wanted
    sums = [sum(counts[a:b]) for a, b in zip(buckets.first_K1, buckets.first_K1[1:], strict=False)]
    assert buckets.count_K.tolist() == sums
    # A bucket ends with the user who reaches its share, so it is at most a user above it.
    assert max(sums) <= sum(counts) / wanted + max(counts)


@pytest.mark.parametrize(
    ("mib", "memory_mib", "expected"),
    [
        # 32 MiB each, as long as that makes no more than 256.
        (1, 1024, 1),
        (33, 1024, 2),
        (256 * 32, 1024, 256),
        # 256 of 48 MiB; then 64 MiB each, a sixteenth of the memory.
        (256 * 48, 1024, 256),
        (256 * 128, 1024, 512),
        # A sixteenth of 16 MiB.
        (100, 16, 100),
        (10**7, 16, 65_535),
    ],
)
def test_how_many_buckets_there_are(mib: int, memory_mib: int, expected: int) -> None:
    assert num_buckets(mib * 2**20, memory_mib * 2**20) == expected


def test_each_user_has_the_range_of_the_id_whenever_it_is_met() -> None:
    users = Dictionary()
    users.codes(pl.Series(["m", "a", "z"]))
    ranges = UserRanges(pl.Series(["f", "m", "é"]))
    assert ranges.num == 4
    # Behind m, so from f; by bytes é comes after z.
    assert ranges.of_codes(users)[1:].tolist() == [2, 0, 2]
    users.codes(pl.Series(["f", "e", "é", "ß"]))
    assert ranges.of_codes(users)[1:].tolist() == [2, 0, 2, 1, 0, 3, 2]


@given(
    st.lists(
        st.tuples(st.text(max_size=3), st.integers(0, 5)), min_size=1, unique_by=lambda t: t[0]
    ).filter(lambda users: any(n for _, n in users)),
    st.integers(1, 9),
)
def test_ranges_cut_those_met_so_far_as_buckets_cut_them(
    counted: list[tuple[str, int]], wanted: int
) -> None:
    users = Dictionary()
    users.codes(pl.Series([name for name, _ in counted]))
    counts = np.array([0, *(n for _, n in counted)])
    ranges = choose_ranges(users, counts, wanted)
    met = sorted([(name.encode(), n) for name, n in counted if n])
    buckets = cut(np.array([n for _, n in met]), wanted)
    assert ranges.num == len(buckets.count_K)
    found = np.zeros(ranges.num, int)
    np.add.at(found, ranges.of_codes(users)[1:], counts[1:])
    assert found.tolist() == buckets.count_K.tolist()
