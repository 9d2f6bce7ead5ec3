"""Sources: files, frames and queries, each read as a polars LazyFrame.

Text formats are read as text: what a column means is decided by the mapping and checked at ingest,
so that one odd row can neither change the type of a column nor stop the reading.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from habitus.data.files import (
    CSV,
    JSONL,
    PARQUET,
    check_text,
    estimate_rows,
    format_of,
    is_disk_full,
    separator_of,
)
from habitus.errors import DataError, MissingExtraError, UsageError

if TYPE_CHECKING:
    import pandas as pd

REPLACEMENT = "\ufffd"
"""What stands in place of bytes that are not UTF-8."""
SMALL_FILE = 64 * 2**20
STEP = 2**16
"""Rows read at once; pieces are made of several."""


@dataclass(frozen=True)
class Sql:
    """A query, run by DuckDB, which also reads files that the query names."""

    query: str
    database: str = ":memory:"


Source: TypeAlias = Union[
    str, Path, Sequence[str | Path], pl.DataFrame, pl.LazyFrame, pa.Table, "pd.DataFrame", Sql
]


@dataclass(frozen=True)
class Part:
    """One file of a source, or the whole of another kind of source."""

    name: str
    """The file's name, or what kind of thing it is."""
    frame: pl.LazyFrame
    bad_utf8: bool = False
    """True where bytes were replaced by U+FFFD because they are not UTF-8."""
    is_text: bool = False
    """True for CSV and JSON Lines."""
    num_rows: int | None = None
    """Rows, where that is known without reading them."""
    about: int = 0
    """About how many rows, for progress; 0 where unknown."""

    def schema(self) -> dict[str, pl.DataType]:
        """Return the type of each column."""
        with reading(self.name):
            return dict(self.frame.collect_schema())


def scan(source: Source) -> pl.LazyFrame:
    """Return a source as one LazyFrame; columns of CSV and scalars of JSON Lines are text.

    Raises:
        DataError: a file that is missing, empty, cut off or of another kind than its name says.
        UsageError: something that is no source.
        MissingExtraError: SQL without DuckDB.
    """
    return joined(parts(source))


def joined(found: Sequence[Part]) -> pl.LazyFrame:
    """Return the rows of several files as one LazyFrame."""
    frames = [part.frame for part in found]
    return frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal_relaxed")


def parts(source: Source) -> tuple[Part, ...]:
    """Return the files of a source in order, or its only part; see :func:`scan`."""
    if isinstance(source, pl.DataFrame):
        return (_whole("polars frame", source),)
    if isinstance(source, pl.LazyFrame):
        return (Part("polars query", source),)
    if isinstance(source, pa.Table):
        return (_whole("arrow table", _from_arrow(source)),)
    if isinstance(source, Sql):
        return (Part("SQL query", _scan_sql(source)),)
    if type(source).__module__.startswith("pandas"):
        return (_whole("pandas frame", _from_pandas(source)),)
    return tuple(_scan_file(path) for path in files_of(source))


