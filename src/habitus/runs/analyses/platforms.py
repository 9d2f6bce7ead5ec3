"""Platforms: two kinds of events of one set, as traces that are read apart (PASUM A-P24).

Shapes: L events.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.evaluation.altered import restricted, selected
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.steps import Json


class Platforms(NamedTuple):
    """Which events are on which platform."""

    channel: str
    """A category channel."""
    home: str
    """Its value where everything is trained."""
    away: str
    """Its value where it is asked."""
    home_name: str
    """What readers call it."""
    away_name: str
    words: str
    """What the reader should know of them."""


PLATFORMS: Final[Mapping[str, Platforms]] = {
    "synthetic_posts": Platforms(
        "service",
        "service-0",
        "service-1",
        "service 0",
        "service 1",
        "Both services of the made-up world use the same words, so nothing is lost but what is "
        "hidden on purpose.",
    ),
    "legislature": Platforms(
        "kind",
        "oral",
        "written",
        "debates",
        "written questions",
        "What members say in debates and what they ask in writing: one language, two registers. "
        "Who votes with whom, which pre-training reads, is the same on both.",
    ),
}
"""Set → its two platforms; the forum is one platform, and its questions are about its parts."""


def platforms_of(plan: AnalysisPlan) -> tuple[Platforms, Traces, Traces]:
    """Return the platforms of a set, and the traces of home and away, row by row the same users.

    Users without an event on both are left out, so that all rows are of the same people.

    Raises:
        UsageError: the set has no two platforms.
    """
    if plan.data not in PLATFORMS:
        raise UsageError(
            f"{plan.data} is one platform: transfer needs two; sets with two: "
            f"{', '.join(PLATFORMS)}"
        )
    platforms = PLATFORMS[plan.data]
    both = _step(plan, "both", plan.traces, partial(_on_both, platforms=platforms))
    home, away = (
        _step(plan, value, both, partial(_on_one, channel=platforms.channel, value=value))
        for value in (platforms.home, platforms.away)
    )
    return platforms, home, away


def _step(
    plan: AnalysisPlan, name: str, traces: Traces, write: Callable[[Traces, Path], Traces]
) -> Traces:
    """Return a part of some traces, written now or before."""

    def make(folder: Path) -> Json:
        # Traces are written whole: what an interrupt left is of no use.
        shutil.rmtree(folder / "traces", ignore_errors=True)
        return {"events": write(traces, folder / "traces").num_events}

    folder, _ = plan.steps.run("platform", {"traces": traces.digest, "part": name}, make)
    return Traces(folder / "traces")


def _on_both(traces: Traces, out: Path, platforms: Platforms) -> Traces:
    there_2L = [_is(traces, platforms.channel, v) for v in (platforms.home, platforms.away)]
    count_2U = [np.diff(np.append(0, there_L.cumsum())[traces.offsets_U1]) for there_L in there_2L]
    return restricted(traces, out, np.flatnonzero(np.minimum(*count_2U) > 0))


def _on_one(traces: Traces, out: Path, channel: str, value: str) -> Traces:
    return selected(traces, out, _is(traces, channel, value))


def _is(traces: Traces, channel: str, value: str) -> npt.NDArray[np.bool_]:
    """Return which events have a value, ``(L)``."""
    return np.isin(traces.column(channel), traces.codes_of(channel, [value]))
