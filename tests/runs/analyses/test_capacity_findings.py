from __future__ import annotations

from dataclasses import replace

import pytest

from habitus.runs.analyses.capacity_findings import findings
from habitus.runs.analyses.capacity_tables import Studied
from tests.runs.analyses.capacity_studied import studied_of
from tests.runs.analyses.capacity_world import World, capacity_world

TWO_LINES = 165
"""Letters of two lines of a page, at the size in which findings stand."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return capacity_world(tmp_path_factory.mktemp("findings"))


@pytest.fixture(scope="module")
def studied(world: World) -> Studied:
    return studied_of(world)


def test_where_experts_are_worth_nothing_the_sentence_says_so(studied: Studied) -> None:
    few, _, share, _, highest, against, *_ = findings(studied)
    # The losses of few are all 2.0, so every difference is exactly zero.
    assert few == (
        "Pre-trained on few, no number of experts has a lower loss than one. 16 against one: "
        ".000 [.000, .000], a tie."
    )
    # 1 / (2 + noise), with noise of .05 around 0: about a half, for all three.
    assert share.startswith("Pre-trained on few, 1, 4 and 16 experts find the hidden remedy in .50")
    assert share.endswith("of the cases; at best .700.")
    assert highest.startswith("Labels with vectors of few: the highest AUC is .")
    assert "of one expert. Against PLE alone: .000 [.000, .000], a tie." in highest
    assert against == (
        "Labels with vectors of few: no number of experts has a higher AUC than one. 16 against "
        "one: .000 [.000, .000], a tie."
    )


def test_where_they_pay_the_best_number_stands_with_its_interval(studied: Studied) -> None:
    _, many, _, _, _, _, highest, against, *_ = findings(studied)
    # 1.2 − 2.0 = −.8 in every group.
    assert many == (
        "Pre-trained on many, 16 experts have a lower loss than one; 16 is best: "
        "−.800 [−.800, −.800]."
    )
    assert "of 16 experts. Against PLE alone: +." in highest
    assert highest.endswith("], better.")
    assert "many: 16 experts have a higher AUC than one. 16 against one: +." in against


def test_more_experts_than_the_best_are_held_against_it(studied: Studied) -> None:
    variants = [v for v in studied.variants if v.size == "many"]
    order = {16: 4, 4: 16, 1: 1}
    swapped = [replace(v, experts=order[v.experts]) for v in variants]
    names = {
        new.name: studied.trained[old.name] for new, old in zip(swapped, variants, strict=True)
    }
    found = {name: [one.held_out for one in made] for name, made in names.items()}
    table = type(studied.held_out)(found, 200)
    what = replace(studied.what, sizes={"many": studied.what.sizes["many"]})
    ascending = sorted(swapped, key=lambda v: v.experts)
    said = findings(replace(studied, what=what, variants=ascending, held_out=table))
    assert said[0] == (
        "Pre-trained on many, 4 experts have a lower loss than one; 4 is best: "
        "−.800 [−.800, −.800]. 16 against 4: +.800 [+.800, +.800], worse."
    )


def test_what_stands_beside_the_encoders_is_told_last(studied: Studied) -> None:
    *_, controls, levels = findings(studied)
    assert controls == (
        "Against PLE alone, in AUC: PLE, random .000 [.000, .000], a tie; "
        "PLE, aggregates .000 [.000, .000], a tie."
    )
    assert levels.startswith("AUC for comparison: PLE alone .")
    assert "best possible ." in levels


def test_without_a_hidden_channel_and_without_bounds_nothing_is_said_of_them(
    studied: Studied,
) -> None:
    what = replace(studied.what, hidden=None, bounds={})
    said = findings(replace(studied, what=what, rows=[]))
    assert not any("hidden" in text or "comparison" in text for text in said)
    assert len(said) == 2 + 2 * 2


def test_every_finding_is_two_lines_at_most_with_a_proper_minus(studied: Studied) -> None:
    for text in findings(studied):
        assert len(text) <= TWO_LINES
        assert "-0" not in text
        assert " 0." not in text
