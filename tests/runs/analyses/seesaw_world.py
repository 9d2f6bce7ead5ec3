"""Judged rows with planted scores, and a small world of tastes, for the seesaw analysis."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from habitus.datasets.population import SyntheticConfig
from habitus.datasets.synthetic import make_traces
from habitus.evaluation.seesaw import JudgedTask, SeesawTable
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.seesaw_rows import CONTROL, Row
from habitus.runs.analyses.seesaw_tables import Judged

ROWS = [
    Row("linear", None),
    Row("linear", "fixed"),
    Row("mmoe", None),
    Row("mmoe", "fixed"),
    Row("mmoe", "bilevel"),
]
GAINS = {CONTROL: 0.0, "fixed": -0.7, "bilevel": 0.6}
"""How much better than the control a row reads the answers of the second task."""


def seesaw_plan(root: Path, num_users: int = 450) -> AnalysisPlan:
    """Return a quick plan about made-up people with tastes."""
    plan = AnalysisPlan(
        data="synthetic", root=root, show=lambda *_: None, card=lambda _: "card", quick=True
    )
    traces = make_traces(SyntheticConfig(num_users=num_users), root / "made")[0]
    plan.__dict__["source"] = (traces, ("Made up.",))
    return plan


def judged(
    label: str = "habitus", rows: list[Row] | None = None, *, numbers: bool = False
) -> Judged:
    """Return rows whose first task is served alike by all, and the second by their gain.

    Args:
        label: of the representation.
        rows: what was trained.
        numbers: the second task asks for numbers.
    """
    rows = ROWS if rows is None else rows
    random = np.random.default_rng(0)
    tasks: dict[str, list[JudgedTask]] = {row.head: [] for row in rows}
    for name in ("even", "odd"):
        y_B = (random.random(300) < 0.4).astype(float)
        noise_SB = random.standard_normal((2, 300))
        is_number = numbers and name == "odd"
        if is_number:
            y_B = random.exponential(size=300)
        for head, made in tasks.items():
            scores = {
                row.name: (1 + (GAINS[row.name] if name == "odd" else 0)) * y_B + noise_SB
                for row in rows
                if row.head == head
            }
            made.append(JudgedTask(name, np.arange(300), y_B, scores, is_number))
    tables = {head: SeesawTable(made, CONTROL, 200) for head, made in tasks.items()}
    fact = {"weights": 10, "epochs": 2.5, "seconds": 0.1234, "cosines": [[1.0, -0.5], [-0.5, 1.0]]}
    facts = [{row.label: {**fact, "path": [{"even": 1.0, "odd": 1.0}]} for row in rows}] * 2
    return Judged(label, rows, tables, facts)
