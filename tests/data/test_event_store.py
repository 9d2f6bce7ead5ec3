from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from habitus.data.blocks import Block
from habitus.data.dictionary import Dictionary
from habitus.data.event_store import COUNTS, EventStore
from habitus.data.events import USER
from habitus.data.hash_table import Codes
from habitus.data.ingest_state import Torn


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def chunk(users: Dictionary, ids: list[str], first: int) -> Block:
    codes: Codes = users.codes(pl.Series(ids))
    users.use(codes)
    return {USER: codes, "n": np.arange(first, first + len(ids))}


def fill(store: EventStore, users: Dictionary, *chunks: list[str]) -> None:
    first = 0
    for ids in chunks:
        store.append(chunk(users, ids, first))
        first += len(ids)


def test_events_stay_in_memory_below_the_limit(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    users = Dictionary()
    store = EventStore(tmp_path / "e", 10_000, users, lambda _: 3, pool)
    fill(store, users, ["b", "a", "b"], ["c"])
    assert store.spill is None
    assert not (tmp_path / "e").exists()
    # 4 bytes a user and 8 a number.
    assert (store.num_events, store.num_bytes) == (4, 48)
    assert store.count_V1().tolist() == [0, 2, 1, 1]
    held = store.take()
    assert [block["n"].tolist() for block in held] == [[0, 1, 2], [3]]
    assert store.take() == []


def test_above_it_everything_is_on_disk_by_users(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    users, asked = Dictionary(), list[int]()

    def num_ranges(num_bytes: int) -> int:
        asked.append(num_bytes)
        return 2

    store = EventStore(tmp_path / "e", 60, users, num_ranges, pool)
    # 36 bytes are held, 72 are too many: the second chunk takes the first along.
    fill(store, users, ["b", "d", "b"], ["a", "d", "d"], ["e", "c", "0"])
    assert asked == [72]
    assert store.spill is not None
    assert store.ranges is not None
    # Of six events so far a has 1, b 2, d 3: the first range ends with b. Later ids find theirs.
    assert store.ranges.bounds.to_list() == ["d"]
    assert store.spill.count_R.tolist() == [5, 4]
    first, second = store.spill.read(0, pool), store.spill.read(1, pool)
    assert first["n"].tolist() == [0, 2, 3, 7, 8]
    assert second["n"].tolist() == [1, 4, 5, 6]
    # b, d, a, e, c, 0 by code.
    assert store.count_V1().tolist() == [0, 2, 3, 1, 1, 1, 1]


def test_a_chunk_without_a_clean_row_is_nothing(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    users = Dictionary()
    store = EventStore(tmp_path / "e", 0, users, lambda _: 2, pool)
    fill(store, users, [])
    assert (store.num_events, store.spill) == (0, None)


def test_users_met_later_are_counted_as_none(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    users = Dictionary()
    store = EventStore(tmp_path / "e", 10_000, users, lambda _: 3, pool)
    fill(store, users, ["b"])
    users.codes(pl.Series(["profile"]))
    assert store.count_V1().tolist() == [0, 1, 0]


def test_what_is_on_disk_is_found_again(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    users = Dictionary()
    first = EventStore(tmp_path, 0, users, lambda _: 2, pool)
    fill(first, users, ["b", "a", "d"], ["c"])
    state = first.state()
    second = EventStore.restored(tmp_path, state, [], Dictionary.of(users.values()), pool)
    assert (second.num_events, second.num_bytes) == (4, 48)
    assert second.count_V1().tolist() == first.count_V1().tolist()
    assert first.spill is not None
    assert second.spill is not None
    assert second.ranges is not None
    assert first.ranges is not None
    assert second.ranges.bounds.to_list() == first.ranges.bounds.to_list()
    for place in range(second.ranges.num):
        one, other = first.spill.read(place, pool), second.spill.read(place, pool)
        assert one["n"].tolist() == other["n"].tolist()
    (tmp_path / COUNTS).write_bytes(b"no array")
    with pytest.raises(Torn):
        EventStore.restored(tmp_path, state, [], users, pool)
