from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data import blocks as module
from habitus.data.blocks import (
    Array,
    Block,
    Blocks,
    FlatFile,
    concat,
    lengths_and_bytes,
    take_rows,
    texts_of,
    write_all,
)


def as_list(array: Array) -> list[Any]:
    found: list[Any] = array.tolist() if isinstance(array, np.ndarray) else array.to_pylist()
    return found


def block(start: int, stop: int) -> Block:
    numbers = np.arange(start, stop, dtype=np.uint32)
    texts = pa.array(["é" * (i % 4) for i in range(start, stop)], pa.large_string())
    return {"n": numbers, "text": texts}


@given(st.lists(st.text(max_size=5)))
def test_texts_are_lengths_and_bytes_and_back(texts: list[str]) -> None:
    array = pa.array(["left out", *texts], pa.large_string())[1:]
    lengths, data = lengths_and_bytes(array)
    assert lengths.tolist() == [len(t.encode()) for t in texts]
    assert data.tobytes() == "".join(texts).encode()
    assert texts_of(lengths, data).to_pylist() == texts


def test_blocks_stay_in_memory_below_the_limit(tmp_path: Path) -> None:
    blocks = Blocks(tmp_path / "b", limit=2**20)
    blocks.append(block(0, 3))
    blocks.append(block(3, 5))
    assert not blocks.on_disk
    assert not (tmp_path / "b").exists()
    assert np.concatenate(list(blocks.scan("n"))).tolist() == [0, 1, 2, 3, 4]
    assert blocks.names == ("n", "text")
    assert as_list(blocks.take("n")) == [0, 1, 2, 3, 4]
    assert as_list(blocks.take("text")) == ["", "é", "éé", "ééé", ""]
    assert not blocks.names


@pytest.mark.parametrize("piece_rows", [1, 3, 100])
def test_blocks_on_disk_come_back_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece_rows: int
) -> None:
    monkeypatch.setattr(module, "PIECE_ROWS", piece_rows)
    # 4 bytes a number; the second block goes above the limit and takes the first along.
    blocks = Blocks(tmp_path / "b", limit=block(0, 3)["n"].nbytes + 100)
    blocks.append(block(0, 3))
    blocks.append(block(3, 30))
    assert blocks.on_disk
    pieces = list(blocks.pieces())
    assert max(len(p["n"]) for p in pieces) <= piece_rows
    assert np.concatenate([p["n"] for p in pieces]).tolist() == list(range(30))
    texts = [t for p in pieces for t in as_list(p["text"])]
    assert texts == as_list(block(0, 30)["text"])
    assert np.concatenate(list(blocks.scan("n"))).tolist() == list(range(30))
    blocks.delete()
    assert list((tmp_path / "b").iterdir()) == []


def test_pieces_of_long_texts_have_few_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE_BYTES", 2_000)
    blocks = Blocks(tmp_path / "b", limit=0)
    blocks.append({"text": pa.array(["x" * 992] * 10, pa.large_string())})
    # 992 bytes and an offset of 8 (and one offset more at the end): about two rows in 2,000 bytes.
    assert max(len(p["text"]) for p in blocks.pieces()) <= 2


def test_a_flat_file_is_written_at_any_place(tmp_path: Path) -> None:
    file = FlatFile(tmp_path / "f", np.uint16)
    file.append(np.array([1, 2, 3]))
    file.write(1, np.array([9]))
    file.append(np.array([4]))
    assert file.read(0, 4).tolist() == [1, 9, 3, 4]
    assert file.read(2, 3).tolist() == [3]
    file.delete()
    assert not (tmp_path / "f").exists()


def test_every_byte_is_written_when_the_system_takes_only_some() -> None:
    class Slow:
        def __init__(self) -> None:
            self.got = b""

        def write(self, view: memoryview) -> int:
            self.got += bytes(view[:3])
            return min(3, len(view))

    slow = Slow()
    write_all(slow, np.arange(5, dtype=np.uint16))
    assert slow.got == np.arange(5, dtype=np.uint16).tobytes()
    write_all(slow, np.zeros(0))


def test_rows_of_both_kinds_of_array() -> None:
    found = block(0, 4)
    rows = np.array([3, 0])
    assert as_list(take_rows(found["n"], rows)) == [3, 0]
    assert as_list(take_rows(found["text"], rows)) == ["ééé", ""]
    assert as_list(concat([found["n"], found["n"]])) == [0, 1, 2, 3, 0, 1, 2, 3]


def test_blocks_are_found_again_on_disk(tmp_path: Path) -> None:
    first = Blocks(tmp_path, limit=0)
    for start in (0, 3):
        numbers = np.arange(start, start + 3)
        texts = pa.array([f"é{i}" for i in numbers], pa.large_string())
        first.append({"n": numbers, "text": texts})
    second = Blocks.restored(tmp_path, first.state())
    assert (second.num_events, second.num_bytes) == (6, first.num_bytes)
    (piece,) = second.pieces()
    assert piece["n"].tolist() == [0, 1, 2, 3, 4, 5]
    assert piece["text"].to_pylist() == [f"é{i}" for i in range(6)]  # type: ignore[union-attr]
    first.delete(keep="n")
    assert [p.name for p in tmp_path.iterdir()] == ["n"]
    third = Blocks.restored(tmp_path, first.state(), only="n")
    assert [part.tolist() for part in third.scan("n")] == [[0, 1, 2, 3, 4, 5]]
    assert [p.name for p in tmp_path.iterdir()] == ["n"]
