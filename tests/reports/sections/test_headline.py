from __future__ import annotations

import copy
from typing import Any

import pytest

from habitus.reports.findings import Difference, Findings
from habitus.reports.sections.headline import (
    headline,
    headline_section,
    tally_rows,
    verdict_sentence,
)
from tests.reports.page import Page
from tests.reports.sample import sample, versus


def against_counts(value: float | None, half: float | None) -> Findings:
    """Findings in which ours differs from the counts by ``value`` ± ``half`` on average."""
    results = copy.deepcopy(sample())
    row = next(s for s in results["summary"] if s["method"] == "ours")
    if value is None or half is None:
        nothing = {"value": value, "low": None, "high": None, "verdict": "tie"}
        row["against"] = {"method": "aggregates"} | nothing
    else:
        row["against"] = {"method": "aggregates"} | versus(value, half)
    results["summary"] = [s for s in results["summary"] if s["method"] != "ours+aggregates"]
    return Findings(results)


@pytest.mark.parametrize(
    ("value", "half", "sentence"),
    [
        (
            0.021,
            0.015,
            "habitus is ahead: the difference, +.021 [+.006, +.036], leaves zero out.",
        ),
        (
            -0.03,
            0.01,
            "habitus is behind: the difference, −.030 [−.040, −.020], leaves zero out.",
        ),
        (-0.01, 0.015, "The difference, −.010 [−.025, +.005], is a tie."),
        (
            0.01,
            None,
            "No interval of their difference was computed, so neither is called better.",
        ),
    ],
    ids=["win", "loss", "tie", "unknown"],
)
def test_the_verdict_is_worded_by_the_interval(
    value: float, half: float | None, sentence: str
) -> None:
    _, verdict = headline(against_counts(value, half))
    assert verdict == sentence


def test_the_first_sentence_holds_both_averages() -> None:
    found = against_counts(0.0, 0.01)
    first, _ = headline(found)
    ours, counts = (f"{found.mean_value(n):.3f}"[1:] for n in ("ours", "aggregates"))
    assert first == (
        "On 8 questions about what 617 unseen users do next, habitus scores "
        f"{ours} on average (AUROC: .5 is a coin toss, 1 is perfect); "
        f"aggregates + GBDT scores {counts}."
    )


@pytest.mark.parametrize(
    ("edge", "word"), [(0.05, "ahead of"), (-0.05, "behind"), (0.0, "tied with")]
)
def test_ours_joined_with_more_gets_its_own_sentence(edge: float, word: str) -> None:
    results = copy.deepcopy(sample())
    row = next(s for s in results["summary"] if s["method"] == "ours+aggregates")
    row["against"] = {"method": "aggregates"} | versus(edge, 0.01)
    last = headline(Findings(results))[-1]
    assert last.startswith("habitus + aggregates scores ")
    assert f", {word} aggregates + GBDT (" in last


@pytest.mark.parametrize(
    ("edge", "half", "told"),
    [
        (-0.05, 0.01, "habitus is behind it (−.050 [−.060, −.040])."),
        (0.05, 0.01, "habitus is ahead of it (+.050 [+.040, +.060])."),
        (0.005, 0.01, "habitus is tied with it (+.005 [−.005, +.015])."),
        (None, None, None),
    ],
)
def test_the_best_comparison_gets_its_own_sentence(
    edge: float | None, half: float | None, told: str | None
) -> None:
    results = copy.deepcopy(sample())
    results["methods"].append({"name": "words", "label": "TF-IDF", "group": "comparison"})
    mean = {"metric": "auroc", "low": 0.98, "high": 1.0, "against": None}
    results["summary"].append({"method": "words", "value": 0.99, **mean})
    ours = next(s for s in results["summary"] if s["method"] == "ours")
    if edge is not None and half is not None:
        ours["beside"] = [{"method": "words"} | versus(edge, half)]
    sentence = headline(Findings(results))[2]
    if told is None:
        assert sentence == "The best comparison is TF-IDF, .990; no difference to it was computed."
    else:
        assert sentence == f"The best comparison is TF-IDF, .990: {told}"


def test_what_experts_add_has_a_sentence_of_its_own() -> None:
    results = copy.deepcopy(sample(num_tasks=2))
    control = {"name": "dense", "label": "dense control", "group": "comparison"}
    results["methods"].append(control)
    ours = next(s for s in results["summary"] if s["method"] == "ours")
    ours["beside"] = [
        {"method": "untrained"} | versus(0.05, 0.01),
        {"method": "dense"} | versus(0.001, 0.01),
    ]
    told = headline(Findings(results))
    pretraining = "What pre-training adds: habitus is ahead of the same encoder untrained"
    assert f"{pretraining} (+.050 [+.040, +.060])." in told
    experts = "What experts add: habitus is tied with the same encoder with one expert"
    assert f"{experts}, trained in the same way (+.001 [−.009, +.011])." in told


def test_one_question_has_no_average() -> None:
    assert " on average" not in headline(Findings(sample(num_tasks=1)))[0]
    assert " on average (" in headline(Findings(sample(num_tasks=2)))[0]


