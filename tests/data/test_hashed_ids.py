"""The hash is FNV-1a with its bits mixed; collisions are counted as a dictionary counts them."""

from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.hashed_ids import buckets_of, count_collisions, hash_values

BITS = (1 << 64) - 1


def plain_fnv(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & BITS
    return value


def plain_hash(text: str) -> int:
    """The slow twin, in whole numbers of Python."""
    value = plain_fnv(text)
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & BITS
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & BITS
    return value ^ (value >> 31)


def test_the_twin_is_the_published_hash() -> None:
    # Test vectors of the authors of FNV.
    published = {"": 0xCBF29CE484222325, "a": 0xAF63DC4C8601EC8C, "foobar": 0x85944171F73967E8}
    assert {text: plain_fnv(text) for text in published} == published


@given(
    st.lists(st.text(max_size=9)), st.integers(0, 3), st.sampled_from(["string", "large_string"])
)
def test_it_is_the_hash_of_a_loop(texts: list[str], skipped: int, kind: str) -> None:
    # A slice has bytes before its first text.
    array = pa.array(texts, getattr(pa, kind)()).slice(min(skipped, len(texts)))
    assert hash_values(array).tolist() == [plain_hash(text) for text in texts[skipped:]]


def test_buckets_are_evenly_filled_by_numbers_in_a_row() -> None:
    num_values, num_buckets = 100_000, 64
    bucket_V = buckets_of(pa.array([f"item-{i}" for i in range(num_values)]), num_buckets)
    count_K = np.bincount(bucket_V, minlength=num_buckets)
    # Chi-squared with 63 degrees of freedom: mean 63, deviation sqrt(126) = 11.2.
    expected = num_values / num_buckets
    assert ((count_K - expected) ** 2 / expected).sum() < 63 + 5 * 11.2


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=12),
)
def test_collisions_are_those_of_a_dictionary(values: list[tuple[int, int]]) -> None:
    by_bucket = defaultdict(list)
    for bucket, count in values:
        if count:
            by_bucket[bucket].append(count)
    seen = [count for counts in by_bucket.values() for count in counts]
    shared = [count for counts in by_bucket.values() if len(counts) > 1 for count in counts]
    bucket_V, count_V = np.array(values, np.int64).reshape(-1, 2).T
    found = count_collisions(bucket_V, count_V, 6)
    assert found.num_values == len(seen)
    assert found.value_collision_rate == pytest.approx(len(shared) / max(len(seen), 1))
    assert found.event_collision_rate == pytest.approx(sum(shared) / max(sum(seen), 1))


@pytest.mark.parametrize(("num_values", "num_buckets"), [(1_000, 65_536), (20_000, 65_536)])
def test_real_ids_collide_as_often_as_a_perfect_hash_says(
    num_values: int, num_buckets: int
) -> None:
    bucket_V = buckets_of(
        pa.array([str(10_000_000 + 7 * i) for i in range(num_values)]), num_buckets
    )
    found = count_collisions(bucket_V, np.ones(num_values, np.int64), num_buckets)
    # 1 - (1 - 1/65,536)^999 = 1.51 %, and ^19,999: 26.3 %.
    assert found.expected_rate == pytest.approx(
        {1_000: 0.0151, 20_000: 0.263}[num_values], rel=0.01
    )
    # Collisions come in pairs: the deviation of a share is about sqrt(2 p / V).
    deviation = (2 * found.expected_rate / num_values) ** 0.5
    assert found.value_collision_rate == pytest.approx(found.expected_rate, abs=4 * deviation)
    assert found.event_collision_rate == pytest.approx(found.value_collision_rate)


def test_nothing_collides_where_there_is_nothing() -> None:
    none = np.zeros(0, np.int64)
    found = count_collisions(none, none, 8)
    assert (found.num_values, found.value_collision_rate, found.expected_rate) == (0, 0.0, 0.0)
