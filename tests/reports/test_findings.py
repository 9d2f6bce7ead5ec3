from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.evaluation import class_plan
from habitus.reports import findings as module
from habitus.reports.findings import Difference, Findings
from tests.reports.class_sample import class_sample
from tests.reports.sample import difference, sample, versus

RESULTS = sample(edges={"coupon": -0.05, "inactive": 0.05, "diapers": 0.0})


def findings(**changes: Any) -> Findings:
    return Findings(copy.deepcopy(RESULTS) | changes)


def test_ours_is_the_first_method_of_its_group_and_the_summary_names_the_reference() -> None:
    found = findings()
    assert (found.ours, found.reference) == ("ours", "aggregates")
    assert found.all_ours == ["ours", "ours+aggregates"]
    assert found.shown == ["ours", "aggregates", "ours+aggregates"]


def test_without_a_comparison_in_the_summary_the_best_comparison_is_the_reference() -> None:
    summary = [s | {"against": None} for s in RESULTS["summary"]]
    another = {"name": "kNN", "label": "kNN", "group": "comparison"}
    better = {"method": "kNN", "metric": "auroc", "value": 0.99, "low": None, "high": None}
    methods = [*RESULTS["methods"], another]
    assert findings(summary=summary).reference == "aggregates"
    assert findings(summary=[*summary, better], methods=methods).reference == "kNN"


def test_without_ours_nothing_is_ours() -> None:
    others = [m for m in RESULTS["methods"] if m["group"] != "ours"]
    found = findings(methods=others)
    assert found.ours is None
    assert found.shown == ["aggregates"]


def test_columns_put_what_is_compared_first_and_lose_nobody() -> None:
    names = [m["name"] for m in findings().columns]
    assert names[:3] == ["ours", "aggregates", "ours+aggregates"]
    assert sorted(names) == sorted(m["name"] for m in RESULTS["methods"])


def test_a_difference_is_found_from_both_sides() -> None:
    found = findings()
    there = found.difference("coupon", "ours", "aggregates")
    back = found.difference("coupon", "aggregates", "ours")
    assert there is not None
    assert back is not None
    assert there.verdict == "worse"
    assert back.verdict == "better"
    assert (back.value, back.low, back.high) == (0.05, 0.03, 0.07)
    assert found.difference("coupon", "majority", "random") is None


@given(st.floats(-1, 1), st.floats(0, 1), st.sampled_from(["better", "worse", "tie"]))
def test_turning_a_difference_round_twice_changes_nothing(
    value: float, half: float, verdict: Any
) -> None:
    one = Difference(value, value - half, value + half, verdict, 0.5)
    assert one.reversed().reversed() == one


@pytest.mark.parametrize(
    ("p_holm", "verdict"), [(None, "better"), (0.049, "better"), (0.05, "tie"), (1.0, "tie")]
)
def test_a_win_that_holms_correction_takes_away_is_a_tie(
    p_holm: float | None, verdict: str
) -> None:
    row = {"value": 0.02, "low": 0.001, "high": 0.039, "verdict": "better", "p_holm": p_holm}
    assert Difference.from_row(row).verdict == verdict


@pytest.mark.parametrize(
    ("p_holm", "verdict", "word"),
    [
        (None, "worse", "behind"),
        (0.01, "better", "ahead"),
        (0.06, "better", "tie (Holm)"),
        (0.06, "tie", "tie"),
    ],
)
def test_a_tie_by_correction_alone_has_a_word_of_its_own(
    p_holm: float | None, verdict: str, word: str
) -> None:
    row = {"value": 0.02, "low": 0.001, "high": 0.039, "verdict": verdict, "p_holm": p_holm}
    assert Difference.from_row(row).word == word
    turned = {"behind": "ahead", "ahead": "behind"}.get(word, word)
    assert Difference.from_row(row).reversed().word == turned


