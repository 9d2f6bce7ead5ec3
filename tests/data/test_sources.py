import builtins
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from habitus.data.sources import Source, Sql, chunks, files_of, parts, scan
from habitus.errors import DataError, MissingExtraError, UsageError

FRAME = pl.DataFrame({"user_id": ["a", "b", None], "price": [1.5, None, -2.5], "n": [1, 2, 3]})
TEXT = FRAME.cast(pl.String)


def write(folder: Path, suffix: str, frame: pl.DataFrame = FRAME, name: str = "t") -> Path:
    path = folder / f"{name}.{suffix}"
    if suffix in ("csv", "tsv"):
        frame.write_csv(path, separator="\t" if suffix == "tsv" else ",")
    elif suffix == "jsonl":
        frame.write_ndjson(path)
    else:
        frame.write_parquet(path)
    return path


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
def test_text_formats_are_read_as_text(tmp_path: Path, suffix: str) -> None:
    assert scan(write(tmp_path, suffix)).collect().equals(TEXT)


@pytest.mark.parametrize(
    "source",
    [FRAME, FRAME.lazy(), FRAME.to_arrow(), FRAME.to_pandas(use_pyarrow_extension_array=True)],
    ids=["polars", "lazy", "arrow", "pandas"],
)
def test_frames_keep_their_types(source: Source) -> None:
    assert scan(source).collect().equals(FRAME)


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    assert scan(write(tmp_path, "parquet")).collect().equals(FRAME)


def test_a_list_a_glob_and_a_folder_are_read_in_order(tmp_path: Path) -> None:
    for name, piece in (("b", FRAME[1:]), ("a", FRAME[:1])):
        write(tmp_path, "parquet", piece, name)
    (tmp_path / "notes.txt").write_text("not data")
    glob = str(tmp_path / "*.parquet")
    assert scan(glob).collect().equals(FRAME)
    assert scan(tmp_path).collect().equals(FRAME)
    named = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    assert scan(named).collect().equals(FRAME)
    assert files_of(glob) == named
    # A list is in the order of the list.
    assert scan(named[::-1]).collect().equals(pl.concat([FRAME[1:], FRAME[:1]]))


def test_files_with_different_columns_are_read_together(tmp_path: Path) -> None:
    one = write(tmp_path, "csv", FRAME[:1].drop("n"), "one")
    two = write(tmp_path, "csv", FRAME[1:2].drop("price"), "two")
    both = scan([one, two]).collect()
    assert both.to_dicts() == [
        {"user_id": "a", "price": "1.5", "n": None},
        {"user_id": "b", "price": None, "n": "2"},
    ]


def test_json_lines_of_mixed_types_and_late_keys_are_text(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"u": 1, "tags": ["x", "y"]}\n{"u": "b"}\n{"u": 2.5, "late": true}\n')
    assert scan(file).collect().to_dicts() == [
        {"u": "1", "tags": ["x", "y"], "late": None},
        {"u": "b", "tags": None, "late": None},
        {"u": "2.5", "tags": None, "late": "true"},
    ]


def test_a_pandas_column_of_mixed_types_is_text() -> None:
    frame = pd.DataFrame({"u": pd.Series([1, "a", None], dtype=object), "n": [1, 2, 3]})
    assert scan(frame).collect().to_dict(as_series=False) == {"u": ["1", "a", None], "n": [1, 2, 3]}


def test_bytes_that_are_not_utf8_are_replaced_and_told(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"user_id,n\nb\xff,1\nc,2\n")
    (part,) = parts(file)
    assert part.bad_utf8
    assert part.frame.collect()["user_id"].to_list() == ["b\ufffd", "c"]
    file.write_text("user_id,n\nb,1\n")
    assert not parts(file)[0].bad_utf8


def test_sql_reads_files_and_databases(tmp_path: Path) -> None:
    file = write(tmp_path, "parquet")
    query = Sql(f"SELECT user_id, n * 2 AS m FROM '{file}' ORDER BY n;")
    assert scan(query).collect()["m"].to_list() == [2, 4, 6]
    assert scan(query).select("m").head(2).collect()["m"].to_list() == [2, 4]
    assert scan(query).filter(pl.col("m") > 2).select("user_id").collect().height == 2


