"""One small world of people who post, shared by all analyses: kept steps are used again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from habitus.data.traces import Traces
from habitus.datasets.synthetic import WITH_POSTS, make_traces
from habitus.reports.analysis import check_analysis
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.steps import Json

PlanOf = Callable[..., AnalysisPlan]
TASK = "age"


def silent(stage: str, done: int, total: int, note: str) -> None:
    """Show nothing."""


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("analyses")


@pytest.fixture(scope="session")
def world(root: Path) -> Traces:
    """The world of ``synthetic_posts`` with fewer people: the same words say the same."""
    config = replace(WITH_POSTS, num_users=400, events_per_user=14.0, unlabelled_share=0.05)
    return make_traces(config, root / "traces")[0]


@pytest.fixture(scope="session")
def plan_of(root: Path, world: Traces) -> PlanOf:
    """Return what makes a quick plan about one task of this world."""

    def make(**changes: Any) -> AnalysisPlan:
        values = {"data": "synthetic_posts", "quick": True, "task": TASK, **changes}
        plan = AnalysisPlan(root=root, show=silent, card=lambda _: "card", **values)
        # What the plan would ingest, and far more people.
        plan.__dict__["source"] = (world, ("Made up.",))
        return plan

    return make


@pytest.fixture
def checked() -> Callable[[Json], Json]:
    """Return what checks results as their page does."""

    def check(results: Json) -> Json:
        check_analysis(results)
        assert results["preset"] == "quick"
        assert results["findings"]
        return results

    return check
