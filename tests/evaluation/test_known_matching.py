"""Known answers of matching: their code on a small world, and themselves where the sets are."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.cca_matching import plain_cca
from habitus.data.snapshot import Snapshot
from habitus.evaluation.known_answers import recompute
from habitus.evaluation.known_matching import cca_answers
from habitus.evaluation.matching import METRICS, MatchingTask
from habitus.evaluation.matching_split import MatchingSplit
from tests.evaluation.shoppers import shopper_events, shoppers

AMAZON = ("cca_art_office", "cca_food_kitchen")


def test_the_answers_are_computed_on_any_such_data(tmp_path: Path) -> None:
    traces = shoppers(tmp_path / "traces", shopper_events(240))
    split = MatchingSplit(pool=40)
    answers = list(cca_answers(traces, split, (0.1, 0.9, 0.3)))
    assert [a.name for a in answers] == [f"{metric}, linear CCA" for metric in METRICS]
    assert [a.expected for a in answers] == [0.1, 0.9, 0.3]
    train, pool = (
        Snapshot(traces, None, u) for u in (split.pairs(traces), split.rows(traces, "test"))
    )
    values = MatchingTask(pool).match(plain_cca(train)).values()
    for answer, metric in zip(answers, METRICS, strict=True):
        assert answer.ours == pytest.approx(values[metric].mean())
        # The bootstrap's standard error is about that of a mean.
        error = values[metric].std() / np.sqrt(len(values[metric]))
        assert answer.tolerance == pytest.approx(3 * error, rel=0.25)
    # Tastes are six, and one of 40 is found among about seven of the same.
    assert answers[2].ours > 0.2


def test_where_the_sets_are_absent_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HABITUS_DATA", raising=False)
    for entry in AMAZON:
        outcome = recompute(entry)
        assert outcome.answers == ()
        assert outcome.not_run is not None
        assert "HABITUS_DATA" in outcome.not_run


@pytest.mark.skipif("HABITUS_DATA" not in os.environ, reason="needs Amazon Arts and Office")
def test_art_office_holds() -> None:
    assert recompute("cca_art_office").holds
