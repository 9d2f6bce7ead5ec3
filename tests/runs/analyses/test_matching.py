"""The page of matching."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.errors import GuardError
from habitus.evaluation.bootstrap import Difference
from habitus.evaluation.comparing import Resampling
from habitus.evaluation.matching import MatchingTable, MatchingTask
from habitus.evaluation.matching_split import MatchingSplit
from habitus.runs.analyses import matching as module
from habitus.runs.analyses.matching import (
    curve_finding,
    findings,
    matching,
    run_of,
    split_of,
    verdict,
)
from habitus.runs.analyses.matching_rows import OURS, RUNG, Row
from habitus.runs.analyses.matching_tables import CHANCE, Point
from habitus.runs.analyses.wording import figure
from habitus.runs.clue import ClueRun
from habitus.runs.steps import Json
from habitus.testing.hand_made import write_traces
from tests.evaluation.shoppers import Drawn
from tests.runs.analyses.shop import shop_plan


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Put noise with some signal in the place of encoders: the shares that are asked for."""
    asked = []

    def trained(plan: Any, run: ClueRun) -> list[Drawn]:
        share = run.split.pairs_share  # type: ignore[attr-defined]
        asked.append(share)
        return [Drawn(seed, signal=3 * share) for seed in range(plan.seeds)]

    def encoder_rows(plan: Any, run: ClueRun) -> Sequence[Row]:
        return [
            Row("untrained", "untrained encoder", [Drawn(7)]),
            Row(OURS, "item text encoder, trained", trained(plan, run)),
        ]

    monkeypatch.setattr(module, "trained", trained)
    monkeypatch.setattr(module, "encoder_rows", encoder_rows)
    return asked


