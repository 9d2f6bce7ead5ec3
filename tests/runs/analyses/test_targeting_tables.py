from __future__ import annotations

from dataclasses import replace

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
    percent = "\N{NO-BREAK SPACE}%"
    # Ten of twenty responders are within a tenth of the people; who orders by chance finds few.
    assert said[0].startswith(
        f"Targeting 10{percent} reaches of all responders, who redeem a coupon: "
        f"SUPERMOE vector 50{percent}, BERT vector "
    )
    # All ten who are targeted respond and spend 10.
    assert said[1].startswith(
        "SUPERMOE vector against BERT vector, who redeem a coupon: better in reach +."
    )
    assert said[2].startswith("SUPERMOE vector against PLE alone, who redeem a coupon: better")
    assert said[3].startswith(f"Targeting 10{percent} reaches of all responders, mean over 2")
    assert said[-1] == (
        "SUPERMOE vector against BERT vector, at all budgets and measures: better in 18, worse in "
        "0, a tie in 0 of 18."
    )
    assert not any("A/B" in text for text in said)


def test_measures_with_one_verdict_stand_together() -> None:
    found = replayed(1)
    [campaign] = found.table.campaigns
    # Those who respond pay nothing: the first row is behind in value, ahead in the others.
    paid = replace(campaign, value_B=10.0 - campaign.value_B)
    told = findings(replace(found, table=TargetingTable([paid], CURVE, 200)))[1]
    _, parts = told.split(": ", 1)
    better, worse = parts.split("; ")
    assert better.startswith("better in reach +.")
    assert " and conversion +" in better
    assert worse.startswith("worse in value \N{MINUS SIGN}")


def test_findings_are_two_lines_at_most() -> None:
    # 165 letters are two lines of a page at the size in which findings stand.
    assert max(map(len, findings(replayed(2)))) <= 165


def test_uplifts_are_written_with_their_sign() -> None:
    uplift = tables(replayed(1))[1]
    assert uplift["rows"][0][1]["signed"] is True
