"""Traces with another future, or with less in them: what may be read, and leak tests (D1).

Shapes: U users, L events of the true traces, M events of the altered ones.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from habitus.config import digest_of
from habitus.data.columns import TASK, TIME, USER_ID, TableName
from habitus.data.snapshot import Snapshot, ranges
from habitus.data.split import DAY
from habitus.data.traces import Column, Rows, Traces, code_dtype, pack_texts
from habitus.errors import UsageError
from habitus.random import numpy_generator

Mask = npt.NDArray[np.bool_]
CANARY = "\U0010fffd canary"
"""A value that no data has and that sorts after every other, so that no code moves."""


def restricted(traces: Traces, out: Path, users: Rows) -> Traces:
    """Write the traces of some users at ``out``, everything else as it was."""
    start_U, stop_U = traces.offsets_U1[users], traces.offsets_U1[users + 1]
    rows_M, offsets_U1 = ranges(start_U, stop_U - start_U)
    what = {"users": users.tolist()}
    return _write(traces, out, users, rows_M, offsets_U1, traces.time_L[rows_M], what)


def selected(traces: Traces, out: Path, kept_L: Mask) -> Traces:
    """Write the traces with some events only; users and side tables as they were."""
    offsets_U1 = np.concatenate([[0], np.cumsum(kept_L)])[traces.offsets_U1]
    rows_M = np.flatnonzero(kept_L)
    users = np.arange(traces.num_users)
    what = {"kept": hashlib.sha256(np.packbits(kept_L).tobytes()).hexdigest()}
    return _write(traces, out, users, rows_M, offsets_U1, traces.time_L[rows_M], what)


def reanswered(traces: Traces, out: Path, seed: int = 0) -> Traces:
    """Write the traces with the profiles and labels of other users; events as they were."""
    generator = numpy_generator(seed, "other answers")
    everything_L = np.ones(traces.num_events, np.bool_)
    other = selected(traces, out, everything_L)
    tables: dict[TableName, set[str]] = {"profiles": {USER_ID}, "labels": {USER_ID, TASK, TIME}}
    for name, kept in tables.items():
        if (table := other.table(name)) is not None:
            order = pa.array(generator.permutation(table.num_rows))
            names = table.column_names
            columns = {c: table[c] if c in kept else table[c].take(order) for c in names}
            pq.write_table(pa.table(columns), out / f"tables/{name}.parquet")
    return other


def altered(
    traces: Traces, out: Path, cutoff: int, *, seed: int = 0, canary: bool = False
) -> Traces:
    """Write traces that agree with the true ones before the cutoff, and not after it, at ``out``.

    After the cutoff each user has other events, of other users and at other times, and another
    number of them; labels at or after the cutoff are gone. With ordinal time the number stays,
    since it is what the cutoff counts from.

    Args:
        traces: the true traces.
        out: a folder that does not exist yet.
        cutoff: in the unit of the traces.
        seed: of the other future.
        canary: give every category and ID channel of every event after the cutoff one value that
            occurs nowhere before it.
    """
    history = Snapshot(traces, cutoff)
    generator = numpy_generator(seed, "another future")
    end_U = traces.offsets_U1[history.users_U + 1]
    future_U = end_U - history.stop_U
    pool = ranges(history.stop_U, future_U)[0]
    if not len(pool):
        raise UsageError(
            f"no event is at or after the cutoff {cutoff}: there is no future to alter"
        )
    dated = traces.manifest.time_unit == "second"
    drawn_U = generator.integers(0, 2 * future_U + 2) if dated else future_U
    rows_M, offsets_U1 = _histories_and(history, drawn_U, generator.permuted(pool), generator)
    new_M = np.arange(len(rows_M)) >= np.repeat(
        offsets_U1[:-1] + history.lengths_U, np.diff(offsets_U1)
    )
    time_M = np.array(traces.time_L[rows_M])
    if dated:
        time_M[new_M] = generator.integers(cutoff, traces.time_L.max() + DAY, new_M.sum())
    else:
        time_M = np.arange(len(rows_M)) - np.repeat(offsets_U1[:-1], np.diff(offsets_U1))
    # stable by user and then time: histories come first, so they stay where they are
    time_M = _sorted_within(time_M, offsets_U1)
    what = {"cutoff": cutoff, "seed": seed, "canary": canary}
    canary_M = new_M if canary else None
    return _write(traces, out, history.users_U, rows_M, offsets_U1, time_M, what, canary_M=canary_M)


def _histories_and(
    history: Snapshot, drawn_U: Rows, pool: Rows, generator: np.random.Generator
) -> tuple[Rows, Rows]:
    """Return rows of each user's history followed by drawn rows of the pool, and offsets."""
    known_M, known_U1 = ranges(history.start_U, history.lengths_U)
    drawn_M = pool[generator.integers(0, len(pool), int(drawn_U.sum()))]
    user_M = np.concatenate(
        [
            np.repeat(np.arange(history.num_users), history.lengths_U),
            np.repeat(np.arange(history.num_users), drawn_U),
        ]
    )
    order_M = np.argsort(user_M, kind="stable")
    offsets_U1 = known_U1 + np.concatenate([[0], np.cumsum(drawn_U)])
    return np.concatenate([known_M, drawn_M])[order_M], offsets_U1