def test_the_page_says_who_is_ahead_and_what_more_pairs_give(
    drawn: list[float],
    tmp_path: Path,
    checked: Callable[[Json], Json],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = shop_plan(tmp_path, seeds=2)
    monkeypatch.setitem(module.IN_SIGHT, plan.data, "chosen in sight")
    results = checked(matching(plan))
    scores, differences, directions, curve = results["tables"]
    labels = ["chance", "TF-IDF cosine", "linear CCA, plain", "linear CCA, chosen",
              "untrained encoder", "item text encoder, trained"]  # fmt: skip
    assert [row[0] for row in scores["rows"]] == labels
    assert [row[0] for row in differences["rows"]] == labels[:-1]
    # 65 of 300 are alone or nobody; of the others about a quarter are tested.
    size = int(scores["title"].removeprefix("Found among "))
    assert size == split_of(plan).pool
    # The few who search are looked for among few.
    assert 10 / size < scores["rows"][0][2]["value"] < 0.3
    means = {row[0]: row[2]["value"] for row in scores["rows"]}
    # Tastes are learned by CCA, and other words for them are not seen by words alone.
    assert means["linear CCA, chosen"] > 2 * means["TF-IDF cosine"]
    assert means["item text encoder, trained"] > means["untrained encoder"]
    ahead = {row[0]: row[-1] for row in differences["rows"]}
    assert ahead["untrained encoder"] == "better"
    for name, row in zip(labels, scores["rows"], strict=True):
        if name != labels[-1]:
            [other] = [r for r in differences["rows"] if r[0] == name]
            gap = means[labels[-1]] - row[2]["value"]
            assert other[2]["value"] == pytest.approx(gap)
    assert len(directions["columns"]) == 1 + 6
    assert drawn == [1.0, 0.25]
    few, many = (int(row[0].replace(",", "")) for row in curve["rows"])
    assert few == pytest.approx(many / 4, abs=1)
    # CCA learns from fewer people, too.
    assert curve["rows"][0][2]["value"] < curve["rows"][1][2]["value"]
    assert curve["rows"][1][1] == scores["rows"][-1][2]
    points = results["plots"][0]["series"][0]["points"]
    assert [p["x"] for p in points] == [few, many]
    assert [p["y"] for p in points] == [row[1]["value"] for row in curve["rows"]]
    assert f"From {few} to {many} training pairs" in results["findings"][-1]
    notes = " ".join(results["notes"])
    assert f"The {size} users who are matched were drawn with seed 0" in notes
    assert "mean over 2 pre-training seeds" in notes
    assert "chosen in sight" in notes
    assert results["config"]["ours"]["split"]["pool"] == size
    assert results["data"][0]["notices"] == ["Made up."]


@pytest.mark.usefixtures("drawn")
def test_where_a_choice_saw_some_the_others_have_a_table_of_their_own(
    tmp_path: Path,
    checked: Callable[[Json], Json],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = shop_plan(tmp_path)

    def every_third(*given: Any) -> np.ndarray:
        users_U = given[-1]
        some_U: np.ndarray = np.arange(len(users_U)) % 3 == 0
        return some_U

    monkeypatch.setattr(MatchingSplit, "of_test", every_third)
    assert len(matching(plan)["tables"]) == 4
    monkeypatch.setitem(module.IN_SIGHT, plan.data, "chosen in sight")
    results = checked(matching(plan))
    whole, unseen = results["tables"][:2]
    assert unseen["title"] == "Those whom no choice saw"
    assert [row[0] for row in unseen["rows"]] == [row[0] for row in whole["rows"]]
    assert unseen["rows"][-1][2] != whole["rows"][-1][2]
    number = -(-split_of(plan).pool // 3)
    assert unseen["note"].startswith(f"{number} test users of the source")
    assert f"Of those whom no choice saw ({number}, still among all)" in results["findings"][-2]


def test_nobody_who_is_matched_is_learned_from(tmp_path: Path) -> None:
    plan = shop_plan(tmp_path)
    split = split_of(plan)
    run = run_of(plan, split)
    train, valid, test = (run.snapshot(plan.traces, p).users_U for p in ("train", "valid", "test"))
    for one, other in ((train, valid), (train, test), (valid, test)):
        assert not set(one.tolist()) & set(other.tolist())
    np.testing.assert_array_equal(test, split.parts(plan.traces).pool_U)


def test_the_pools_of_the_sets_that_are_known(tmp_path: Path) -> None:
    sizes = {
        data: split_of(shop_plan(tmp_path / data, data=data)).pool
        for data in ("art_office", "food_kitchen", "complete_journey_services")
    }
    assert sizes == {"art_office": 1000, "food_kitchen": 1000, "complete_journey_services": 500}


def test_one_service_only_is_said(tmp_path: Path) -> None:
    plan = shop_plan(tmp_path)
    events = {f"{u}": [{"time": 1, "service": "arts", "text": "tea"}] for u in range(50)}
    one = write_traces(tmp_path / "one", events, {"service": "category", "text": "text"})
    plan.__dict__["source"] = (one, ())
    with pytest.raises(GuardError, match=r"services of .* with texts are: arts"):
        matching(plan)


@pytest.fixture
def table(tmp_path: Path) -> MatchingTable:
    traces = shop_plan(tmp_path).traces
    task = MatchingTask(Snapshot(traces, None, np.arange(100)))
    ours, rung = Drawn(2, signal=3.0), Drawn(1, signal=0.5)
    found = {
        CHANCE: [task.chance()],
        RUNG: [task.match(rung)],
        OURS: [task.match(ours)],
        "twin": [task.match(ours)],
    }
    return MatchingTable(found, Resampling(num_resamples=200))


def test_findings_follow_the_intervals(table: MatchingTable) -> None:
    labels = {CHANCE: "chance", RUNG: "CCA", "twin": "the twin", OURS: "ours"}
    first, mrr, others = findings(table, labels)
    percent = f"{100 * table.estimate(OURS, 'R@10').value:.1f} % ["
    assert first.startswith(f"The ours finds {percent}")
    size = len(table.counts_NR)
    assert f"] of the users among ten of {size} (R@10: the same person is one of the" in first
    assert f"finds {100 * table.estimate(RUNG, 'R@10').value:.1f} % [" in first
    assert ": beside it the encoder is better (+" in first
    assert mrr.startswith("By MRR (the mean of one over the place of the same person)")
    assert "beside CCA, better (+" in mrr
    assert others == "By R@10 the encoder is, beside the twin, a tie (.000 [.000, .000])."
    long = findings(table, labels | {OURS: "item text encoder, trained"})[0]
    assert long.startswith("The item text encoder finds ")
    turned = MatchingTable({OURS: table.found[RUNG], RUNG: table.found[OURS]}, table.how)
    assert "is worse (−" in findings(turned, {OURS: "a", RUNG: "b"})[0]
    # Without others there is nothing to say of them.
    assert len(findings(turned, {OURS: "a", RUNG: "b"})) == 2


def test_the_last_two_points_make_the_finding(table: MatchingTable) -> None:
    turned = MatchingTable({OURS: table.found[RUNG], RUNG: table.found[OURS]}, table.how)
    found = curve_finding([Point(1, turned), Point(1_000, turned), Point(2_000, table)])
    rise = table.estimate(OURS, "R@10").value - table.estimate(RUNG, "R@10").value
    assert found.startswith("From 1,000 to 2,000 training pairs R@10 changes by ")
    assert f"{figure(rise, sign=True)} for the encoder" in found
    assert f"{figure(-rise, sign=True)} for linear CCA" in found


def test_figures_and_verdicts() -> None:
    assert [figure(v, sign=True) for v in (0.0, -0.0004, 0.9999, -1.5)] == [
        ".000", ".000", "+1.000", "−1.500"
    ]  # fmt: skip
    assert verdict(Difference(0.02, 0.01, 0.03, 0.001, "better")) == "better (+.020 [+.010, +.030])"


def test_quick_and_presets_reach_the_run(tmp_path: Path) -> None:
    plan = shop_plan(tmp_path)
    assert run_of(plan, split_of(plan)).preset == "quick"
    whole = replace(plan, quick=False, preset="best")
    assert run_of(whole, split_of(plan)).preset == "best"
