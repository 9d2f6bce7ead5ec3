"""Parts, catalogues and stored negatives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from habitus.data.split import DAY, UserSplit
from habitus.data.traces import Traces
from habitus.errors import GuardError
from habitus.evaluation.candidates import Candidates
from habitus.evaluation.next_item_asked import AskedItems, ask_next_item, draw_columns, parts_of
from habitus.probes.targets import Targets
from habitus.tasks.next_item import NextItemConfig
from habitus.testing.hand_made import Event, write_traces
from tests.evaluation.item_world import NUM_USERS, item_world


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return item_world(tmp_path_factory.mktemp("world") / "traces")


@pytest.fixture(scope="module")
def food(traces: Traces) -> AskedItems:
    return ask_next_item(NextItemConfig(name="food", service="food"), traces, rounds=3)


def test_the_parts_are_those_of_the_source(traces: Traces) -> None:
    parts = parts_of(traces)
    assert parts["test"].tolist() == list(range(0, NUM_USERS, 6))
    assert parts["valid"].tolist() == list(range(1, NUM_USERS, 6))
    # People of any other group are train users.
    assert parts["train"].tolist() == [u for u in range(NUM_USERS) if u % 6 > 1]


def test_without_such_parts_ids_decide_as_in_runs(tmp_path: Path) -> None:
    traces = item_world(tmp_path / "t", split=False)
    for split in (None, UserSplit(train=0.8, valid=0.1, test=0.1)):
        parts = parts_of(traces, split)
        for part in ("train", "valid", "test"):
            expected = (split or UserSplit()).rows(traces, part)
            np.testing.assert_array_equal(parts[part], expected)


def test_nobody_is_in_two_parts_and_nothing_is_counted_of_tested_people(food: AskedItems) -> None:
    users = [part.history.users_U for part in (food.train[0], food.valid, food.test)]
    assert len(np.unique(np.concatenate(users))) == sum(map(len, users))
    tested = np.concatenate(users[1:])
    assert not np.isin(food.seen.users_U, tested).any()
    assert set(food.seen.users_U) >= set(users[0])


def test_train_users_have_further_targets(food: AskedItems) -> None:
    # Everybody bought two or three things on food: a first one cannot be asked for without a
    # history, unless home came before.
    assert 2 <= len(food.train) <= 3
    for earlier, later in zip(food.train[1:], food.train, strict=False):
        place = np.searchsorted(later.history.users_U, earlier.history.users_U)
        np.testing.assert_array_equal(later.history.users_U[place], earlier.history.users_U)
        assert (earlier.history.stop_U < later.history.stop_U[place]).all()


def test_train_users_can_be_fewer_and_are_drawn(traces: Traces, food: AskedItems) -> None:
    config = NextItemConfig(name="food", service="food")
    some = [ask_next_item(config, traces, max_train=9, seed=s) for s in (0, 0, 1)]
    chosen = [part.train[0].history.users_U for part in some]
    assert [len(c) for c in chosen] == [9] * 3
    np.testing.assert_array_equal(chosen[0], chosen[1])
    assert set(chosen[0]) != set(chosen[2])
    place = np.searchsorted(food.train[0].history.users_U, chosen[0])
    np.testing.assert_array_equal(food.train[0].target_B[place], some[0].train[0].target_B)
    # What is counted is counted on everybody.
    np.testing.assert_array_equal(some[0].seen.users_U, food.seen.users_U)


def test_candidates_are_of_the_service_and_nothing_that_the_user_had(
    food: AskedItems, tmp_path: Path
) -> None:
    candidates = food.candidates(num=5)
    assert candidates.items_UN.shape == (len(food.test.target_B), 5)
    assert set(candidates.items_UN.ravel()) <= set(food.catalogue_I)
    for place, row in enumerate(candidates.items_UN):
        start, stop = food.test.history.start_U[place], food.test.history.stop_U[place]
        had = food.test.history.traces.column("item_id")[start:stop]
        assert len(set(row) - set(had) - {food.test.target_B[place]}) == 5
    candidates.save(tmp_path / "candidates.npz")
    again = Candidates.load(tmp_path / "candidates.npz")
    again.check(food.test.history, food.test.target_B)
    np.testing.assert_array_equal(again.items_UN, candidates.items_UN)
    np.testing.assert_array_equal(food.candidates(num=5).items_UN, candidates.items_UN)
    assert (food.candidates(num=5, seed=1).items_UN != candidates.items_UN).any()


def test_a_small_catalogue_gives_everybody_as_many_as_the_one_with_fewest(
    food: AskedItems,
) -> None:
    least = int(food.test_targets.num_candidates_B.min()) - 1
    assert least < 12
    assert food.candidates(num=100).items_UN.shape[1] == least


def test_negatives_are_uniform_and_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    num = 3_000
    seen_ptr_B1 = np.arange(num + 1)
    targets = Targets(np.zeros(num, np.int64), seen_ptr_B1, np.ones(num, np.int64), 7)
    column_BN = draw_columns(targets, 2, seed=0)
    share_I = np.bincount(column_BN.ravel(), minlength=7) / column_BN.size
    # Columns 2 … 6 are free. Of 3,000 rows each is in 2 of 5: a share of .2, deviation .0045.
    assert share_I[:2].tolist() == [0, 0]
    assert np.abs(share_I[2:] - 0.2).max() < 0.02
    monkeypatch.setattr(Targets, "blocks", lambda _: np.array_split(np.arange(num), 11))
    np.testing.assert_array_equal(draw_columns(targets, 2, seed=0), column_BN)


def test_a_catalogue_of_what_somebody_has_already_is_too_small(tmp_path: Path) -> None:
    events: dict[str, list[Event]] = {
        f"u{u}": [{"time": t, "item_id": i} for t, i in enumerate("ab")] for u in range(6)
    }
    part = ["train", "train", "valid", "valid", "test", "test"]
    profiles = {"user_id": sorted(events), "split": part}
    traces = write_traces(
        tmp_path / "t", events, {"item_id": "id"}, tables={"profiles": profiles}, time_unit="order"
    )
    asked = ask_next_item(NextItemConfig(name="all"), traces)
    with pytest.raises(GuardError, match="no item left to draw negatives from, of 2"):
        asked.candidates()


def test_what_is_counted_ends_at_the_cutoff(tmp_path: Path) -> None:
    events: dict[str, list[Event]] = {
        f"u{u}": [{"time": day * DAY, "item_id": f"i{day}"} for day in (1 + u % 2, 5, 8 + u % 3)]
        for u in range(12)
    }
    part = ["train", "valid", "test"] * 4
    profiles = {"user_id": sorted(events), "split": part}
    traces = write_traces(tmp_path / "t", events, {"item_id": "id"}, tables={"profiles": profiles})
    config = NextItemConfig(name="x", train_cutoff="1970-01-05", cutoff="1970-01-08")
    asked = ask_next_item(config, traces)
    # Days 1 or 2, and 5, of four train users.
    assert asked.seen.lengths_U.tolist() == [2] * 4
    assert asked.train[0].history.lengths_U.tolist() == [1] * 4
    assert asked.test.history.lengths_U.tolist() == [2] * 4
