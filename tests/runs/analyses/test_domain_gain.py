"""Likeness and gain, from made-up services in seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from habitus.datasets import DATASETS
from habitus.errors import DataError
from habitus.evaluation.altered import selected
from habitus.evaluation.bootstrap import Difference
from habitus.evaluation.domains import Between, GainCorrelation, Similarity
from habitus.runs.analyses import ANALYSES, DATA, AnalysisPlan
from habitus.runs.analyses import domain_gain as module
from habitus.runs.analyses.domain_gain import (
    Place,
    correlation,
    domain_gain,
    findings,
    pair_table,
    places_of,
)
from habitus.runs.analyses.domains import MEASURES
from habitus.runs.steps import Json
from tests.runs.analyses.synthetic_shops import synthetic_shops


def plan_of(root: Path) -> AnalysisPlan:
    return AnalysisPlan(
        data="all", root=root, show=lambda *_: None, card=lambda _: "card", quick=True
    )


def test_every_source_is_asked_about_on_every_target(
    tmp_path: Path, checked: Callable[[Json], Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    traces = synthetic_shops(tmp_path / "traces")
    services = [Place("synthetic", f"service-{i}", traces) for i in (0, 1)]
    # Two services twice: the twins are as alike, and gain as much, as the first two.
    few = selected(traces, tmp_path / "few", np.arange(traces.num_events) % 3 > 0)
    targets = [services[1], Place("synthetic", "service-0", few)]
    places = {module.SOURCES: [*services, *services], module.TARGETS: targets}
    monkeypatch.setattr(module, "places_of", lambda _, names: places[names])
    results = checked(domain_gain(plan_of(tmp_path / "r")))
    correlations, pairs = results["tables"]
    assert [row[0] for row in correlations["rows"]] == list(MEASURES.values())
    assert correlations["columns"][2:4] == ["on synthetic, service-1", "on synthetic, service-0"]
    assert all(row[-1] == 24 for row in correlations["rows"])
    assert len(pairs["rows"]) == 8
    gains = [row[-1]["value"] for row in pairs["rows"]]
    assert gains[0] == gains[1]
    assert gains[2] == gains[3]
    # The most alike come first: the target itself, which is a source here.
    assert [row[1] for row in pairs["rows"][:2]] == ["synthetic, service-1"] * 2
    assert len(results["plots"][0]["points"]) == 8
    assert ANALYSES["domain_gain"] is domain_gain
    assert DATA["domain_gain"] == "all"


def alike(value: float) -> Similarity:
    return Similarity(*(Between(v, v, v) for v in (value, value, 1 - value)))


def gain(value: float) -> Difference:
    return Difference(value, value - 1, value + 1, 0.5, "tie")


def test_distance_counts_against_likeness() -> None:
    pairs = [(s, t) for s in range(4) for t in range(2)]
    like = {pair: alike(0.1 * pair[0]) for pair in pairs}
    gains = {pair: gain(pair[0] + 10 * pair[1]) for pair in pairs}
    for measure in MEASURES:
        found = correlation(like, gains, measure)
        assert (found.value, found.each_T) == (1.0, (1.0, 1.0))
    places = [Place("a", str(s), None) for s in range(4)]  # type: ignore[arg-type]
    rows = pair_table(places, places[:2], like, gains)["rows"]
    assert [row[:2] for row in rows[:2]] == [["a, 0", "a, 3"], ["a, 0", "a, 2"]]
    assert [row[-1]["value"] for row in rows] == [3, 2, 1, 0, 13, 12, 11, 10]


def test_findings_say_how_rare_it_is() -> None:
    strong, weak = (GainCorrelation(0.9, p, (0.9,), 720) for p in (0.01, 0.4))
    first, second = findings({"kendall": strong, "kendall_top": weak}, 6, 2)
    assert first.startswith("Likeness and gain over 6 sources on 2 targets: Kendall's τ-b, all")
    assert "+.900, p = .010" in first
    assert second.startswith("The smallest p of the 2 measures is .010")
    assert second.endswith("likeness and gain go together here.")
    assert findings({"kendall": weak}, 6, 2)[1].endswith("nothing is shown.")


def test_without_the_sets_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HABITUS_DATA", raising=False)

    def none_of(_: AnalysisPlan, names: Sequence[str]) -> list[Place]:
        return places_of(plan_of(tmp_path), [n for n in names if n != "complete_journey_services"])

    assert DATASETS["art_office"]().missing() is not None
    monkeypatch.setattr(module, "places_of", none_of)
    with pytest.raises(DataError, match="0 and 0 are at hand; set HABITUS_DATA"):
        domain_gain(plan_of(tmp_path))
