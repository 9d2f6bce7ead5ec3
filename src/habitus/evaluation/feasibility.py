"""Whether printed ranking metrics can belong together: a linear programme over ranks.

HR@k, NDCG@k and MRR of one table row are means of three functions of one rank. If no distribution
of ranks has all of them, to the digits that are printed, the row is impossible: wrongly computed,
of another protocol, or misprinted (evaluation D2, spec finding 5). Expectations over ties are such
a distribution too, so our own tables must pass.

Shapes: N candidates, also the last rank.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from habitus.errors import UsageError
from habitus.metrics.arrays import Floats

# Beyond the rounding of the printed digits: for sums that were rounded before they were averaged.
SLACK = 1.2


class Feasibility(NamedTuple):
    """What the linear programme said of one row."""

    possible: bool
    excess: float
    """How far, in metric units, the nearest possible row is; 0 where the row is possible."""
    ranges: dict[str, tuple[float, float] | None]
    """What each metric may be, given the others; None where already those contradict."""

    def __str__(self) -> str:
        if self.possible:
            return "possible"
        parts = [
            f"{name} would have to be in [{span[0]:.4f}, {span[1]:.4f}]"
            for name, span in self.ranges.items()
            if span is not None
        ]
        return "impossible: " + (" or ".join(parts) or "no two of the metrics agree")


def check_row(row: Mapping[str, float | str], num_candidates: int) -> Feasibility:
    """Say whether metrics such as ``{"HR@1": ".5720", "NDCG@10": ".5589"}`` can belong together.

    Args:
        row: metric → value. A string counts as printed: half a unit of its last digit is its
            tolerance. A number is exact up to 1e-6.
        num_candidates: candidates a user, the target included (the most that any user has).

    >>> check_row({"HR@1": ".1538", "NDCG@10": ".7220"}, num_candidates=101).possible
    False
    """
    if num_candidates < 1:
        raise UsageError(f"num_candidates must be at least 1, got {num_candidates}")
    claims = {name: _claim(name, value, num_candidates) for name, value in row.items()}
    excess = _nearest(list(claims.values()))
    if excess <= 1e-9:
        return Feasibility(True, 0.0, {})
    ranges = {
        name: _range(claim.weight_N, [c for n, c in claims.items() if n != name])
        for name, claim in claims.items()
    }
    return Feasibility(False, excess, ranges)


def impossible_rows(
    table: Mapping[str, Mapping[str, float | str]], num_candidates: int
) -> dict[str, Feasibility]:
    """Return the rows of a table that cannot be, and why: empty for an honest table."""
    checked = {name: check_row(row, num_candidates) for name, row in table.items()}
    return {name: result for name, result in checked.items() if not result.possible}


def rank_weights(metric: str, num_candidates: int) -> Floats:
    """Return what one user at each rank contributes to a metric, ``(N)``.

    >>> rank_weights("NDCG@2", 3).round(2).tolist()
    [1.0, 0.63, 0.0]
    """
    match = re.fullmatch(r"(HR|NDCG|MRR)(?:@(\d+))?", metric)
    if match is None or (match[2] is None and match[1] != "MRR"):
        raise UsageError(f"{metric!r} is none of HR@k, NDCG@k, MRR and MRR@k")
    rank_N = np.arange(1, num_candidates + 1)
    formulas = {"HR": np.ones(num_candidates), "NDCG": 1 / np.log2(1 + rank_N), "MRR": 1 / rank_N}
    last = num_candidates if match[2] is None else int(match[2])
    return np.where(rank_N <= last, formulas[match[1]], 0.0)


class _Claim(NamedTuple):
    weight_N: Floats
    value: float
    tolerance: float


def _claim(name: str, value: float | str, num_candidates: int) -> _Claim:
    weight_N = rank_weights(name, num_candidates)
    if not isinstance(value, str):
        return _Claim(weight_N, float(value), 1e-6)
    digits = len(value.partition(".")[2])
    return _Claim(weight_N, float(value), SLACK * 0.5 * 10.0**-digits)


def _limits(claims: list[_Claim]) -> tuple[Floats, Floats]:
    """Return A and b of A·p ≤ b: each mean within its tolerance, from both sides."""
    rows = [(sign * c.weight_N, sign * c.value + c.tolerance) for c in claims for sign in (1, -1)]
    return np.array([row for row, _ in rows]), np.array([bound for _, bound in rows])


def _nearest(claims: list[_Claim]) -> float:
    """Return the least extra tolerance under which some distribution of ranks fits."""
    from scipy.optimize import linprog

    A, b = _limits(claims)
    num_ranks = A.shape[1]
    with_slack = np.hstack([A, -np.ones((len(A), 1))])
    total = np.append(np.ones(num_ranks), 0.0)[None]
    cost = np.append(np.zeros(num_ranks), 1.0)
    result = linprog(cost, A_ub=with_slack, b_ub=b, A_eq=total, b_eq=[1.0], bounds=(0, None))
    assert result.status == 0, "with enough extra tolerance every row fits"
    return float(result.fun)


def _range(weight_N: Floats, others: list[_Claim]) -> tuple[float, float] | None:
    from scipy.optimize import linprog

    if not others:
        return float(weight_N.min()), float(weight_N.max())
    A, b = _limits(others)
    ends = []
    for sign in (1, -1):
        result = linprog(
            sign * weight_N, A_ub=A, b_ub=b, A_eq=np.ones((1, len(weight_N))), b_eq=[1.0]
        )
        if result.status != 0:
            return None
        ends.append(sign * float(result.fun))
    return ends[0], ends[1]
