from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.ingest_state import Torn
from habitus.data.writer import (
    ColumnWriter,
    NumpyFile,
    digest_of_files,
    digest_of_table,
    digest_of_text,
    write_array,
    write_table,
)


@pytest.mark.parametrize("cuts", [[], [3], [0, 3, 3, 7]])
def test_an_array_written_in_pieces_is_the_array(tmp_path: Path, cuts: list[int]) -> None:
    values = np.arange(10, dtype=np.float32)
    file = NumpyFile(tmp_path / "deep/x.npy", np.float32)
    for piece in np.split(values, cuts):
        file.append(piece)
    digest = file.close()
    np.save(tmp_path / "y.npy", values)
    # Byte for byte what NumPy writes.
    assert (tmp_path / "deep/x.npy").read_bytes() == (tmp_path / "y.npy").read_bytes()
    assert digest == f"<f4 10 {xxhash.xxh3_128_hexdigest(values.tobytes())}"


def test_a_length_of_many_digits_fits_in_the_header(tmp_path: Path) -> None:
    file = NumpyFile(tmp_path / "x.npy", np.uint8)
    empty = len(file._header())
    file.length = 10**12
    assert len(file._header()) == empty


def test_the_digest_of_an_array_knows_type_length_and_values(tmp_path: Path) -> None:
    arrays: list[npt.NDArray[Any]] = [
        np.zeros(2, np.uint8),
        np.zeros(2, np.int8),
        np.zeros(3, np.uint8),
        np.array([0, 1], np.uint8),
        np.zeros(1, np.uint16),
    ]
    assert len({write_array(tmp_path / "x.npy", a) for a in arrays}) == 5


def test_texts_are_offsets_and_bytes(tmp_path: Path) -> None:
    writer = ColumnWriter(tmp_path, "text", np.uint8, text=True)
    writer.append(pa.array(["é", ""], pa.large_string()))
    writer.append(pa.array(["abc"], pa.large_string()))
    digests = writer.close()
    assert sorted(digests) == ["events/text.bytes.npy", "events/text.offsets.npy"]
    # é is two bytes.
    assert np.load(tmp_path / "text.offsets.npy").tolist() == [0, 2, 2, 5]
    assert np.load(tmp_path / "text.bytes.npy").tobytes().decode() == "éabc"


TABLE = pa.table(
    {
        "id": ["a", "b", None],
        "n": pa.array([1, None, 3], pa.int64()),
        "x": [0.5, None, float("nan")],
        "yes": [True, None, False],
        "tags": [["p", "q"], [], None],
    }
)


def test_a_table_is_written_and_its_digest_told(tmp_path: Path) -> None:
    digest = write_table(tmp_path / "deep/t.parquet", TABLE)
    assert digest == digest_of_table(TABLE)
    assert digest_of_table(pq.read_table(tmp_path / "deep/t.parquet")) == digest


@given(st.integers(0, 3), st.integers(0, 3))
def test_the_digest_of_a_table_does_not_depend_on_how_it_is_cut(a: int, b: int) -> None:
    first, second = sorted((a, b))
    pieces = [TABLE[:first], TABLE[first:second], TABLE[second:]]
    assert digest_of_table(pa.concat_tables(pieces)) == digest_of_table(TABLE)


@pytest.mark.parametrize(
    ("column", "other"),
    [
        ("id", pa.array(["a", "b", ""])),
        ("id", pa.array(["ab", "", None])),
        ("n", pa.array([1, 0, 3], pa.int64())),
        ("n", pa.array([1, None, 3], pa.int32())),
        ("yes", pa.array([True, False, False])),
        ("tags", pa.array([["p"], ["q"], None])),
        ("tags", pa.array([["p", "q"], None, None], pa.list_(pa.string()))),
    ],
)
def test_the_digest_of_a_table_sees_every_change(column: str, other: pa.Array) -> None:
    place = TABLE.column_names.index(column)
    assert digest_of_table(TABLE.set_column(place, column, other)) != digest_of_table(TABLE)


def test_the_digest_of_a_table_sees_names_and_order() -> None:
    renamed = TABLE.rename_columns(["id2", *TABLE.column_names[1:]])
    turned = TABLE.select(TABLE.column_names[::-1])
    assert len({digest_of_table(t) for t in (TABLE, renamed, turned)}) == 3


def test_the_digest_of_files_sees_names_and_contents() -> None:
    every = [{"a": "1", "b": "2"}, {"a": "2", "b": "1"}, {"a": "1"}, {}]
    assert len({digest_of_files(d) for d in every}) == 4
    assert digest_of_text("a") != digest_of_text("b")


@pytest.mark.parametrize("closed", [False, True])
def test_a_file_goes_on_where_another_run_was(tmp_path: Path, closed: bool) -> None:
    first = NumpyFile(tmp_path / "a.npy", np.int32)
    first.append(np.array([1, 2], np.int32))
    state = first.state()
    first.append(np.array([9, 9, 9], np.int32))
    if closed:
        first.close()
    second = NumpyFile(tmp_path / "a.npy", np.int32, state)
    second.append(np.array([3], np.int32))
    whole = NumpyFile(tmp_path / "b.npy", np.int32)
    whole.append(np.array([1, 2, 3], np.int32))
    assert second.close() == whole.close()
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


@pytest.mark.parametrize("damage", ["gone", "short", "changed"])
def test_a_file_that_is_not_what_was_written_is_torn(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.npy"
    file = NumpyFile(path, np.int32)
    file.append(np.array([1, 2], np.int32))
    before = path.read_bytes()
    path.write_bytes({"gone": b"", "short": before[:-1], "changed": before[:-1] + b"x"}[damage])
    if damage == "gone":
        path.unlink()
    with pytest.raises(Torn):
        NumpyFile(path, np.int32, file.state())
