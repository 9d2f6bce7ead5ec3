"""The map of a task: what is drawn and what is counted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from habitus.data.keyword_graphs import one_word_graphs
from habitus.evaluation.prototypes import encode_graphs
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.asking import first_asked
from habitus.runs.analyses.map import WORDS, make_space, word_map
from habitus.runs.analyses.models import trained_rows
from habitus.runs.pasum_wiring import parts_of
from habitus.runs.steps import Json

PlanOf = Callable[..., AnalysisPlan]


def test_users_middles_and_words_lie_where_the_encoder_puts_them(plan_of: PlanOf) -> None:
    plan = plan_of()
    asked = first_asked(plan)
    space = make_space(plan, asked)
    model = trained_rows(plan.experiment(plan.run), plan.run).models[0]
    encoder, encoding = parts_of(model)
    expected = model.encode(asked.snapshot(asked.test.users_B))
    np.testing.assert_allclose(space.user_UD, expected, atol=1e-6)
    # The middle is that of training users; no test user is in it.
    young = asked.train.users_B[asked.train.y_B == 2]
    middle = model.encode(asked.snapshot(young)).mean(axis=0)
    np.testing.assert_allclose(space.middle_CD[2], middle, atol=1e-5)
    ids = encoding.vocabulary.lookup(space.texts)
    alone = encode_graphs(encoder, one_word_graphs(ids.astype(np.int64)))
    np.testing.assert_allclose(space.word_WD, alone, atol=1e-6)
    assert np.bincount(space.home_W).max() <= WORDS


def test_the_page_counts_what_it_shows(plan_of: PlanOf, checked: Callable[[Json], Json]) -> None:
    results = checked(word_map(plan_of()))
    users, words = results["plots"]
    asked = first_asked(plan_of())
    assert len(users["points"]) == len(asked.test.users_B)
    assert [p["class"] for p in users["points"]] == asked.test.y_B.tolist()
    assert words["points"] == []
    assert len(words["centroids"]) == 3 == len(users["centroids"])
    [table] = results["tables"]
    found = sum(row[2] for row in table["rows"])
    total = len(words["words"])
    assert f"own class: {found} of {total}," in results["findings"][1]
    strays = [row[3].split(", ") for row in table["rows"] if row[3] != "none"]
    assert sum(map(len, strays)) == total - found


def test_planted_words_are_typical_of_their_class(plan_of: PlanOf) -> None:
    from habitus.runs.analyses.keywords import task_keywords

    plan = plan_of()
    space, [task] = make_space(plan, first_asked(plan)), plan.tasks
    planted = task_keywords("synthetic_posts", task)
    assert planted is not None
    lists = [set(words) for words in planted.values()]
    known = [
        (home, text)
        for home, text in zip(space.home_W.tolist(), space.texts, strict=True)
        if any(text in words for words in lists)
    ]
    right = sum(text in lists[home] for home, text in known)
    assert len(known) > 10
    assert right / len(known) == pytest.approx(1, abs=0.1)
