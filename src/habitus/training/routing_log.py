"""What routers did over the steps of a training, in its log and as curves (evaluation D9).

A line of the log holds the mean share of each expert of each router since the line before. Experts
are called dead by what they got in the latest 1,000 steps, which is more than one line tells.

Shapes: E experts of a router, N lines of the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from habitus.nn.routing import DEAD_SHARE

WINDOW: Final = 1_000
"""Steps over which an expert must have got less than :data:`DEAD_SHARE` to be dead."""
BETWEEN: Final = "#"
"""Stands between the path of a router and the number of an expert."""


def flat_shares(shares: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return one number for each expert, by the path of its router and its own number.

    >>> flat_shares({"a": [0.25, 0.75]})
    {'a#0': 0.25, 'a#1': 0.75}
    """
    return {
        f"{path}{BETWEEN}{e}": share
        for path, share_E in shares.items()
        for e, share in enumerate(share_E)
    }


def shares_of(flat: Mapping[str, float], steps: int) -> dict[str, list[float]]:
    """Return the mean share of each expert, by router, from sums over so many steps."""
    found: dict[str, list[float]] = {}
    for name, total in flat.items():
        found.setdefault(name.partition(BETWEEN)[0], []).append(total / max(1, steps))
    return found


def routing_curves(lines: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """Return, for each router, the busiest expert's load and the number of the dead, by line.

    The load is over the mean one, since the line before; experts are dead by the latest 1,000
    steps, fewer at first. Nothing where nothing is routed.

    Args:
        lines: of the log, those of training alone, in their order.
    """
    kept = [(line["step"], line["routing"]) for line in lines if line.get("routing")]
    if not kept:
        return {}
    step_N = np.array([step for step, _ in kept])
    length_N = np.diff(step_N, prepend=0)
    return {
        path: _curves(np.array([shares[path] for _, shares in kept]), step_N, length_N)
        for path in kept[0][1]
    }


def _curves(share_NE: Any, step_N: Any, length_N: Any) -> dict[str, list[float]]:  # noqa: ANN401
    dead: list[float] = []
    for n, step in enumerate(step_N):
        inside_N = (step_N <= step) & (step_N - length_N >= min(step - WINDOW, step - length_N[n]))
        mean_E = np.average(share_NE[inside_N], axis=0, weights=length_N[inside_N])
        dead.append(int((mean_E < DEAD_SHARE).sum()))
    load_N = share_NE.max(axis=1) * share_NE.shape[1]
    return {"max_load": [float(load) for load in load_N], "num_dead": dead}