def test_means_are_marked_where_they_were_compared_with_the_highest() -> None:
    def entry(name: str, value: float, **more: Any) -> dict[str, Any]:
        whole = {"method": name, "metric": "auroc", "value": value, "low": None, "high": None}
        return whole | {"against": None} | more

    row = {"method": "untrained"} | versus(0.1, 0.02)
    tied = {"method": "aggregates"} | versus(0.01, 0.02)
    summary = [
        entry("majority", 0.5),
        entry("untrained", 0.75),
        entry("aggregates", 0.84),
        entry("ours", 0.85, against=tied, beside=[row]),
    ]
    found = findings(summary=summary)
    assert found.best_mean == "ours"
    marks = {name: found.mean_mark(name) for name in ("ours", "aggregates", "untrained")}
    assert marks == {"ours": "best", "aggregates": "tie", "untrained": "behind"}
    assert found.mean_mark("majority") == found.mean_mark("random") == "untested"
    # Where the comparison is highest, ours stands to it as its own entry says.
    summary[2] = entry("aggregates", 0.9)
    summary[3] = entry("ours", 0.85, against={"method": "aggregates"} | versus(-0.05, 0.02))
    assert findings(summary=summary).mean_mark("ours") == "behind"
    assert findings(summary=[]).best_mean is None
    assert findings(summary=[]).mean_mark("ours") == "untested"


def test_ours_is_held_against_the_reference_only_where_it_has_a_column() -> None:
    assert findings().is_held(["ours", "majority"])
    assert not findings().is_held(["majority"])
    controls = [m for m in RESULTS["methods"] if m["group"] != "comparison"]
    assert not findings(methods=controls, summary=[]).is_held(["ours"])


def test_an_unknown_difference_stays_unknown_when_turned_round() -> None:
    assert Difference(None, None, None, "tie").reversed() == Difference(None, None, None, "tie")


@pytest.mark.parametrize(
    ("task", "ours", "aggregates"),
    [
        # ours + aggregates always lies .008 above the better of the two: within .02 a tie.
        ("coupon", "behind", "tie"),  # .058 behind, .008 behind
        ("inactive", "tie", "behind"),  # .008 behind, .058 behind
        ("diapers", "tie", "tie"),
    ],
)
def test_marks_follow_the_paired_difference_with_the_best(
    task: str, ours: str, aggregates: str
) -> None:
    found = findings()
    assert found.best(task) == "ours+aggregates"
    assert found.mark(task, "ours+aggregates") == "best"
    assert (found.mark(task, "ours"), found.mark(task, "aggregates")) == (ours, aggregates)


def test_a_method_never_compared_with_the_best_has_no_mark() -> None:
    results = copy.deepcopy(RESULTS)
    results["differences"] = [difference("coupon", "ours", "aggregates", -0.05)]
    found = Findings(results)
    assert found.mark("coupon", "ours") == "untested"
    assert found.mark("coupon", "ours+aggregates") == "best"


def test_the_best_of_an_error_is_the_lowest() -> None:
    results = copy.deepcopy(RESULTS)
    for i, cell in enumerate(c for c in results["cells"] if c["task"] == "coupon"):
        cell["metrics"]["brier"]["value"] = 0.1 + 0.01 * i
    assert Findings(results).best("coupon", "brier") == results["methods"][0]["name"]


def test_a_score_of_nobody_has_no_best() -> None:
    assert findings(cells=[]).best("coupon") is None
    assert findings(cells=[]).mark("coupon", "ours") == "untested"
    assert findings().best("coupon", "ndcg") is None


def test_the_tally_counts_each_task_once() -> None:
    tally = findings().tally("ours", "aggregates")
    assert tally["better"] >= 1  # inactive
    assert tally["worse"] >= 1  # coupon
    assert sum(tally.values()) == len(RESULTS["tasks"])
    assert findings().tally("ours", "nobody") == {"better": 0, "tie": 0, "worse": 0}


