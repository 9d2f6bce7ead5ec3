import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitus.data.blocks import Array, Block
from habitus.data.ingest_state import Torn
from habitus.data.spill import INDEX, Spill


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def as_list(array: Array) -> list[Any]:
    found: list[Any] = array.tolist() if isinstance(array, np.ndarray) else array.to_pylist()
    return found


def block(start: int, stop: int) -> Block:
    rows = np.arange(start, stop)
    return {
        "code": (rows * 7 % 300).astype(np.uint32),
        "time": rows * 10**6 - 5,
        "price": np.where(rows % 3 == 0, np.nan, -0.0).astype(np.float32),
        "text": pa.array(["é" * (i % 4) + str(i) for i in rows.tolist()], pa.large_string()),
    }


def add(spill: Spill, rows: range, range_L: list[int], num: int, pool: ThreadPoolExecutor) -> None:
    """Append rows that belong to these ranges."""
    order = np.argsort(range_L, kind="stable")
    place_L = np.empty(len(order), np.uint32)
    place_L[order] = np.arange(len(order))
    counts = np.bincount(np.array(range_L, int), minlength=num)
    spill.append(block(rows.start, rows.stop), place_L, counts, pool)


def same(one: Block, other: Block) -> bool:
    """Return whether two blocks hold the same bits."""
    assert list(one) == list(other)
    return all(
        a.tobytes() == b.tobytes() and a.dtype == b.dtype
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
        else as_list(a) == as_list(b)
        for a, b in zip(one.values(), other.values(), strict=True)
    )


@pytest.mark.parametrize("num_ranges", [1, 2, 5, 20])
@pytest.mark.parametrize("sizes", [[100], [30, 1, 69]])
def test_a_range_is_its_events_by_arrival(
    tmp_path: Path, pool: ThreadPoolExecutor, num_ranges: int, sizes: list[int]
) -> None:
    range_L = np.random.default_rng(0).integers(0, num_ranges, 100)
    spill, start = Spill(tmp_path / "s", num_ranges), 0
    for size in sizes:
        stop = start + size
        add(spill, range(start, stop), range_L[start:stop].tolist(), num_ranges, pool)
        start = stop
    assert spill.count_R.tolist() == np.bincount(range_L, minlength=num_ranges).tolist()
    spill.save()
    for found in (spill, Spill.restored(tmp_path / "s")):
        for place in range(num_ranges):
            rows = np.flatnonzero(range_L == place)
            whole = {
                n: a[rows] if isinstance(a, np.ndarray) else a.take(pa.array(rows))
                for n, a in block(0, 100).items()
            }
            assert same(found.read(place, pool), whole)
            pieces = list(found.pieces(place, pool))
            assert 0 < len(pieces) <= len(sizes) or not len(rows)
            assert [x for p in pieces for x in as_list(p["text"])] == as_list(whole["text"])
    spill.release(spill.finished_groups(num_ranges))
    assert [p.name for p in (tmp_path / "s").iterdir()] == [INDEX]


NUMBERS = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 300), min_size=1, max_size=9)


@given(NUMBERS)
@settings(max_examples=60)
def test_whole_numbers_come_back_whatever_their_spread(numbers: list[int]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
        spill = Spill(Path(folder), 1)
        place_L = np.arange(len(numbers), dtype=np.uint32)
        values = np.array(numbers, np.int64)
        spill.append({"n": values.copy()}, place_L, np.array([len(numbers)]), pool)
        assert spill.read(0, pool)["n"].tolist() == numbers
        [size] = [p.stat().st_size for p in Path(folder).rglob("n")]
        spread = max(numbers) - min(numbers)
        bytes_each = next(b for b in (1, 2, 4, 8) if spread < 2 ** (8 * b))
        assert size == bytes_each * len(numbers)


def test_the_files_of_ranges_that_are_done_go(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    spill = Spill(tmp_path, 20)
    add(spill, range(40), [i % 20 for i in range(40)], 20, pool)
    spill.save()
    # 20 ranges in 8 groups: 0 … 2 are the first, 3 … 4 the second (3 · 8 // 20 = 1).
    assert spill.finished_groups(2) == []
    assert spill.finished_groups(3) == [0]
    assert spill.finished_groups(19) == [0, 1, 2, 3, 4, 5, 6]
    assert spill.finished_groups(20) == [0, 1, 2, 3, 4, 5, 6, 7]
    spill.release([0])
    assert not (tmp_path / "0").exists()
    assert spill.finished_groups(5) == [1]
    assert len(as_list(spill.read(3, pool)["time"])) == 2
    again = Spill.restored(tmp_path, [0, 1])
    assert not (tmp_path / "1").exists()
    assert again.finished_groups(19) == [2, 3, 4, 5, 6]
    assert len(as_list(again.read(19, pool)["text"])) == 2


def test_a_file_that_is_cut_is_noticed(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    spill = Spill(tmp_path, 2)
    add(spill, range(9), [1] * 9, 2, pool)
    spill.save()
    path = tmp_path / "1/time"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Torn, match="ends before"):
        spill.read(1, pool)


@pytest.mark.parametrize("damage", ["gone", "cut", "another"])
def test_an_index_that_cannot_be_read_is_noticed(
    tmp_path: Path, pool: ThreadPoolExecutor, damage: str
) -> None:
    spill = Spill(tmp_path, 1)
    add(spill, range(3), [0] * 3, 1, pool)
    spill.save()
    path = tmp_path / INDEX
    if damage == "gone":
        path.unlink()
    else:
        path.write_text(path.read_text()[:-3] if damage == "cut" else json.dumps({"dtypes": {}}))
    with pytest.raises(Torn):
        Spill.restored(tmp_path)


def test_reading_takes_as_many_turns_as_the_system_wants(
    tmp_path: Path, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.preadv
    monkeypatch.setattr(
        os, "preadv", lambda handle, views, first: real(handle, [views[0][:3]], first)
    )
    spill = Spill(tmp_path, 1)
    add(spill, range(9), [0] * 9, 1, pool)
    assert same(spill.read(0, pool), block(0, 9))