def files_of(source: object) -> list[Path]:
    """Return the files that a path, a glob, a folder or a list of these stands for, sorted."""
    if isinstance(source, (str, Path)):
        return _expand(source)
    if isinstance(source, Sequence) and source and all(isinstance(s, (str, Path)) for s in source):
        return [path for one in source for path in _expand(one)]
    raise UsageError(
        f"a source is a file, a glob, a list of files, a polars, pandas or Arrow table, or "
        f"Sql(query), got {type(source).__name__}"
    )


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn whatever a reader raises into a :class:`DataError` that names the source."""
    try:
        yield
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if is_disk_full(error):
            raise
        reason = str(error).strip().split("\n")[0]
        raise DataError(
            f"{name} cannot be read: {reason}; it may be cut off, damaged or of another format: "
            f"mend it or get it again, then run this again"
        ) from error


def chunks(part: Part, columns: Sequence[str], max_bytes: int) -> Iterator[pl.DataFrame]:
    """Yield some columns of a part in order, in pieces of about ``max_bytes``.

    Raises:
        DataError: the source turns out to be damaged further on.
    """
    held: list[pl.DataFrame] = []
    size = 0
    with reading(part.name):
        # A CSV row with too many fields is only noticed where all columns are read.
        flags = pl.QueryOptFlags(projection_pushdown=not part.is_text)
        frame = part.frame.select(columns)
        batches = frame.collect_batches(chunk_size=STEP, maintain_order=True, optimizations=flags)
        for batch in batches:
            held.append(batch)
            size += int(batch.estimated_size())
            if size >= max_bytes:
                yield pl.concat(held)
                held, size = [], 0
    if held:
        yield pl.concat(held)


def _expand(source: str | Path) -> list[Path]:
    path = Path(source)
    if path.is_file():
        return [path]
    if path.is_dir():
        found = [p for p in sorted(path.iterdir()) if format_of(p) is not None]
    else:
        found = [Path(p) for p in sorted(glob.glob(str(source), recursive=True))]  # noqa: PTH207
    if not found:
        raise DataError(f"no file is at {str(source)!r}: check the path")
    return found


def _scan_file(path: Path) -> Part:
    kind = format_of(path)
    if kind is None:
        raise DataError(
            f"{path} is of no known format: give .csv, .tsv, .jsonl, .ndjson or .parquet"
        )
    size = path.stat().st_size
    if size == 0:
        raise DataError(f"{path} is empty: get it again")
    if kind == PARQUET:
        return _scan_parquet(path)
    bad_utf8 = not check_text(path)
    if kind == CSV:
        frame = _scan_csv(path, lossy=bad_utf8)
    else:
        assert kind == JSONL
        frame = _scan_jsonl(path, size)
    return Part(str(path), frame, bad_utf8, is_text=True, about=estimate_rows(path))


def _whole(name: str, frame: pl.DataFrame) -> Part:
    return Part(name, frame.lazy(), num_rows=frame.height, about=frame.height)


def _scan_parquet(path: Path) -> Part:
    with reading(str(path)):
        metadata = pq.read_metadata(path)
        check_columns(metadata.schema.to_arrow_schema().names, str(path))
        frame = pl.scan_parquet(path, glob=False)
    return Part(str(path), frame, num_rows=metadata.num_rows, about=metadata.num_rows)


def _scan_csv(path: Path, *, lossy: bool) -> pl.LazyFrame:
    separator, header = separator_of(path)
    check_columns(header, str(path))
    with reading(str(path)):
        return pl.scan_csv(
            path,
            separator=separator,
            infer_schema=False,
            encoding="utf8-lossy" if lossy else "utf8",
            glob=False,
        )


def _scan_jsonl(path: Path, size: int) -> pl.LazyFrame:
    # A key that first appears late in a large file is found by asking for the whole schema; for
    # small files that costs nothing worth saving.
    length = None if size < SMALL_FILE else 100_000
    with reading(str(path)):
        schema = pl.scan_ndjson(path, infer_schema_length=length).collect_schema()
        texts = {n: t if t.is_nested() else pl.String() for n, t in schema.items()}
        return pl.scan_ndjson(path, schema=texts)


def check_columns(names: Sequence[str], source: str) -> None:
    """Refuse doubled column names.

    Raises:
        DataError: a name that stands twice.
    """
    doubled = sorted({n for n in names if list(names).count(n) > 1})
    if doubled:
        raise DataError(f"{source} has the column {doubled[0]!r} twice: rename or drop one of them")


def _from_arrow(table: pa.Table) -> pl.DataFrame:
    check_columns(table.column_names, "the arrow table")
    with reading("the arrow table"):
        # Polars takes text as it is, and bytes that are not UTF-8 would only be found when read.
        table.validate(full=True)
        frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _from_pandas(frame: Any) -> pl.DataFrame:  # noqa: ANN401 - pandas is optional
    names = [str(c) for c in frame.columns]
    check_columns(names, "the pandas frame")
    try:
        return pl.from_pandas(frame)
    except (pa.ArrowException, pl.exceptions.PolarsError, TypeError):
        mixed = frame.select_dtypes("object").columns
        with reading("the pandas frame"):
            return pl.from_pandas(frame.astype(dict.fromkeys(mixed, "string")))


def _scan_sql(source: Sql) -> pl.LazyFrame:
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtraError("duckdb", extra="sql", what="SQL sources") from error
    from polars.io.plugins import register_io_source

    if source.database != ":memory:" and not Path(source.database).is_file():
        raise DataError(f"no database is at {source.database!r}: check the path")

    def connect() -> Any:  # noqa: ANN401 - duckdb is optional
        read_only = source.database != ":memory:"
        return duckdb.connect(source.database, read_only=read_only)

    def batches(
        columns: list[str] | None, where: pl.Expr | None, rows: int | None, size: int | None
    ) -> Iterator[pl.DataFrame]:
        with connect() as connection:
            for batch in connection.sql(source.query).to_arrow_reader(size or STEP):
                frame = pl.DataFrame(batch)
                frame = frame if columns is None else frame.select(columns)
                frame = frame if where is None else frame.filter(where)
                if rows is not None:
                    frame, rows = frame.head(rows), max(0, rows - frame.height)
                yield frame

    try:
        with connect() as connection:
            relation = connection.sql(source.query)
            check_columns(relation.columns, "the SQL query")
            empty = _from_arrow(relation.limit(0).to_arrow_table())
    except duckdb.Error as error:
        reason = str(error).split("\n")[0]
        raise DataError(f"the SQL query fails: {reason}; mend the query") from error
    return register_io_source(batches, schema=dict(empty.schema))
