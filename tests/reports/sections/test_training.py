from __future__ import annotations

import copy
from typing import Any

import pytest

from habitus.reports.findings import Findings
from habitus.reports.sections.training import training_section
from tests.reports.page import Page
from tests.reports.sample import sample


def page_of(**changes: Any) -> Page:
    results = copy.deepcopy(sample(num_tasks=1))
    results["pretraining"] |= changes
    return Page(training_section(Findings(results)))


def test_the_curves_of_training_and_validation_and_each_part_are_drawn() -> None:
    page = page_of()
    total, *parts = page.all("svg")
    assert len(page.inside(total, "polyline")) == 2
    assert len(parts) == 3
    assert [e.text.split(":")[0] for e in page.all("figcaption")][1:] == [
        "product",
        "store",
        "department",
    ]


def test_the_ends_of_the_curves_are_told_in_words() -> None:
    curves = {"step": [0, 1], "train_loss": [5.0, 2.5], "valid_step": [1], "valid_loss": [3.0]}
    (picture,) = page_of(curves=curves).all("svg")
    assert picture.attributes["aria-label"] == (
        "Training loss from 5 to 2.5, validation loss from 3 to 3"
    )


@pytest.mark.parametrize(("best", "drawn"), [(None, 0), (600, 1), (10_000, 0)])
def test_the_step_that_was_kept_is_marked_where_it_lies_on_the_plot(
    best: int | None, drawn: int
) -> None:
    assert len(page_of(best_step=best).all("line", "dashed")) == drawn


def test_words_are_those_of_the_objective() -> None:
    results = copy.deepcopy(sample(num_tasks=1)) | {"config": {"name": "pasum", "triplet": {}}}
    # Without settings of a triplet, nothing says what the loss was.
    assert "make small." not in Page(training_section(Findings(results))).elements[0].text
    results["config"] = {"ours": {"name": "pasum", "triplet": {"alpha": 0.5}}}
    results["pretraining"]["curves"]["parts"] = {
        name: list(results["pretraining"]["curves"]["train_loss"])
        for name in ("inter", "intra_accuracy")
    }
    page = Page(training_section(Findings(results)))
    assert "from a stranger's, less a margin" in page.elements[0].text
    assert "hidden values" not in page.elements[0].text
    captions = [e.text.split(": from")[0] for e in page.all("figcaption")][1:]
    assert captions == [
        "who follows whom (inter)",
        "communities of one user (intra): share right",
    ]
    _, loss, right = page.all("svg")
    assert [
        "share right" in "".join(e.text for e in page.inside(p, "text")) for p in (loss, right)
    ] == [False, True]


def test_missing_points_are_left_out() -> None:
    curves = {"step": [0, 1, 2], "train_loss": [5.0, None, 2.5]}
    (line,) = page_of(curves=curves).all("polyline")
    assert len((line.attributes["points"] or "").split()) == 2


def test_long_curves_are_thinned_but_keep_their_end() -> None:
    steps = list(range(50_000))
    curves = {"step": steps, "train_loss": [float(s) for s in steps]}
    page = page_of(curves=curves)
    assert len((page.all("polyline")[0].attributes["points"] or "").split()) <= 401
    assert "from 0 to 5e+04" in page.elements[0].text


def test_no_curve_and_no_training_are_two_different_sentences() -> None:
    assert "kept no training curve" in page_of(curves=None).elements[0].text
    without = Findings(sample(num_tasks=1) | {"pretraining": None})
    assert "hold no training curve" in Page(training_section(without)).elements[0].text


def test_what_rises_stands_apart_from_what_is_made_small() -> None:
    line = list(sample(num_tasks=1)["pretraining"]["curves"]["train_loss"])
    results = copy.deepcopy(sample(num_tasks=1)) | {"config": {"name": "clue"}}
    names = ("cross_service", "cross_service_r1", "cross_service_gain")
    results["pretraining"]["curves"]["parts"] = dict.fromkeys(names, line)
    page = Page(training_section(Findings(results)))
    assert [e.text for e in page.all("h3")] == ["Parts of the training loss", "What should rise"]
    _, loss, *others = page.all("svg")
    assert "loss" in "".join(e.text for e in page.inside(loss, "text"))
    for picture, axis in zip(others, ("share found first", "nats known"), strict=True):
        words = "".join(e.text for e in page.inside(picture, "text"))
        assert axis in words
        assert "loss" not in words
    assert "is told, by what the same user left on another" in page.elements[0].text
    # Channels are losses only.
    assert [e.text for e in page_of().all("h3")] == ["Parts of the training loss"]
