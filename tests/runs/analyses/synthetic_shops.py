"""A small synthetic world with two services and items with texts, for analyses of CLUE."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from habitus.data.traces import Traces
from habitus.datasets.synthetic import PLAIN, make_traces


def synthetic_shops(path: Path) -> Traces:
    """Return the world of ``synthetic`` with 400 people and 30 events each."""
    return make_traces(replace(PLAIN, num_users=400, events_per_user=30.0), path)[0]
