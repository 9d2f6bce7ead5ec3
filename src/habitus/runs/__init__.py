"""Runs: where everything is wired. A run is a function that returns one config."""

from collections.abc import Callable, Mapping
from typing import Any

from habitus.registry import Registry
from habitus.runs.base import Run

RUNS = Registry[Callable[[str], Run]](
    "run", {"channel": "habitus.runs.channel:channel", "pasum": "habitus.runs.pasum:pasum"}
)
"""Run name → function from a preset to its config."""


def run_of(values: Mapping[str, Any]) -> Run | None:
    """Return the run that a model directory tells of; None where it is of other making."""
    name = values.get("name")
    if name not in RUNS:
        return None
    return type(RUNS[str(name)]("ci")).from_dict(values)


__all__ = ["RUNS", "Run", "run_of"]
