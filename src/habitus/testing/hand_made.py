"""Traces written by hand: a few users whose every event a test can name.

Shapes: U users, L events.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from habitus.config import digest_of
from habitus.data.columns import TIME, USER_ID, ChannelKind, TimeUnit
from habitus.data.traces import Column, Manifest, Traces, code_dtype, pack_texts

Event = Mapping[str, Any]
"""``time`` in the unit of the traces, and a value for each channel that is not missing."""


def write_traces(
    path: Path,
    events: Mapping[str, Sequence[Event]],
    channels: Mapping[str, ChannelKind],
    *,
    tables: Mapping[str, Mapping[str, Sequence[Any]]] | None = None,
    time_unit: TimeUnit = "second",
) -> Traces:
    """Write a traces directory of a few users; a user may have no events.

    Args:
        path: a folder that does not exist yet.
        events: user id → events, in any order.
        channels: name → kind. A value that an event lacks is missing: code 0, NaN, or no text.
        tables: name → columns of the side tables.
        time_unit: what ``time`` counts.
    """
    users = sorted(events)
    rows = [event for user in users for event in sorted(events[user], key=lambda e: int(e[TIME]))]
    for folder in ("events", "dictionaries", "tables"):
        (path / folder).mkdir(parents=True)
    pq.write_table(pa.table({USER_ID: pa.array(users, pa.string())}), path / "users.parquet")
    counts = [len(events[user]) for user in users]
    np.save(path / "offsets.npy", np.cumsum([0, *counts]).astype(np.int64))
    np.save(path / f"events/{TIME}.npy", np.array([e[TIME] for e in rows], np.int64))
    columns = tuple(_write_channel(path, name, kind, rows) for name, kind in channels.items())
    for name, table in (tables or {}).items():
        pq.write_table(pa.table(dict(table)), path / f"tables/{name}.parquet")
    manifest = Manifest(
        time_unit=time_unit,
        num_users=len(users),
        num_events=len(rows),
        columns=columns,
        tables=tuple(tables or {}),
        source={"hand_made": True},
        digest=digest_of([dict(events), dict(channels)]),
    )
    (path / "manifest.json").write_text(json.dumps(manifest.to_dict()))
    return Traces(path)


def _write_channel(path: Path, name: str, kind: ChannelKind, rows: Sequence[Event]) -> Column:
    file = path / f"events/{name}.npy"
    if kind == "dense":
        np.save(file, np.array([e.get(name, np.nan) for e in rows], np.float32))
        return Column(name=name, kind=kind, dtype="float32")
    if kind == "text":
        offsets_L1, data = pack_texts([e.get(name, "") for e in rows])
        np.save(path / f"events/{name}.offsets.npy", offsets_L1)
        np.save(path / f"events/{name}.bytes.npy", data)
        return Column(name=name, kind=kind, dtype="uint8")
    values = sorted({e[name] for e in rows if name in e})
    code_of = {value: i + 1 for i, value in enumerate(values)}
    dtype = np.dtype(code_dtype(len(values)))
    np.save(file, np.array([code_of.get(e.get(name), 0) for e in rows], dtype))
    dictionary = pa.table({"value": pa.array(values, pa.string())})
    pq.write_table(dictionary, path / f"dictionaries/{name}.parquet")
    return Column(name=name, kind=kind, dtype=dtype.name, num_values=len(values))
