"""The twin of ingest, as plain as can be: lists and dictionaries, one row at a time.

Rows are dictionaries of text or None, as a CSV file holds them.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from habitus.data.mapping import TracesMapping

Row = dict[str, str | None]


@dataclass
class Plain:
    """What an ingest should come to."""

    users: list[str]
    events: dict[str, list[dict[str, Any]]]
    """User → events in order; a channel is its value, None where missing."""
    bad: list[tuple[int, str, str]]
    """Row from 1, column, reason."""
    repeats: list[tuple[int, str, str]]
    """The same of events left out since they equal an earlier one."""
    duplicates: int
    opted_out: int
    dictionaries: dict[str, list[str]] = field(default_factory=dict)


def plain_ingest(
    rows: list[Row],
    mapping: TracesMapping,
    *,
    latest: int,
    earliest: int | None = None,
    opt_out: frozenset[str] = frozenset(),
    drop_repeats: bool = False,
) -> Plain:
    m = mapping.events
    events: dict[str, list[dict[str, Any]]] = {}
    bad: list[tuple[int, str, str]] = []
    repeats: list[tuple[int, str, str]] = []
    seen: set[tuple[Any, ...]] = set()
    duplicates = opted_out = 0
    for number, row in enumerate(rows, 1):
        user = row[m.user_id]
        if user in opt_out:
            opted_out += 1
            continue
        problems = []
        if user is None:
            problems.append((m.user_id, "missing"))
        else:
            problems += [(m.user_id, reason) for reason in id_faults(user)]
            if user.strip() == "":
                problems.append((m.user_id, "empty text"))
        time, reason = read_time(row[m.time], latest)
        if reason is None and earliest is not None and time < earliest:
            reason = "before the earliest time"
        if reason:
            problems.append((m.time, reason))
        event: dict[str, Any] = {"time": time}
        for name in m.channels:
            text = row[m.column_of(name)]
            if m.kind_of(name) == "dense":
                event[name], reason = read_number(text)
                if reason:
                    problems.append((m.column_of(name), reason))
            else:
                event[name] = text or ("" if m.kind_of(name) == "text" else None)
                if m.kind_of(name) == "id" and text:
                    problems += [(m.column_of(name), r) for r in id_faults(text)]
        if problems:
            bad += [(number, *p) for p in problems]
            continue
        assert user is not None
        key = (user, *event.values())
        if key in seen:
            duplicates += 1
            if drop_repeats:
                repeats.append((number, "", "same as an earlier row"))
                continue
        seen.add(key)
        events.setdefault(user, []).append(event)
    for found in events.values():
        found.sort(key=lambda e: e["time"])
    coded = [n for n in m.channels if m.kind_of(n) in ("category", "id")]
    every = [e for found in events.values() for e in found]
    return Plain(
        users=sorted(events),
        events=events,
        bad=bad,
        repeats=repeats,
        duplicates=duplicates,
        opted_out=opted_out,
        dictionaries={n: sorted({e[n] for e in every if e[n] is not None}) for n in coded},
    )


def id_faults(text: str) -> list[str]:
    faults = []
    if re.fullmatch(r"[+-]?\d+\.\d*", text):
        faults.append("an id written as a decimal number")
    if text.lower() in ("nan", "none", "null", "n/a", "<na>", "nat"):
        faults.append("a word for a missing value")
    return faults


def read_time(text: str | None, latest: int) -> tuple[int, str | None]:
    if text is None or text.strip() == "":
        return 0, "missing"
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        seconds = math.floor(moment.timestamp())
    except ValueError:
        try:
            number = float(text)
        except ValueError:
            return 0, "not a time"
        size = abs(number)
        if not size < 2**63:
            return 0, "not a time"
        scale = 1e9 if size >= 1e17 else 1e6 if size >= 1e14 else 1e3 if size >= 1e11 else 1
        seconds = math.floor(number / scale)
    return seconds, "in the future" if seconds > latest else None


def read_number(text: str | None) -> tuple[float | None, str | None]:
    if text is None or text.strip() == "":
        return None, None
    try:
        with np.errstate(over="ignore"):
            number = np.float32(float(text))
    except ValueError:
        return None, "not a number"
    if math.isnan(number):
        return None, None
    return (None, "infinite or too large") if math.isinf(number) else (float(number), None)
