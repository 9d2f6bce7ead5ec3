"""What ingest would set aside, or could not read at all, told before it is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import polars as pl

from habitus.data.columns import TASK, TIME, USER_ID, VALUE
from habitus.data.sources import REPLACEMENT, Part, reading
from habitus.data.validate import DECIMAL_ID, MARKERS


def utf8_warnings(parts: Sequence[Part], rows: pl.LazyFrame, source: str) -> Iterator[str]:
    """Count the rows with bytes that are not UTF-8, in files known to have some.

    Args:
        parts: the files.
        rows: all of their rows.
        source: what messages call them.
    """
    bad = [part.name for part in parts if part.bad_utf8]
    if not bad:
        return
    with reading(source):
        texts = [name for name, dtype in rows.collect_schema().items() if dtype == pl.String]
        held = {
            n: pl.col(n).str.contains(REPLACEMENT, literal=True).fill_null(False) for n in texts
        }
        asked = [pl.any_horizontal(held.values()).sum().alias(".rows")]
        asked += [found.any().alias(name) for name, found in held.items()]
        answers = rows.select(asked).collect(engine="streaming").row(0, named=True)
    columns = ", ".join(repr(name) for name in texts if answers[name])
    yield (
        f"{answers['.rows']:,} rows hold bytes that are not UTF-8, in {columns or 'the header'}: "
        f"ingest sets them aside; save {', '.join(bad)} as UTF-8 first, such as by 'iconv -f "
        f"ISO-8859-1 -t UTF-8'"
    )


def id_warnings(rows: pl.LazyFrame, columns: Iterable[str], source: str) -> Iterator[str]:
    """Count the ids that are text and no ids: decimal numbers, and words for a missing value.

    Args:
        rows: the table.
        columns: those of ids.
        source: what messages call the table.
    """
    with reading(source):
        schema = rows.collect_schema()
        texts = [name for name in dict.fromkeys(columns) if schema.get(name) == pl.String]
        if not texts:
            return
        asked = [pl.col(n).str.contains(DECIMAL_ID).sum().alias(f"0{n}") for n in texts]
        asked += [pl.col(n).str.to_lowercase().is_in(MARKERS).sum().alias(f"1{n}") for n in texts]
        answers = rows.select(asked).collect(engine="streaming").row(0, named=True)
    for name in texts:
        if decimal := answers[f"0{name}"]:
            yield (
                f"{decimal:,} ids in {name!r} are written as decimal numbers, such as 12.0: ingest "
                f"sets these rows aside; write them as text or whole numbers"
            )
        if marked := answers[f"1{name}"]:
            yield (
                f"{marked:,} ids in {name!r} are a word for a missing value, such as None or nan: "
                f"ingest sets these rows aside"
            )


def wide_labels(there: Sequence[str], column_of: Callable[[str], str]) -> str | None:
    """Return what to do with a labels table of one column a label; None where it is no such table.

    Args:
        there: columns of the table.
        column_of: which column is mapped on one of ours.
    """
    rest = [name for name in there if name not in map(column_of, (USER_ID, TIME))]
    if not rest or any(column_of(name) in there for name in (TASK, VALUE)):
        return None
    some = ", ".join(map(repr, rest[:3])) + (" …" if len(rest) > 3 else "")
    return (
        f"labels need a row for each label, with the columns task, user_id, time and value; this "
        f"table seems to have a column for each ({some}): turn it round, such as by polars' "
        f"unpivot(index=['user_id', 'time'], variable_name='task', value_name='value')"
    )
