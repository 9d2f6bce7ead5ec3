import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from habitus.data.ingest import ingest
from habitus.data.traces import Traces, code_dtype, pack_texts
from habitus.errors import DataError

from .small import events, make, mapping, of_times


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return make(tmp_path / "out")


def test_a_directory_opens_as_it_was_written(traces: Traces) -> None:
    assert (traces.num_users, traces.num_events) == (3, 5)
    assert traces.user_ids.to_pylist() == ["a", "b", "c"]
    assert list(traces.columns) == ["item_id", "price"]
    assert traces.digest == Traces(traces.path).digest
    assert repr(traces).endswith("3 users, 5 events)")


def test_nothing_is_read_until_it_is_asked_for(traces: Traces) -> None:
    again = Traces(traces.path)
    (traces.path / "events/price.npy").unlink()
    assert again.column("item_id").tolist() == [3, 2, 1, 1, 0]
    with pytest.raises(DataError, match=r"price\.npy cannot be read"):
        again.column("price")


def test_columns_are_memory_mapped_and_slices_are_views(traces: Traces) -> None:
    # A slice of a user costs the same whatever the number of events: it copies none.
    for column in (traces.time_L, traces.column("price"), traces.column("item_id")):
        assert isinstance(column, np.memmap)
        start, stop = traces.offsets_U1[1:3]
        assert column[start:stop].base is not None
        assert np.shares_memory(column[start:stop], column)
        assert not column.flags.writeable


def test_rows_of_users(traces: Traces) -> None:
    assert traces.rows_of(["c", "a"]).tolist() == [2, 0]
    assert traces.rows_of([]).tolist() == []
    with pytest.raises(DataError, match=r"2 user ids are not in .* the first is 'x'"):
        traces.rows_of(["a", "x", "y"])


def test_codes_of_values_and_back(traces: Traces) -> None:
    # Sorted as text: i1, i10, i2.
    assert traces.dictionary("item_id").to_pylist() == ["i1", "i10", "i2"]
    assert traces.codes_of("item_id", ["i2", "never", "i1"]).tolist() == [3, 1]


def test_texts_are_read_by_row(tmp_path: Path) -> None:
    texts = ["é", None, "two\nlines", "", "end"]
    source = events().with_columns(text=pl.Series(texts))
    ingest({"events": source}, mapping(text="text"), tmp_path / "out")
    traces = Traces(tmp_path / "out")
    # The events of a, then b, then c: rows 1 and 3, 2 and 0, 4 of the source.
    assert traces.texts("text", np.arange(5)) == ["", "", "two\nlines", "é", "end"]
    assert traces.texts("text", np.array([4, 2])) == ["end", "two\nlines"]
    # é is two bytes.
    assert traces.text_lengths("text", np.array([0, 3, 4])).tolist() == [0, 2, 3]
    with pytest.raises(DataError, match=r"read it with texts\('text', rows\)"):
        traces.column("text")


def test_a_text_channel_without_a_single_letter(tmp_path: Path) -> None:
    source = events().with_columns(text=pl.lit(""))
    ingest({"events": source}, mapping(text="text"), tmp_path / "out")
    assert Traces(tmp_path / "out").texts("text", np.arange(5)) == [""] * 5


def test_a_channel_without_a_single_value(tmp_path: Path) -> None:
    source = events().with_columns(item_id=pl.lit(None, pl.String))
    traces = make(tmp_path / "out", source)
    assert traces.column("item_id").tolist() == [0] * 5
    assert traces.dictionary("item_id").to_pylist() == []
    assert traces.codes_of("item_id", ["i1"]).tolist() == []


def test_the_first_and_last_time(tmp_path: Path) -> None:
    traces = of_times(tmp_path / "out", {"a": [7, 3], "b": [5], "c": [-2, 4]})
    assert traces.time_range == (-2, 7)
    assert traces.time_range == (traces.time_L.min(), traces.time_L.max())


def test_unknown_names_say_what_was_meant(traces: Traces) -> None:
    with pytest.raises(DataError, match="no channel 'prize'; did you mean 'price'"):
        traces.column("prize")
    with pytest.raises(DataError, match="did you mean 'items'"):
        traces.table("itmes")  # type: ignore[arg-type]
    assert traces.table("items") is None


def test_what_is_no_traces_directory_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no manifest\.json; make one with 'habitus ingest'"):
        Traces(tmp_path)


@pytest.mark.parametrize("text", ["{", "{}", '{"format": "x"}', "[]"])
def test_a_damaged_manifest_says_so(traces: Traces, text: str) -> None:
    (traces.path / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=r"is damaged .*ingest the data again"):
        Traces(traces.path)


def test_another_format_is_refused(traces: Traces) -> None:
    file = traces.path / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 2}))
    with pytest.raises(DataError, match="has format 2, this version reads 1"):
        Traces(traces.path)


@pytest.mark.parametrize("name", ["events/time.npy", "offsets.npy", "events/item_id.npy"])
def test_a_file_cut_off_is_found_when_it_is_opened(traces: Traces, name: str) -> None:
    file = traces.path / name
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with pytest.raises(DataError, match="cannot be read"):
        open_all(Traces(traces.path))
    np.save(file, np.zeros(3, np.int64))
    with pytest.raises(DataError, match="has 3 rows, not the"):
        open_all(Traces(traces.path))


def test_a_damaged_table_is_found_when_it_is_opened(traces: Traces) -> None:
    (traces.path / "users.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"users\.parquet cannot be read"):
        open_all(Traces(traces.path))


def open_all(traces: Traces) -> None:
    assert len(traces.user_ids) == len(traces.offsets_U1) - 1
    assert len(traces.time_L) == len(traces.column("item_id"))


@pytest.mark.parametrize(
    ("num_values", "dtype"),
    [(0, "uint8"), (255, "uint8"), (256, "uint16"), (65_535, "uint16"), (65_536, "uint32")],
)
def test_code_types_hold_the_missing_code_too(num_values: int, dtype: str) -> None:
    # Codes are 0 … num_values, so the largest code is num_values itself.
    assert code_dtype(num_values) == np.dtype(dtype)


def test_packed_texts_by_hand() -> None:
    offsets, data = pack_texts(["é", "", "ab"])
    assert offsets.tolist() == [0, 2, 2, 4]
    assert data.tobytes() == b"\xc3\xa9ab"
    assert pack_texts([])[0].tolist() == [0]


def test_a_model_directory_in_the_place_of_traces_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(DataError, match="is a model directory, not traces"):
        Traces(tmp_path)