def _sorted_within(time_M: Rows, offsets_U1: Rows) -> Rows:
    user_M = np.repeat(np.arange(len(offsets_U1) - 1), np.diff(offsets_U1))
    return time_M[np.lexsort((time_M, user_M))]


def _write(
    traces: Traces,
    out: Path,
    users: Rows,
    rows_M: Rows,
    offsets_U1: Rows,
    time_M: Rows,
    what: dict[str, Any],
    *,
    canary_M: Mask | None = None,
) -> Traces:
    """Write the events that stand in ``rows_M`` of the traces, at other times."""
    for folder in ("events", "dictionaries", "tables"):
        (out / folder).mkdir(parents=True)
    ids = traces.user_ids.take(pa.array(users))
    pq.write_table(pa.table({USER_ID: ids}), out / "users.parquet")
    np.save(out / "offsets.npy", offsets_U1.astype(np.int64))
    np.save(out / f"events/{TIME}.npy", time_M.astype(np.int64))
    columns = tuple(
        _write_channel(traces, out, c, rows_M, canary_M) for c in traces.manifest.columns
    )
    for name in traces.manifest.tables:
        _write_table(traces, out, name, ids, what.get("cutoff"))
    manifest = replace(
        traces.manifest,
        num_users=len(users),
        num_events=len(rows_M),
        columns=columns,
        source={"altered": traces.digest},
        digest=digest_of([traces.digest, what]),
    )
    (out / "manifest.json").write_text(json.dumps(manifest.to_dict()))
    return Traces(out)


def _write_channel(
    traces: Traces, out: Path, column: Column, rows_M: Rows, canary_M: Mask | None
) -> Column:
    name = column.name
    if column.kind == "text":
        offsets_M1, data = pack_texts(traces.texts(name, rows_M))
        np.save(out / f"events/{name}.offsets.npy", offsets_M1)
        np.save(out / f"events/{name}.bytes.npy", data)
        return column
    value_M = np.array(traces.column(name)[rows_M])
    if column.kind != "dense":
        dictionary = traces.dictionary(name)
        if canary_M is not None:
            code = column.num_values + 1
            value_M = value_M.astype(code_dtype(code))
            value_M[canary_M] = code
            column = replace(column, num_values=code, dtype=value_M.dtype.name)
            dictionary = pa.concat_arrays([dictionary, pa.array([CANARY], dictionary.type)])
        pq.write_table(pa.table({"value": dictionary}), out / f"dictionaries/{name}.parquet")
    np.save(out / f"events/{name}.npy", value_M)
    return column


def _write_table(
    traces: Traces, out: Path, name: str, ids: pa.StringArray, cutoff: int | None
) -> None:
    table = pq.read_table(traces.path / f"tables/{name}.parquet")
    if USER_ID in table.column_names:
        table = table.filter(pc.is_in(table[USER_ID], value_set=ids))
    dated = TIME in table.column_names and traces.manifest.time_unit == "second"
    if cutoff is not None and dated:
        table = table.filter(pc.fill_null(pc.less(table[TIME], cutoff), True))
    pq.write_table(table, out / f"tables/{name}.parquet")
