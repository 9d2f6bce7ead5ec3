"""Platforms: two kinds of events of one set, as traces that are read apart (PASUM A-P24).

Shapes: L events.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.evaluation.altered import selected
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
    words: str
    """What the reader should know of them."""


PLATFORMS: Final[Mapping[str, Platforms]] = {
    "synthetic_posts": Platforms(
        "service",
        "service-0",
        "service-1",
        "Both services of the made-up world use the same words, so nothing is lost but what is "
        "hidden on purpose.",
    ),
    "legislature": Platforms(
        "kind",
        "oral",
        "written",
        "What members say in debates and what they ask in writing: one language, two registers. "
        "Who votes with whom, which pre-training reads, is the same on both.",
    ),
}
"""Set → its two platforms; the forum is one platform, and its questions are about its parts."""


def platforms_of(plan: AnalysisPlan) -> tuple[Platforms, Traces, Traces]:
    """Return the platforms of a set, and the traces of home and away: users as they were.

    Raises:
        UsageError: the set has no two platforms.
    """
    if plan.data not in PLATFORMS:
        raise UsageError(
            f"{plan.data} is one platform: transfer needs two; sets with two: "
            f"{', '.join(PLATFORMS)}"
        )
    platforms = PLATFORMS[plan.data]
    home, away = (_traces(plan, platforms.channel, value) for value in platforms[1:3])
    return platforms, home, away


def _traces(plan: AnalysisPlan, channel: str, value: str) -> Traces:
    """Return the traces with the events of one platform only, written now or before."""
    traces = plan.traces

    def make(folder: Path) -> Json:
        # Traces are written whole: what an interrupt left is of no use.
        shutil.rmtree(folder / "traces", ignore_errors=True)
        on_it_L = np.isin(traces.column(channel), traces.codes_of(channel, [value]))
        return {"events": selected(traces, folder / "traces", on_it_L).num_events}

    inputs = {"traces": traces.digest, "channel": channel, "value": value}
    folder, _ = plan.steps.run("platform", inputs, make)
    return Traces(folder / "traces")
