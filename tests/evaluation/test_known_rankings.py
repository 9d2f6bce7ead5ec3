import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data.traces import Traces
from habitus.evaluation import known_rankings
from habitus.evaluation.known_answers import recompute
from habitus.evaluation.known_rankings import LastOut, OneTieOrder
from habitus.evaluation.ranking import evaluate_ranking
from habitus.testing.hand_made import write_traces


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> LastOut:
    return LastOut.of(known_rankings._twin(tmp_path_factory.mktemp("twin") / "traces"))


def test_the_people_of_the_twin_have_the_counts_that_the_arithmetic_says(twin: LastOut) -> None:
    counts = twin.popular(leave_out=2).counts_I
    assert counts is not None
    assert counts.tolist() == [*range(10, 0, -1), *[0] * 10]


def test_the_ranks_of_the_twin_are_those_of_its_docstring(twin: LastOut) -> None:
    honest = twin.rank(leave_out=2)
    assert honest.num_better_U.tolist() == [*[1] * 8, 1, 0]
    assert honest.num_tied_U.tolist() == [*[0] * 8, 8, 8]
    # 20 items less 0 … u and 10 + u.
    assert honest.num_candidates_U.tolist() == [18 - u for u in range(10)]


def test_counting_the_targets_is_seen(twin: LastOut) -> None:
    honest, leaky = (twin.rank(leave_out=k).metrics() for k in (2, 0))
    assert leaky["HR@1"] > 10 * honest["HR@1"]


def test_the_mean_over_many_tie_orders_is_the_expectation(twin: LastOut) -> None:
    counts = twin.popular(leave_out=2).counts_I
    assert counts is not None
    generator = np.random.default_rng(0)
    found = []
    for _ in range(400):
        scorer = OneTieOrder(counts, generator.random(20))
        ranking = evaluate_ranking(scorer, twin.history, twin.targets_U)
        found.append(ranking.metrics()["MRR"])
    expected = twin.rank(leave_out=2).metrics()["MRR"]
    assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / np.sqrt(400))


def test_a_tie_order_never_overrules_a_count() -> None:
    scorer = OneTieOrder(np.array([3, 1, 3, 0]), np.array([0.1, 0.9, 0.2, 0.8]))
    # The later draw of two equal counts is the better place.
    assert scorer.place_I.tolist() == [2, 1, 3, 0]


def small_beauty(path: Path) -> Traces:
    """Items named by numbers, as those of Beauty: 40 people with 6 of 200 items each."""
    generator = np.random.default_rng(0)
    events = {
        f"{u}": [
            {"time": t, "item_id": str(i + 1)} for t, i in enumerate(generator.permutation(200)[:6])
        ]
        for u in range(40)
    }
    return write_traces(path, events, {"item_id": "id"}, time_unit="order")


def test_the_answers_of_beauty_are_computed_on_any_such_data(tmp_path: Path) -> None:
    # Its code runs where the set is absent; the figures are then those of this small world.
    answers = list(known_rankings._beauty(LastOut.of(small_beauty(tmp_path / "traces"))))
    ours = {answer.name: answer.ours for answer in answers}
    assert len(ours) == len(answers) == 15
    assert ours["HR@5, expected"] <= ours["HR@10, expected"] <= ours["HR@20, expected"]
    assert ours["HR@20, leaky"] > ours["HR@20, expected"]
    assert ours["HR@10, 99 negatives"] > ours["HR@10, expected"]


def test_where_beauty_is_absent_it_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HABITUS_DATA", raising=False)
    outcome = recompute("most_popular_beauty")
    assert outcome.answers == ()
    assert outcome.not_run is not None
    assert "HABITUS_DATA" in outcome.not_run


@pytest.mark.skipif("HABITUS_DATA" not in os.environ, reason="needs Amazon Beauty")
def test_beauty_holds() -> None:
    assert missed(recompute("most_popular_beauty").answers) == []


def missed(answers: Iterable[Any]) -> list[Any]:
    return [answer for answer in answers if not answer.holds]
