"""Sparse products against loops over people, items and words."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.item_scores import (
    CountScores,
    TextScores,
    choose,
    items_had,
    standardised,
)
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import DataError, GuardError
from habitus.testing.hand_made import write_traces
from tests.comparisons.items import shop

HAD = {0: {1, 2}, 1: {1, 2, 3}, 2: {2, 3, 5}, 3: {4}}
"""Codes that Ann, Bob, Cem and Dee had."""


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return shop(tmp_path / "traces")


def test_who_had_what_counts_once(traces: Traces) -> None:
    had_UJ = items_had(Snapshot(traces)).toarray()
    assert {u: set((np.flatnonzero(row) + 1).tolist()) for u, row in enumerate(had_UJ)} == HAD
    assert had_UJ.max() == 1


@pytest.mark.parametrize("damping", [0.0, 0.25, 0.5])
def test_co_occurrence_equals_a_loop_over_people(traces: Traces, damping: float) -> None:
    counts = CountScores(Snapshot(traces))
    found_UI = counts.score(Snapshot(traces, 1, np.array([1, 3])), np.array([5, 3, 1]), damping)
    popular = {i: sum(i in had for had in HAD.values()) for i in range(1, 6)}
    # One event less: Bob had a and b; Dee d, since her last event has no item.
    for row, history in enumerate(({1, 2}, {4})):
        for column, item in enumerate((5, 3, 1)):
            expected = sum(
                popular[own] ** -damping * popular[item] ** -damping
                for own in history
                for had in HAD.values()
                if own in had and item in had
            )
            assert found_UI[row, column] == pytest.approx(expected, rel=1e-5)
    # Popularity 2, 3, 2, 1, 1.
    assert counts.popularity(np.array([2, 4])).tolist() == pytest.approx([math.log(4), math.log(2)])


def test_text_is_the_cosine_with_the_centroid(traces: Traces) -> None:
    texts = TextScores(Snapshot(traces))
    # idf = 1 + ln((1 + 4) / (1 + texts with the word)) over the four texts that were met.
    idf = {
        word: 1 + math.log(5 / (1 + number))
        for word, number in {"red": 2, "tea": 2, "cup": 2, "green": 1, "blue": 1}.items()
    }
    # Sublinear: a word that stands twice weighs 1 + ln 2.
    bags = [
        {"red": 1.0, "tea": 1.0},
        {"red": 1.0, "cup": 1.0},
        {"green": 1.0, "tea": 1.0},
        {"blue": 1.0, "cup": 1 + math.log(2)},
    ]
    rows = []
    for bag in bags:
        row = np.array([bag.get(word, 0.0) * idf[word] for word in idf])
        rows.append(row / np.linalg.norm(row))
    # Ann had a and b. An item without text is like nothing.
    centre = rows[0] + rows[1]
    expected = [float(row @ centre / np.linalg.norm(centre)) for row in rows]
    found_UI = texts.score(Snapshot(traces, None, np.array([0])), np.arange(1, 6))
    assert found_UI[0].tolist() == pytest.approx([*expected, 0.0], rel=1e-5)


def test_words_are_those_of_the_texts_that_train_users_met(traces: Traces) -> None:
    texts = TextScores(Snapshot(traces, None, np.array([0])))
    # Ann met a and b: nobody knows green or blue.
    assert texts.weight_JV.shape == (5, 3)
    assert texts.weight_JV.toarray()[2].astype(bool).sum() == 1


def test_other_traces_and_traces_without_texts_are_refused(traces: Traces, tmp_path: Path) -> None:
    texts = TextScores(Snapshot(traces))
    events = {"ann": [{"time": 0, "item_id": "a"}]}
    for name, text in (("none", None), ("marks", "..")):
        items: dict[str, list[str | None]] = {"item_id": ["a"], "text": [text]}
        other = write_traces(tmp_path / name, events, {"item_id": "id"}, tables={"items": items})
        with pytest.raises(GuardError, match=r"no item of .* has a text with words"):
            TextScores(Snapshot(other))
        with pytest.raises(DataError, match="asked about"):
            texts.score(Snapshot(other), np.array([1]))


def test_standardised_by_row() -> None:
    # Mean 2, deviation √(2/3); a constant row is zeros.
    found = standardised(np.array([[1.0, 2.0, 3.0], [4.0, 4.0, 4.0]]))
    root = math.sqrt(1.5)
    expected = np.array([[-root, 0, root], [0, 0, 0]])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_first_of_the_best_is_chosen() -> None:
    nobody, second, past = np.array([0]), np.array([1]), np.array([10])
    tied = np.array([0])
    best, scores = choose([(past, tied), (second, tied), (second, tied)])
    assert best == 1
    assert scores == pytest.approx([0, 1 / math.log2(3), 1 / math.log2(3)])
    assert choose([(second, tied), (nobody, tied)])[0] == 1
