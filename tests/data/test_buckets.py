from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.blocks import Blocks
from habitus.data.buckets import Partition, cut, final_block
from habitus.data.dictionary import Final
from habitus.data.events import USER


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
    assert buckets.of_users().tolist() == [
        k for k, n in enumerate(np.diff(buckets.first_K1)) for _ in range(n)
    ]


def test_final_codes_take_the_place_of_provisional_ones() -> None:
    final = Final(pa.array(["a", "b"]), np.array([0, 2, 1], np.uint8))
    block = {"n": np.array([1, 0, 2], np.uint32), "x": np.array([1.5])}
    found = final_block(block, {"n": final})
    assert found["n"].tolist() == [2, 0, 1]
    assert found["x"] is block["x"]


@pytest.mark.parametrize("num_buckets", [1, 2, 5])
def test_a_partition_gives_each_bucket_its_events_by_arrival(
    tmp_path: Path, num_buckets: int
) -> None:
    rng = np.random.default_rng(0)
    user = rng.integers(0, 7, 100).astype(np.uint32)
    # The provisional code of user row u is 7 - u: orders differ.
    codes = np.concatenate([[0], np.arange(7, 0, -1)]).astype(np.uint8)
    finals = {USER: Final(pa.array(list("abcdefg")), codes)}
    texts = [f"text {i}" if i % 3 else "" for i in range(100)]
    blocks = Blocks(tmp_path / "blocks", limit=0)
    for start, stop in ((0, 30), (30, 31), (31, 100)):
        blocks.append(
            {
                USER: (7 - user[start:stop]).astype(np.uint32),
                "n": np.arange(start, stop),
                "text": pa.array(texts[start:stop], pa.large_string()),
            }
        )
    buckets = cut(np.bincount(user, minlength=7), num_buckets)
    partition = Partition(tmp_path / "buckets", buckets)
    with ThreadPoolExecutor(2) as pool:
        partition.fill(blocks, finals, pool)
    bucket_U = buckets.of_users()
    for bucket in range(len(buckets.count_K)):
        expected = np.flatnonzero(bucket_U[user] == bucket)
        found = partition.read(bucket)
        assert found["n"].tolist() == expected.tolist()
        assert found[USER].tolist() == user[expected].tolist()
        assert found["text"].to_pylist() == [texts[i] for i in expected]  # type: ignore[union-attr]
        restored = Partition.restored(tmp_path / "buckets", buckets, partition.state())
        again = restored.read(bucket)
        assert list(again) == list(found)
        assert again["n"].tolist() == found["n"].tolist()
        assert again["text"] == found["text"]
    partition.delete()
    assert list((tmp_path / "buckets").iterdir()) == []
