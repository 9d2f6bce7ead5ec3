"""Tables of the next-item analysis, from places that are written down."""

from __future__ import annotations

import math

import numpy as np
import pytest

from habitus.comparisons import COMPARISONS
from habitus.evaluation.bootstrap import Difference
from habitus.evaluation.next_item import Costs, Outcome, ScoringMethod
from habitus.evaluation.next_item_asked import ask_next_item
from habitus.evaluation.next_item_ranking import Rankings
from habitus.evaluation.next_item_table import NextItemTable
from habitus.evaluation.ranking import Ranking
from habitus.runs.analyses.next_item_tables import (
    cost_table,
    findings,
    score_tables,
    services_table,
    strata_plot,
    strata_table,
    verdict,
)
from habitus.tasks.next_item import NextItemConfig
from tests.evaluation.item_world import item_world

NAMES = {"most_popular": 6, "item_blend": 2, "untrained": 1, "ours": 1, "ours_own": 3}
"""Place of every target in the ranking of each method, from 0."""
LABELS = {name: name.replace("_", " ") for name in NAMES}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    traces = item_world(tmp_path_factory.mktemp("world") / "traces")
    found = []
    for service in ("food", "home"):
        asked = ask_next_item(NextItemConfig(name=service, service=service), traces)
        number = asked.test_targets.num_users
        for name, place in NAMES.items():
            method = ScoringMethod(name=name, label=LABELS[name], build=COMPARISONS["most_popular"])
            full = Ranking(np.full(number, place), np.zeros(number, np.int64), np.full(number, 12))
            nearer = Ranking(full.num_better_U // 2, full.num_tied_U, np.full(number, 6))
            nothing = float("nan") if name == "most_popular" else 2.0
            costs = Costs(place, nothing, 4, 1.0, 1_234.5)
            found.append(Outcome(method, asked, (Rankings(full, nearer),), costs))
    return found


@pytest.fixture(scope="module")
def table(outcomes: list[Outcome]) -> NextItemTable:
    return NextItemTable(outcomes, num_resamples=200)


def test_scores_of_both_rankings_and_of_each_service(table: NextItemTable) -> None:
    full, sampled, services = score_tables(table, LABELS, [5, 5])
    assert [row[0] for row in full["rows"]] == list(LABELS.values())
    ours = dict(zip(full["columns"], full["rows"][3], strict=True))
    # Second place: a gain of 1 / log2 3, a half; nothing at the first place, all by the fifth.
    assert ours["NDCG@10"]["value"] == pytest.approx(1 / math.log2(3))
    assert (ours["HR@1"]["value"], ours["HR@5"]["value"], ours["MRR"]["value"]) == (0, 1, 0.5)
    assert sampled["title"] == "Among 5 stored uniform negatives"
    assert sampled["rows"][3][1]["value"] == 1
    assert services["columns"] == ["method", "food", "home"]
    assert services["rows"][3][1]["value"] == pytest.approx(1 / math.log2(3))


def test_uplift_is_over_most_popular_in_each_stratum(table: NextItemTable) -> None:
    found = strata_table(table, LABELS)
    assert [row[0] for row in found["rows"]] == ["item blend", "untrained", "ours", "ours own"]
    assert found["columns"][1:3] == ["HR@10, all", "HR@10, cold"]
    ours = dict(zip(found["columns"], found["rows"][2], strict=True))
    # Second place against seventh: 1 / log2 3 less 1 / log2 8.
    expected = 1 / math.log2(3) - 1 / 3
    assert ours["NDCG@10, all"]["value"] == pytest.approx(expected)
    assert ours["NDCG@10, all"]["low"] == pytest.approx(expected)
    assert f"all {len(table.user_B)}" in found["note"]


def test_services_are_all_slots_less_the_own(table: NextItemTable) -> None:
    found = services_table(table)
    assert found["rows"][0][:2] == ["all", len(table.user_B)]
    # Second place against fourth.
    assert found["rows"][0][3]["value"] == pytest.approx(1 / math.log2(3) - 1 / math.log2(5))


def test_costs_are_means_over_services(outcomes: list[Outcome]) -> None:
    found = cost_table(outcomes, {"ours": 9.876})
    rows = {row[0]: row[1:] for row in found["rows"]}
    assert rows["ours"] == [1, 2.0, 4, 1.0, 1230.0, 9.88]
    assert rows["most popular"][1] is None
    assert rows["ours own"][-1] is None


def test_the_plot_has_a_line_of_each_method(table: NextItemTable) -> None:
    found = strata_plot(table, LABELS)
    assert [series["label"] for series in found["series"]] == list(LABELS.values())
    assert all(point["low"] <= point["y"] for s in found["series"] for point in s["points"])


def test_findings_say_who_is_ahead_and_by_how_much(table: NextItemTable) -> None:
    best, ours, own, beside, services, checked = findings(table, LABELS)
    # Of two that are level the first in the table.
    # 1 / log2(3) = .6309.
    assert best == "untrained has the highest NDCG@10 among all items: .6309."
    assert ours.startswith("ours against item blend: better (+.13")
    assert own.startswith("ours own against item blend: worse (−.06")
    assert beside.startswith("ours against others with the same towers: untrained, a tie (.0000")
    assert services.startswith("All slots of a user against the own service alone: all, better")
    assert checked == "HR@1, NDCG@10 and MRR of every row can belong together (D2)."


def test_too_few_are_no_verdict() -> None:
    assert verdict(None) == "too few to say"
    assert verdict(Difference(-0.5, -1.0, -0.25, 0.01, "worse")) == (
        "worse (−.5000 [−1.0000, −.2500])"
    )
