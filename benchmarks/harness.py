"""A figure beside its bar: printed as a table, kept as JSON.

A benchmark is a file here with ``main(quick: bool) -> None`` that ends in :func:`record`. Bars are
ratios of two things measured side by side in one run wherever that is possible: they survive
another machine, and seconds do not.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("habitus", "torch", "numpy", "scipy", "polars", "pyarrow", "scikit-learn", "duckdb")
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One figure and what it is held against."""

    name: str
    measured: float | None
    """None where it could not be measured here; ``note`` says why."""
    unit: str
    bar: float | None = None
    """None for a figure that is shown only."""
    at_most: bool = False
    """True where less is better: memory, seconds, padding."""
    note: str = ""

    def __post_init__(self) -> None:
        if self.measured is not None and not math.isfinite(self.measured):
            raise ValueError(f"{self.name}: {self.measured} is no measurement; give None, and why")

    @property
    def holds(self) -> bool | None:
        """Return whether the figure meets its bar, None where one of the two is missing."""
        if self.measured is None or self.bar is None:
            return None
        return self.measured <= self.bar if self.at_most else self.measured >= self.bar

    def to_dict(self) -> dict[str, Any]:
        """Return what the JSON file says of it."""
        return {
            "name": self.name,
            "measured": self.measured,
            "unit": self.unit,
            "bar": self.bar,
            "better": "less" if self.at_most else "more",
            "holds": self.holds,
            "note": self.note,
        }


def record(name: str, entries: Sequence[Entry], *, quick: bool = False) -> Path:
    """Print ``entries`` as a table and write ``results/<name>.json``; return its path.

    Quick figures come from small sizes: they go to ``<name>.quick.json``, which git ignores.
    """
    names = [entry.name for entry in entries]
    if len(set(names)) != len(names):
        raise ValueError(f"two entries of {name} have one name: {sorted(names)}")
    Console().print(table(name, entries))
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}{'.quick' if quick else ''}.json"
    content = {
        "format": FORMAT,
        "name": name,
        "command": f"make bench NAME={name}{' QUICK=1' if quick else ''}",
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "entries": [entry.to_dict() for entry in entries],
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return path


def table(name: str, entries: Sequence[Entry]) -> Table:
    """Return the figures beside their bars."""
    out = Table(title=name, title_justify="left")
    for column in ("", "measured", "bar", "unit", "holds", "note"):
        out.add_column(column, justify="right" if column in ("measured", "bar") else "left")
    words = {True: "[green]yes[/]", False: "[red]no[/]", None: "–"}
    for entry in entries:
        sign = "≤" if entry.at_most else "≥"
        bar = "–" if entry.bar is None else f"{sign} {figure(entry.bar)}"
        measured = "not measured" if entry.measured is None else figure(entry.measured)
        out.add_row(entry.name, measured, bar, entry.unit, words[entry.holds], entry.note)
    return out


def figure(value: float) -> str:
    """Return a number as a reader wants it.

    >>> figure(1234567.0), figure(12.345), figure(0.01234), figure(3)
    ('1,234,567', '12.3', '0.0123', '3')
    """
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def machine() -> dict[str, Any]:
    """Return what a figure depends on; no name of the machine and no path."""
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "system": f"{platform.system()} {platform.machine()}",
    }


def cpu_model() -> str:
    """Return the name of the processor."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def versions() -> dict[str, str]:
    """Return the versions of what is measured, nothing imported for it."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
