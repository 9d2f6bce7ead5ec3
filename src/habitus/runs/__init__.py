"""Runs: where everything is wired. A run is a function that returns one config."""

from collections.abc import Callable

from habitus.registry import Registry
from habitus.runs.base import Run

RUNS = Registry[Callable[[str], Run]](
    "run",
    {
        "channel": "habitus.runs.channel:channel",
        "clue": "habitus.runs.clue:clue",
        "pasum": "habitus.runs.pasum:pasum",
        "supermoe": "habitus.runs.supermoe:supermoe",
    },
)
"""Run name → function from a preset to its config."""

__all__ = ["RUNS", "Run"]
