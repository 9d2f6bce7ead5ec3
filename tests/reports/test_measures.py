from __future__ import annotations

from habitus.reports.measures import MAIN, MEASURES, measure


def test_the_main_measure_is_described_and_higher_is_better() -> None:
    assert measure(MAIN).higher_is_better
    assert measure(MAIN).title == "AUROC"


def test_every_measure_says_what_it_means_in_a_sentence() -> None:
    for one in MEASURES.values():
        assert one.meaning.endswith(".")
        assert len(one.meaning) < 220


def test_errors_are_better_when_lower() -> None:
    lower = {name for name, one in MEASURES.items() if not one.higher_is_better}
    assert lower == {"log_loss", "brier", "ece"}


def test_a_measure_that_nobody_described_keeps_its_own_name() -> None:
    assert measure("ndcg@10").title == "ndcg@10"
    assert measure("ndcg@10").higher_is_better
