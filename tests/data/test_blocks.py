from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.blocks import (
    Array,
    Block,
    FlatFile,
    concat,
    lengths_and_bytes,
    take_all,
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


def test_rows_of_a_whole_block() -> None:
    found, rows = block(0, 4), np.array([3, 0, 3])
    with ThreadPoolExecutor(2) as pool:
        taken = take_all(found, rows, pool)
    assert list(taken) == ["n", "text"]
    assert as_list(taken["n"]) == [3, 0, 3]
    assert as_list(taken["text"]) == ["ééé", "", "ééé"]
    # What is taken from is let go of on the way.
    assert found == {}
