"""Vectors of models as rows: slots, presence, items, each made once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.evaluation.altered import selected
from habitus.evaluation.next_item_asked import AskedItems
from habitus.probes.two_tower import TwoTowerConfig
from habitus.representations.item_cache import item_vectors
from habitus.representations.model import Model
from habitus.runs.analyses.next_item_rows import (
    RUNGS,
    ModelVectors,
    model_row,
    quick_towers,
    rungs,
    usual_kind,
)
from habitus.runs.analyses.next_item_sets import SETS, questions_of, run_for
from habitus.runs.clue_slots import slots_of
from habitus.testing.hand_made import Event, write_traces
from tests.runs.analyses.synthetic_shops import synthetic_shops


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return synthetic_shops(tmp_path_factory.mktemp("shops") / "traces")


@pytest.fixture(scope="module")
def asked(traces: Traces) -> list[AskedItems]:
    return questions_of(traces, SETS["synthetic"], quick=True)


@pytest.fixture(scope="module")
def models(traces: Traces) -> list[Model]:
    run = run_for(SETS["synthetic"], "quick")
    return [run.with_seed(seed).build(traces)[0] for seed in range(2)]


def test_slots_are_those_of_the_model_of_the_seed(
    asked: list[AskedItems], models: list[Model]
) -> None:
    vectors, history = ModelVectors(models), asked[0].test.history
    for seed, model in enumerate(models):
        z_UKE, present_UK = slots_of(model, history)
        all_UD = vectors.all_slots(asked[0], history, seed)
        known_U = present_UK.any(axis=1)
        expected_UD = np.hstack([z_UKE.reshape(len(z_UKE), -1), present_UK])
        np.testing.assert_allclose(all_UD[known_U], expected_UD[known_U], atol=1e-5)
        for each, place in zip(asked, (0, 1), strict=True):
            own_UD = vectors.own_slot(each, history, seed)
            own = np.hstack([z_UKE[:, place], present_UK[:, place, None]])
            np.testing.assert_allclose(own_UD[known_U], own[known_U], atol=1e-5)


def test_a_service_that_was_never_seen_is_in_the_slot_of_others(
    asked: list[AskedItems], models: list[Model], tmp_path: Path
) -> None:
    events: dict[str, list[Event]] = {
        "ann": [{"time": t, "item_id": f"i{t}", "service": "elsewhere"} for t in range(3)]
    }
    items = {"item_id": [f"i{t}" for t in range(3)], "text": ["w1 w2", "w3", "w2"]}
    channels = {"item_id": "id", "service": "category"}
    other = write_traces(tmp_path / "t", events, channels, tables={"items": items})  # type: ignore[arg-type]
    config = asked[0].config
    elsewhere = replace(asked[0], config=replace(config, service="elsewhere"))
    vectors, history = ModelVectors(models), Snapshot(other)
    own_UD = vectors.own_slot(elsewhere, history, 0)
    all_UD = vectors.all_slots(elsewhere, history, 0)
    width = own_UD.shape[1] - 1
    np.testing.assert_array_equal(own_UD[:, :width], all_UD[:, 2 * width : 3 * width])
    assert own_UD[0, -1] == 1
    assert all_UD[0, -3:].tolist() == [0, 0, 1]


def test_users_and_items_are_encoded_once(
    asked: list[AskedItems], models: list[Model], tmp_path: Path
) -> None:
    models[0].save(tmp_path / "model", card="# A card\n")
    vectors = ModelVectors(models[:1], tmp_path / "items")
    assert np.isnan(vectors.users_per_second)
    history, other = asked[0].test.history, asked[0].valid.history
    for _ in range(2):
        vectors.all_slots(asked[0], history, 0)
        vectors.own_slot(asked[0], history, 0)
    assert vectors.users == history.num_users
    assert vectors.users_per_second > 0
    # Another history is encoded too, from items that are on disk by now.
    vectors.own_slot(asked[0], other, 0)
    assert vectors.users == history.num_users + other.num_users
    assert [path.name for path in (tmp_path / "items").iterdir()] == [str(models[0].digest)[:16]]


def test_people_of_two_companies_have_items_of_their_own(
    asked: list[AskedItems], models: list[Model], tmp_path: Path
) -> None:
    other = synthetic_shops(tmp_path / "other")
    some = Snapshot(selected(other, tmp_path / "few", np.arange(other.num_events) % 2 == 0))
    vectors = ModelVectors(models)
    for history in (asked[0].test.history, some, asked[0].valid.history):
        z_UKE, present_UK = slots_of(models[0], history)
        found_UKE = vectors.slots(history, 0) * present_UK[:, :, None]
        np.testing.assert_allclose(found_UKE, z_UKE, atol=1e-5)


def test_items_are_behaviours_on_the_service_of_the_usual_kind(
    asked: list[AskedItems], models: list[Model], traces: Traces
) -> None:
    kinds = traces.dictionary("kind").to_pylist()
    of_service = [
        kinds[kind - 1]
        for kind, service in zip(traces.column("kind"), traces.column("service"), strict=True)
        if traces.dictionary("service")[int(service) - 1].as_py() == "service-1"
    ]
    usual = max(set(of_service), key=of_service.count)
    assert usual_kind(asked[1], traces) == usual
    found = ModelVectors(models).items(asked[1], 1)
    expected = item_vectors(models[1], traces, asked[1].catalogue_I, "service-1", usual)
    np.testing.assert_array_equal(found, expected)


def test_rows_have_the_names_of_their_table(asked: list[AskedItems], models: list[Model]) -> None:
    towers = quick_towers(TwoTowerConfig(loss="softmax"))
    rows = rungs(towers)
    assert [row.name for row in rows] == [*RUNGS, "item_text_vectors"]
    assert {row.group for row in rows} == {"rung"}
    score_BI = rows[-1].fit(asked[0], 0).score(np.arange(3))
    assert score_BI.shape == (3, len(asked[0].catalogue_I))
    row = model_row("x", "X", ModelVectors(models), towers, group="control", own=True)
    assert (row.name, row.label, row.group, row.towers) == ("x", "X", "control", towers)
    # 32 numbers of a slot and its presence; items of 32 numbers and their popularity.
    weights = 2 * (33 * 32 + 32 + 32 * 16 + 16)
    assert row.fit(asked[0], 0).weights == weights
    whole = model_row("x", "X", ModelVectors(models), towers)
    # Three slots and three presences.
    assert whole.fit(asked[0], 0).weights == weights + (3 * 33 - 33) * 32
