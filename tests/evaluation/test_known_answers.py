import sys
from collections.abc import Iterable

import pytest

from habitus.errors import UsageError
from habitus.evaluation import known_answers
from habitus.evaluation.known_answers import (
    KNOWN_ANSWERS,
    Answer,
    NotRunError,
    Outcome,
    recompute,
)
from habitus.registry import Registry

NEED_DATA = {
    "most_popular_beauty",
    "basket_online_retail",
    "cca_art_office",
    "cca_food_kitchen",
    "cca_complete_journey",
}


@pytest.mark.parametrize("entry", [e for e in KNOWN_ANSWERS if e not in NEED_DATA])
def test_it_holds_without_any_data(entry: str) -> None:
    outcome = recompute(entry)
    assert outcome.not_run is None
    assert outcome.answers
    assert [answer for answer in outcome.answers if not answer.holds] == []


@pytest.mark.parametrize("entry", KNOWN_ANSWERS)
def test_it_is_described(entry: str) -> None:
    assert KNOWN_ANSWERS[entry].__doc__


@pytest.mark.parametrize(
    ("ours", "holds"), [(1.0, True), (1.1, True), (0.9, True), (1.1001, False), (float("nan"), 0)]
)
def test_an_answer_holds_within_its_tolerance(ours: float, holds: bool) -> None:
    assert Answer("a", ours, 1.0, 0.1 + 1e-12, "by hand").holds == holds


def test_one_missed_figure_is_a_missed_outcome() -> None:
    good, bad = (Answer("a", ours, 1.0, 0.1, "by hand") for ours in (1.0, 2.0))
    assert Outcome("entry", (good, good), None).holds
    assert not Outcome("entry", (good, bad), None).holds


def absent() -> Iterable[Answer]:
    yield Answer("before", 1.0, 2.0, 0.1, "by hand")
    raise NotRunError("set HABITUS_DATA")


def test_what_was_not_run_misses_nothing_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "toy_answers", sys.modules[__name__])
    table = Registry[object]("known answer", {"absent": "toy_answers:absent"})
    monkeypatch.setattr(known_answers, "KNOWN_ANSWERS", table)
    outcome = recompute("absent")
    assert outcome.holds
    assert outcome == ("absent", (), "set HABITUS_DATA")


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(UsageError, match="did you mean 'constant_scorer'"):
        recompute("constant_score")


def test_permuted_labels_repeat_to_the_digit() -> None:
    assert recompute("permuted_labels") == recompute("permuted_labels")
