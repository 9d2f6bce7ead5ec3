"""Tables and sentences of planted scores."""

from __future__ import annotations

import pytest

from habitus.runs.analyses.seesaw_rows import Row
from habitus.runs.analyses.seesaw_tables import (
    Judged,
    cosine_table,
    cost_table,
    difference_table,
    findings,
    plots,
    recall_table,
    score_table,
    seesaw_table,
    tables,
    variance_table,
)
from tests.runs.analyses.seesaw_world import ROWS, judged


@pytest.fixture(scope="module")
def one() -> Judged:
    return judged()


def test_a_row_says_who_is_below_and_by_how_much(one: Judged) -> None:
    table = seesaw_table(one)
    assert [row[0] for row in table["rows"]] == [row.label for row in one.joint]
    equal, searched = table["rows"][1:]
    # Two tasks, one of them below: the share, its name, none above, and it is the worst.
    assert equal[1:4] == [0.5, "odd", 0]
    assert equal[5] == "odd"
    assert equal[6]["high"] < 0
    assert equal[4]["low"] <= equal[4]["value"] <= equal[4]["high"] < 0
    assert searched[1:4] == [0.0, "none", 1]
    assert searched[5] == "even"


def test_differences_are_those_to_the_control_of_the_head(one: Judged) -> None:
    rows = difference_table(one)["rows"]
    assert len(rows) == 3
    for _, even, odd in rows:
        assert even["value"] == even["low"] == even["high"] == 0
        assert odd["low"] <= odd["value"] <= odd["high"]


def test_scores_show_controls_and_the_mean(one: Judged) -> None:
    table = score_table(one)
    assert [row[0] for row in table["rows"]] == [row.label for row in ROWS]
    for _, mean, *scores in table["rows"]:
        assert mean == pytest.approx(sum(s["value"] for s in scores) / 2)


def test_recalls_are_of_the_last_head_and_every_representation(one: Judged) -> None:
    both = judged("both", [Row("mmoe", None), Row("mmoe", "fixed")])
    table = recall_table([one, both])
    assert [row[0] for row in table["rows"]] == [
        "habitus: MMoE, one task each",
        "habitus: MMoE, equal weights",
        "habitus: MMoE, bi-level AUC",
        "both: MMoE, one task each",
        "both: MMoE, equal weights",
    ]
    assert table["columns"][1:] == ["even, R@P85", "even, R@P50", "odd, R@P85", "odd, R@P50"]


def test_numbers_are_told_apart_from_yes_or_no() -> None:
    one = judged(numbers=True)
    assert (one.yes_or_no, one.numbers) == (["even"], ["odd"])
    assert difference_table(one)["columns"] == ["row", "even", "odd (ρ)"]
    scores = score_table(one)
    assert scores["columns"] == ["row", "mean AUROC", "even", "odd (ρ)"]
    for _, mean, even, odd in scores["rows"]:
        # One yes-or-no question: the mean is its AUROC.
        assert mean == even["value"]
        assert odd["value"] < even["value"]
    assert recall_table([one])["columns"] == ["row", "even, R@P85", "even, R@P50"]
    explained = variance_table([one])
    assert explained["columns"] == ["row", "odd"]
    assert [row[0] for row in explained["rows"]] == [
        "habitus: MMoE, one task each",
        "habitus: MMoE, equal weights",
        "habitus: MMoE, bi-level AUC",
    ]
    # A score that is y and noise of variance 1, beside a y of variance 1: R² is near 0.
    assert explained["rows"][0][1]["value"] == pytest.approx(0, abs=0.4)
    assert findings([one])[0].count("Spearman's ρ") >= 1
    assert len(tables([one])) == len(tables([judged()])) + 1


def test_costs_and_cosines(one: Judged) -> None:
    assert cost_table(one)["rows"][0] == ["linear towers, one task each", 10, 2.5, 0.123]
    assert cosine_table(one)["rows"] == [["even", 1.0, -0.5], ["odd", -0.5, 1.0]]


def test_the_plot_is_the_path_of_the_last_row(one: Judged) -> None:
    (plot,) = plots(one)
    assert plot["title"] == "Weights of the tasks, MMoE, bi-level AUC"
    assert [series["label"] for series in plot["series"]] == ["even", "odd"]


def test_findings_never_say_the_mean_alone(one: Judged) -> None:
    both = judged("both", [Row("mmoe", None), Row("mmoe", "fixed")])
    first, second, third = findings([one, both])
    assert "MMoE, equal weights: 1 of 2 tasks below, 0 above, Δm −" in first
    assert "worst odd by −." in first
    assert "1 serve a task worse than alone" in second
    assert "MMoE, bi-level AUC (0 of 2 tasks below, 1 above" in second
    assert third.startswith("On both")


def test_all_tables_are_there(one: Judged) -> None:
    titles = [table["title"] for table in tables([one])]
    assert len(titles) == len(set(titles)) == 6
