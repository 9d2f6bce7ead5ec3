"""What is asked on which set, and what is pre-trained for it."""

from __future__ import annotations

import pytest

from habitus.data.traces import Traces
from habitus.datasets import DATASETS
from habitus.errors import UsageError
from habitus.runs.analyses.next_item_sets import (
    SETS,
    questions_of,
    run_for,
    set_of,
    smaller,
)
from habitus.runs.clue import clue
from tests.runs.analyses.synthetic_shops import synthetic_shops


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return synthetic_shops(tmp_path_factory.mktemp("shops") / "traces")


def test_sets_exist_and_transfer_comes_from_another_company() -> None:
    for name, what in SETS.items():
        assert name in DATASETS
        assert what.source is None or (what.source in SETS and what.source != name)
    with pytest.raises(UsageError, match="asked for on 'art_ofice'; did you mean 'art_office'"):
        set_of("art_ofice")


def test_each_service_is_a_question(traces: Traces) -> None:
    quick = questions_of(traces, SETS["synthetic"], quick=True)
    assert [asked.name for asked in quick] == ["service-0", "service-1"]
    assert [len(asked.train) for asked in quick] == [1, 1]
    whole = questions_of(traces, SETS["synthetic"], quick=False)
    # Of about 240 train users no more than ten targets each are taken.
    assert 1 < len(whole[0].train) <= 10
    assert all(len(asked.train[0].target_B) <= 400 for asked in quick)


@pytest.mark.parametrize("name", sorted(SETS))
def test_pretraining_ends_where_testing_begins(name: str) -> None:
    run = run_for(SETS[name], "quick")
    assert run.preset == "quick"
    assert run.as_of == SETS[name].asked.get("cutoff")
    assert (run.split_attribute == "split") == (name in ("art_office", "food_kitchen"))


def test_nobody_is_tested_whom_the_run_was_trained_on(traces: Traces) -> None:
    run = run_for(SETS["synthetic"], "quick")
    trained = set(run.snapshot(traces, "train").users_U.tolist())
    for asked in questions_of(traces, SETS["synthetic"], quick=True):
        assert not trained & set(asked.test.history.users_U.tolist())
        assert not trained & set(asked.valid.history.users_U.tolist())


def test_the_smaller_encoder_is_a_quarter_as_wide() -> None:
    run = clue("ci")
    small = smaller(run)
    assert (run.encoder.width, small.encoder.width) == (256, 64)
    assert (run.slot_dim, small.slot_dim) == (256, 64)
    # Heads must divide it.
    assert smaller(run, 1_000).encoder.width == run.encoder.num_heads
