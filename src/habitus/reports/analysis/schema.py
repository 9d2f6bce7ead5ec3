"""Format 1 of an analysis: what its page is made from, checked once at this door.

An analysis answers one question about methods, such as what each part of a pre-training is worth.
It holds a few tables and plots instead of the fixed sections of a report.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from habitus.errors import DataError
from habitus.reports.checks import (
    Check,
    anything,
    flag,
    listing,
    mapping,
    members,
    nullable,
    number,
    one_of,
    record,
    text,
    whole,
)
from habitus.reports.no_ids import refuse_id_lists

FORMAT: Final = 1
PLOTS: Final = ("lines", "scatter")

_number = number()
_estimate = record(
    {"value": _number, "low": nullable(_number), "high": nullable(_number)}, {"signed": flag}
)
_point = record(
    {"x": _number, "y": nullable(_number)}, {"low": nullable(_number), "high": nullable(_number)}
)
_lines = record(
    {
        "kind": one_of("lines"),
        "title": text,
        "x": text,
        "y": text,
        "series": listing(record({"label": text, "points": listing(_point)})),
    },
    {"note": text, "log_x": anything},
)
_places = {"x": _number, "y": _number}
_scatter = record(
    {
        "kind": one_of("scatter"),
        "title": text,
        "x": text,
        "y": text,
        "classes": listing(text),
        "points": listing(record({**_places, "class": whole})),
    },
    {
        "note": text,
        "centroids": listing(record({**_places, "class": whole})),
        "words": listing(record({**_places, "text": text}, {"class": nullable(whole)})),
    },
)


def _cell(value: object, path: str) -> None:
    if isinstance(value, Mapping):
        _estimate(value, path)
    elif value is not None and not isinstance(value, str):
        _number(value, path)


def _plot(value: object, path: str) -> None:
    kind = members(value, path).get("kind")
    one_of(*PLOTS)(kind, f"{path}.kind")
    check: Check = _lines if kind == "lines" else _scatter
    check(value, path)


_table = record(
    {"title": text, "columns": listing(text), "rows": listing(listing(_cell))}, {"note": text}
)
_data = record(
    {"name": text, "digest": text, "num_users": whole, "num_events": whole},
    {
        "first": nullable(text),
        "last": nullable(text),
        "channels": anything,
        "notices": listing(text),
    },
)
_ANALYSIS = record(
    {
        "format": anything,
        "analysis": text,
        "title": text,
        "question": text,
        "created": text,
        "findings": listing(text),
        "tables": listing(_table),
        "plots": listing(_plot),
        "data": listing(_data),
    },
    {
        "command": text,
        "config": anything,
        "preset": text,
        "seeds": listing(whole),
        "versions": mapping(anything),
        "machine": mapping(anything),
        "notes": listing(text),
    },
)


def check_analysis(results: Mapping[str, Any]) -> None:
    """Check an analysis of format 1.

    Raises:
        DataError: a missing key, a wrong type, or a row that is not as long as its table is wide;
            the message names the path.
        GuardError: something that looks like a list of user ids.
    """
    found = members(results, "").get("format")
    if found != FORMAT or isinstance(found, bool):
        raise DataError(f"format must be {FORMAT}, got {found!r}: is this a habitus analysis?")
    _ANALYSIS(results, "")
    for t, table in enumerate(results["tables"]):
        for r, row in enumerate(table["rows"]):
            if len(row) != len(table["columns"]):
                raise DataError(
                    f"tables[{t}].rows[{r}] has {len(row)} cells, but the table has "
                    f"{len(table['columns'])} columns"
                )
    for p, plot in enumerate(results["plots"]):
        _check_classes(plot, f"plots[{p}]")
    refuse_id_lists(results, {data["num_users"] for data in results["data"]})


def _check_classes(plot: Mapping[str, Any], path: str) -> None:
    for part in ("points", "centroids", "words"):
        for i, point in enumerate(plot.get(part) or []):
            known = len(plot.get("classes") or [])
            if point.get("class") is not None and point["class"] >= known:
                raise DataError(
                    f"{path}.{part}[{i}].class is {point['class']}, but there are {known} classes"
                )