def test_compared_with_lists_each_partner_once_in_the_order_of_methods() -> None:
    names = [m["name"] for m in RESULTS["methods"] if m["name"] != "ours"]
    assert findings().compared_with("ours") == names


def test_the_detectable_difference_is_2_8_standard_errors() -> None:
    # An interval of ± .02 is ± 1.96 standard errors: 2.802 / 1.96 × .02 = .0286.
    found = findings().detectable("ours", "aggregates")
    assert found == pytest.approx((1.960 + 0.842) / 1.960 * 0.02)
    assert findings(differences=[]).detectable("ours", "aggregates") is None


def test_failed_canaries_are_those_that_did_not_pass() -> None:
    canaries = [dict(c) for c in RESULTS["canaries"]]
    canaries[1]["passed"] = False
    assert findings(canaries=canaries).failed_canaries == [canaries[1]]
    assert findings(canaries=None).failed_canaries == []


def test_a_label_that_nobody_gave_is_the_name() -> None:
    assert findings().label("ours") == "habitus"
    assert findings().label("nobody") == "nobody"


def test_methods_are_compared_by_the_main_score_of_their_questions() -> None:
    found = Findings(class_sample(edges={"coupon": -0.05}))
    assert (found.main, found.main_measure.title, found.of_classes) == (
        "macro_f1",
        "Macro-F1",
        True,
    )
    assert (findings().main, findings().of_classes) == ("auroc", False)
    yes_or_no = Findings(sample(edges={"coupon": -0.05}))
    for task in ("coupon", "inactive"):
        for method in ("ours", "aggregates", "majority"):
            assert found.mark(task, method) == yes_or_no.mark(task, method)
            assert found.estimate(task, method) == yes_or_no.estimate(task, method)
    assert found.mean_value("ours") == yes_or_no.mean_value("ours")


def test_notes_on_what_was_left_out_are_found() -> None:
    assert module.RANDOM_SPLIT == class_plan.RANDOM_SPLIT
    notes = [
        "task 'x' is left out: too few",
        "random split 2: task 'y' is left out: too few",
        "Vectors read the latest 256 events.",
    ]
    found = Findings(sample() | {"notes": notes})
    assert found.left_out == notes[:1]
    assert found.left_out_splits == notes[1:2]
    assert Findings(sample() | {"notes": None}).left_out == []


def test_the_best_comparison_is_held_against_where_it_is_not_the_reference() -> None:
    results = sample()
    # Aggregates are the reference, and the only comparison.
    assert Findings(results).best_beside is None
    words = {"name": "words", "label": "TF-IDF", "group": "comparison"}
    weak = {"name": "zealous", "label": "zealous", "group": "comparison"}
    results["methods"] += [words, weak]
    mean = {"metric": "auroc", "low": None, "high": None, "against": None}
    results["summary"] += [
        {"method": "words", "value": 0.99, **mean},
        {"method": "zealous", "value": 0.6, **mean},
    ]
    assert Findings(results).best_beside == ("words", None)
    ours = next(s for s in results["summary"] if s["method"] == "ours")
    ours["beside"] = [
        {"method": "zealous"} | versus(0.2, 0.01),
        {"method": "words"} | versus(-0.1, 0.01),
    ]
    name, found = Findings(results).best_beside or ("", None)
    assert (name, found and found.verdict) == ("words", "worse")
    assert Findings(results).reference == "aggregates"


def test_a_calibration_error_has_no_interval_whatever_results_hold() -> None:
    kept = findings().cell("coupon", "ours") or {}
    assert kept["metrics"]["ece"]["low"] is not None
    found = findings().estimate("coupon", "ours", "ece") or {}
    assert (found["low"], found["high"]) == (None, None)
    assert found["value"] == kept["metrics"]["ece"]["value"]
    assert (findings().estimate("coupon", "ours", "brier") or {})["low"] is not None