def test_sql_reads_a_database_without_writing_to_it(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = str(tmp_path / "a.duckdb")
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE t AS SELECT 'a' AS user_id, 1 AS n")
    assert scan(Sql("SELECT * FROM t", path)).collect().to_dicts() == [{"user_id": "a", "n": 1}]
    with pytest.raises(DataError, match="the SQL query fails"):
        scan(Sql("DROP TABLE t", path))


def test_sql_without_duckdb_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "duckdb":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "duckdb", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"habitus\[sql\]"):
        scan(Sql("SELECT 1"))


def test_a_query_that_fails_or_a_database_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the SQL query fails.*mend the query"):
        scan(Sql("SELECT nothing FROM nowhere"))
    with pytest.raises(DataError, match="no database is at"):
        scan(Sql("SELECT 1", str(tmp_path / "a.duckdb")))
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE t (n)")
    other.close()
    assert isinstance(scan(Sql("SELECT 1 AS n")), pl.LazyFrame)


def test_doubled_columns_are_refused_wherever_they_come_from(tmp_path: Path) -> None:
    csv = tmp_path / "a.csv"
    csv.write_text("user_id,time,user_id\na,1,b\n")
    arrow = pa.table([[1], [2]], names=["n", "n"])
    pandas = pd.DataFrame([[1, 2]], columns=["n", "n"])
    pa.parquet.write_table(arrow, tmp_path / "a.parquet")
    sources: list[Source] = [csv, arrow, pandas, tmp_path / "a.parquet", Sql("SELECT 1 n, 2 n")]
    for source in sources:
        with pytest.raises(DataError, match="twice: rename or drop one"):
            scan(source)


def test_a_file_that_is_missing_empty_or_of_no_known_format(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file is at"):
        scan(tmp_path / "a.csv")
    with pytest.raises(DataError, match="no file is at"):
        scan(str(tmp_path / "*.csv"))
    (tmp_path / "a.csv").touch()
    with pytest.raises(DataError, match=r"a\.csv is empty"):
        scan(tmp_path / "a.csv")
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"no known format: give \.csv"):
        scan(tmp_path / "a.xlsx")


def test_what_is_no_source_is_refused() -> None:
    for nothing in (3, [], [3], None):
        with pytest.raises(UsageError, match="a source is a file"):
            scan(nothing)


@pytest.mark.parametrize("keep", [0.5, 0.98], ids=["half", "nearly all"])
def test_a_parquet_file_cut_off_is_refused_by_name(tmp_path: Path, keep: float) -> None:
    file = write(tmp_path, "parquet")
    whole = file.read_bytes()
    file.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(DataError, match=r"t\.parquet cannot be read.*get it again"):
        scan(file)


def test_a_parquet_file_damaged_inside_is_refused_while_reading(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    pl.DataFrame({"n": [str(i) for i in range(20_000)]}).write_parquet(file, compression="zstd")
    damaged = bytearray(file.read_bytes())
    damaged[50:5_000] = bytes(4_950)
    file.write_bytes(bytes(damaged))
    with pytest.raises(DataError, match=r"a\.parquet cannot be read"):
        list(chunks(parts(file)[0], ["n"], 2**20))


def test_json_lines_cut_off_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"u": 1}\n{"u": "b')
    with pytest.raises(DataError, match=r"a\.jsonl cannot be read"):
        scan(file).collect()
    with pytest.raises(DataError, match=r"a\.jsonl cannot be read"):
        list(chunks(parts(file)[0], ["u"], 2**20))


def test_a_row_with_too_many_fields_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("user_id,n\na,1\nb,2,3\n")
    with pytest.raises(DataError, match=r"a\.csv cannot be read"):
        list(chunks(parts(file)[0], ["user_id"], 2**20))


def test_chunks_are_the_whole_in_order_whatever_their_size(tmp_path: Path) -> None:
    frame = pl.DataFrame({"n": range(200_000), "other": 1})
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=30_000)
    (part,) = parts(tmp_path / "a.parquet")
    assert part.num_rows == 200_000
    small = list(chunks(part, ["n"], 1))
    large = list(chunks(part, ["n"], 2**30))
    assert len(small) > 1
    assert len(large) == 1
    assert pl.concat(small).equals(frame.select("n"))
    assert large[0].equals(frame.select("n"))