def test_one_question_is_singular() -> None:
    assert headline(Findings(sample(num_tasks=1)))[0].startswith("On 1 question about what")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tasks": []}, "nothing to compare"),
        ({"summary": []}, "no method has a score on average"),
        (
            {"methods": [m for m in sample()["methods"] if m["group"] != "ours"]},
            "no method of ours was evaluated",
        ),
        (
            {
                "methods": [m for m in sample()["methods"] if m["name"] == "ours"],
                "summary": [
                    s | {"against": None} for s in sample()["summary"] if s["method"] == "ours"
                ],
            },
            "nothing was run to compare it with",
        ),
    ],
    ids=["no task", "no mean", "not ours", "only ours"],
)
def test_whatever_is_missing_is_said(changes: dict[str, Any], words: str) -> None:
    (told,) = headline(Findings(sample() | changes))
    assert words in told


def test_the_tally_counts_wins_ties_and_losses_against_each_method_of_others() -> None:
    # ± .02 around each edge: coupon is lost, inactive won, diapers tied.
    edges = {"coupon": -0.05, "inactive": 0.05, "diapers": 0.0}
    rows = {
        name: counts for name, *counts in tally_rows(Findings(sample(num_tasks=3, edges=edges)))
    }
    assert rows["aggregates + GBDT"] == [1, 1, 1]
    assert rows["majority"] == [3, 0, 0]
    assert "habitus + aggregates" not in rows


@pytest.mark.parametrize(("num_tasks", "corrected"), [(1, False), (3, True)])
def test_the_tally_says_that_questions_are_corrected_and_averages_are_not(
    num_tasks: int, corrected: bool
) -> None:
    (box,) = Page(headline_section(Findings(sample(num_tasks=num_tasks)))).all("div", "tally")
    assert ("corrected for asking 3 (Holm). The averages are not" in box.text) == corrected


def test_a_failed_canary_is_told_above_everything() -> None:
    results = copy.deepcopy(sample())
    assert Page(headline_section(Findings(results))).all("p", "alarm") == []
    results["canaries"][0]["passed"] = False
    page = Page(headline_section(Findings(results)))
    (alarm,) = page.all("p", "alarm")
    assert alarm.attributes["role"] == "alert"
    assert "future shuffled" in alarm.text
    paragraphs = page.all("p")
    assert paragraphs.index(alarm) < paragraphs.index(page.all("p", "lead")[0])


def test_a_verdict_of_holm_overrules_a_clear_interval() -> None:
    sentence = verdict_sentence("habitus", Difference(0.02, 0.001, 0.039, "tie"))
    assert sentence == "The difference, +.020 [+.001, +.039], is a tie."


def before_training(results: dict[str, Any], *rows: tuple[str, float, float]) -> Findings:
    """Findings in which ours differs from what it was before training by value ± half."""
    warm = {"name": "warm_start", "label": "warm start only", "group": "control"}
    results["methods"].append(warm)
    ours = next(s for s in results["summary"] if s["method"] == "ours")
    ours["beside"] = [{"method": name} | versus(value, half) for name, value, half in rows]
    return Findings(results)


def test_what_pre_training_adds_is_said_of_both_beginnings() -> None:
    found = before_training(sample(), ("warm_start", -0.002, 0.01), ("untrained", 0.03, 0.01))
    assert headline(found)[2] == (
        "What pre-training adds: habitus is ahead of the same encoder untrained "
        "(+.030 [+.020, +.040]) and tied with the warm start that it begins from "
        "(−.002 [−.012, +.008])."
    )


def test_what_pre_training_adds_to_one_question_is_its_paired_difference() -> None:
    results = sample(num_tasks=1)
    [row] = [
        r for r in results["differences"] if (r["method"], r["against"]) == ("ours", "untrained")
    ]
    [told] = [s for s in headline(Findings(results)) if s.startswith("What pre-training")]
    figures = f"({row['value']:+.3f} [".replace("0.", ".")
    assert f"habitus is ahead of the same encoder untrained {figures}" in told
    assert "warm" not in told


def test_what_pre_training_adds_is_not_made_up() -> None:
    # Results of several questions hold no mean difference to it, unless it was computed.
    assert not any(s.startswith("Pre-training") for s in headline(Findings(sample())))
    untold = sample(num_tasks=1) | {"differences": []}
    assert not any(s.startswith("Pre-training") for s in headline(Findings(untold)))


def test_a_quick_preset_is_told_above_everything() -> None:
    assert Page(headline_section(Findings(sample()))).all("p", "alarm") == []
    page = Page(headline_section(Findings(sample() | {"preset": "quick"})))
    (alarm,) = page.all("p", "alarm")
    assert "preset quick" in alarm.text
    assert "the scores mean nothing" in alarm.text
    paragraphs = page.all("p")
    assert paragraphs.index(alarm) < paragraphs.index(page.all("p", "lead")[0])


def test_the_model_is_named_under_the_title() -> None:
    assert Page(headline_section(Findings(sample()))).all("p", "model") == []
    named = Findings(sample() | {"config": {"name": "clue"}})
    (model,) = Page(headline_section(named)).all("p", "model")
    assert model.text == "Model: item text encoder"
