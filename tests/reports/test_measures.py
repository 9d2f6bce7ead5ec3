from __future__ import annotations

from habitus.metrics import CLASS_METRICS
from habitus.reports.measures import CLASS_MEASURES, MAIN, MEASURES, measure


def test_the_main_measure_is_described_and_higher_is_better() -> None:
    assert measure(MAIN).higher_is_better
    assert measure(MAIN).title == "AUROC"


def test_every_measure_says_what_it_means_in_a_sentence() -> None:
    for one in (MEASURES | CLASS_MEASURES).values():
        assert one.meaning.endswith(".")
        assert len(one.meaning) < 220


def test_errors_are_better_when_lower() -> None:
    lower = {name for name, one in MEASURES.items() if not one.higher_is_better}
    assert lower == {"log_loss", "brier", "ece"}


def test_a_measure_that_nobody_described_keeps_its_own_name() -> None:
    assert measure("ndcg@10").title == "ndcg@10"
    assert measure("ndcg@10").higher_is_better


def test_a_title_inside_a_sentence_is_small_unless_it_is_an_abbreviation() -> None:
    assert measure("macro_f1").inline == "macro-F1"
    assert measure("accuracy").inline == "accuracy"
    assert measure("auroc").inline == "AUROC"


def test_measures_of_classes_are_known_too() -> None:
    assert set(CLASS_MEASURES) == set(CLASS_METRICS)
    assert all(measure(name).highest == 1 for name in CLASS_MEASURES)
