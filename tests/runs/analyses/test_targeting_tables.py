from __future__ import annotations

import numpy as np

from habitus.runs.analyses.targeting_sets import SETS
from habitus.runs.analyses.targeting_table import Campaign, TargetingTable
from habitus.runs.analyses.targeting_tables import (
    BUDGETS,
    CURVE,
    LABELS,
    Replayed,
    findings,
    plots,
    tables,
)


def replayed(num_campaigns: int) -> Replayed:
    """Return 100 people of whom the first 20 respond; the first row knows it, others do not."""
    responds = (np.arange(100) < 20).astype(float)
    noise = np.random.default_rng(0).normal(size=(1, 100))
    scores = dict.fromkeys(LABELS, noise) | {"experts": responds[None] + 0.01 * noise}
    campaigns = [
        Campaign(name, np.arange(100), responds, 10 * responds, scores)
        for name in ("coupon", "diapers")[:num_campaigns]
    ]
    return Replayed(SETS["complete_journey"], TargetingTable(campaigns, CURVE, 200))


def test_levels_and_uplifts_of_each_group() -> None:
    found = tables(replayed(2))
    assert [t["title"] for t in found] == [
        "Reach, conversion and value: who redeem a coupon",
        "Uplift of PLE + SUPERMOE vector: who redeem a coupon",
        "Reach, conversion and value: mean over 2 campaigns",
        "Uplift of PLE + SUPERMOE vector: mean over 2 campaigns",
    ]
    levels, uplift = found[:2]
    assert [row[0] for row in levels["rows"]] == list(LABELS.values())
    assert all(len(row) == len(levels["columns"]) for row in levels["rows"])
    first = dict(zip(levels["columns"], levels["rows"][0], strict=True))
    # Five of twenty responders, all five respond and spend 10; a fifth takes all twenty.
    assert first["reach, 5\N{NO-BREAK SPACE}%"]["value"] == 0.25
    assert first["conversion, 5\N{NO-BREAK SPACE}%"]["value"] == 1.0
    assert first["value, 20\N{NO-BREAK SPACE}%"]["value"] == 10.0
    assert len(uplift["rows"]) == (len(LABELS) - 1) * len(BUDGETS)
    assert {row[2] for row in uplift["rows"]} == {"better"}


def test_one_campaign_has_no_mean() -> None:
    found = replayed(1)
    assert len(tables(found)) == 2
    assert [p["title"] for p in plots(found)] == ["Reach by budget: who redeem a coupon"]


def test_curves_are_of_all_rows_and_budgets() -> None:
    curve = plots(replayed(2))[0]
    assert [s["label"] for s in curve["series"]] == list(LABELS.values())
    assert [p["x"] for p in curve["series"][0]["points"]] == [2.0, 5.0, 10.0, 20.0, 30.0, 50.0]
    reach = [p["y"] for p in curve["series"][0]["points"]]
    assert reach == [0.1, 0.25, 0.5, 1.0, 1.0, 1.0]


def test_findings_say_levels_differences_and_how_many() -> None:
    said = findings(replayed(2))
    assert "PLE + SUPERMOE vector 50" in said[0]
    assert said[1].startswith("PLE + SUPERMOE vector less PLE + BERT vector, same budget")
    assert "better" in said[1]
    assert said[-1].endswith("better in 18, worse in 0, a tie in 0 of 18.")
    assert not any("A/B" in text for text in said)
