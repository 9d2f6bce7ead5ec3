from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import DataError, UsageError
from habitus.evaluation import candidates as candidates_module
from habitus.evaluation.candidates import Candidates, history_of, sample_candidates
from habitus.testing.hand_made import write_traces

NUM_USERS, NUM_ITEMS = 40, 30


def buy(*items: int) -> list[dict[str, Any]]:
    return [{"time": place, "item_id": f"item{i:02d}"} for place, i in enumerate(items)]


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    """User ``u`` had items u, u + 1, u + 2 (modulo 30); the last one is the target."""
    events = {
        f"user{u:02d}": buy(*[(u + step) % NUM_ITEMS for step in range(3)])
        for u in range(NUM_USERS)
    }
    return write_traces(tmp_path / "traces", events, {"item_id": "id"}, time_unit="order")


def cut(traces: Traces) -> tuple[Snapshot, Any]:
    """Histories without the last event, and the code of that event."""
    targets = np.array([(u + 2) % NUM_ITEMS + 1 for u in range(NUM_USERS)])
    return Snapshot(traces, 1), targets


COUNTS = np.arange(NUM_ITEMS)  # item 0 was never had in training


@pytest.mark.parametrize("kind", ["uniform", "popular"])
@pytest.mark.parametrize("num", [1, 10, 26])
def test_no_negative_is_the_target_in_the_history_or_there_twice(
    traces: Traces, kind: Any, num: int
) -> None:
    history, targets = cut(traces)
    drawn = sample_candidates(kind, history, targets, COUNTS, num=num)
    assert drawn.items_UN.shape == (NUM_USERS, num)
    for u in range(NUM_USERS):
        items = set(drawn.items_UN[u].tolist())
        assert len(items) == num
        assert items <= set(range(1, NUM_ITEMS + 1))
        assert not items & {(u + step) % NUM_ITEMS + 1 for step in range(3)}


def test_an_item_nobody_had_is_no_popular_negative(traces: Traces) -> None:
    drawn = sample_candidates("popular", *cut(traces), COUNTS, num=20)
    assert 1 not in drawn.items_UN


NONE_DRAWN = np.zeros(0, np.int64)


def frequency(weights: Any, num: int, banned: list[int]) -> Any:
    """Share of 20,000 users who are given each item, the same ones banned for all."""
    users = np.arange(20_000)
    keys = np.sort((users[:, None] * len(weights) + np.array(banned, np.int64)).ravel())
    drawn = candidates_module._draw(
        np.asarray(weights, float), keys, len(users), num, np.random.default_rng(0)
    )
    return np.bincount(drawn.ravel(), minlength=len(weights)) / len(users)


@pytest.mark.parametrize("rounds", ["drawn", "raced"])
def test_uniform_negatives_are_uniform(monkeypatch: pytest.MonkeyPatch, rounds: str) -> None:
    if rounds == "raced":  # the other way of drawing follows the same law
        monkeypatch.setattr(candidates_module, "_drawn_keys", lambda *_: NONE_DRAWN)
    # Five of 27 items are given: each to 18.5 %; four standard errors of 20,000 users.
    share = frequency(np.ones(30), 5, banned=[0, 7, 29])
    assert not share[[0, 7, 29]].any()
    error = np.sqrt(5 / 27 * 22 / 27 / 20_000)
    np.testing.assert_allclose(np.delete(share, [0, 7, 29]), 5 / 27, atol=4 * error)


@pytest.mark.parametrize("rounds", ["drawn", "raced"])
def test_popular_negatives_are_drawn_by_the_weight_of_the_rest(
    monkeypatch: pytest.MonkeyPatch, rounds: str
) -> None:
    if rounds == "raced":
        monkeypatch.setattr(candidates_module, "_drawn_keys", lambda *_: NONE_DRAWN)
    # Weights 2, 1, 1 are left, two are drawn. The first is in with probability
    # 1/2 + 1/4 · 2/3 + 1/4 · 2/3 = 5/6, each other one with half of what is left, 7/12.
    share = frequency([0.2, 2, 1, 1, 0], 2, banned=[0])
    error = np.sqrt(1 / 4 / 20_000)
    np.testing.assert_allclose(share, [0, 5 / 6, 7 / 12, 7 / 12, 0], atol=4 * error)


def test_the_same_seed_draws_the_same_and_another_does_not(traces: Traces) -> None:
    draws = [sample_candidates("uniform", *cut(traces), COUNTS, num=9, seed=s) for s in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0].items_UN, draws[1].items_UN)
    assert not np.array_equal(draws[0].items_UN, draws[2].items_UN)


def test_blocks_of_users_all_get_theirs(traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates_module, "BLOCK_CELLS", 70)
    drawn = sample_candidates("popular", *cut(traces), COUNTS, num=26)
    assert all(len(set(row)) == 26 for row in drawn.items_UN.tolist())


def test_too_many_is_an_error(traces: Traces) -> None:
    with pytest.raises(DataError, match="only 27 items to draw 28 negatives from; ask for fewer"):
        sample_candidates("uniform", *cut(traces), COUNTS, num=28)


def test_an_unknown_kind_is_an_error(traces: Traces) -> None:
    unknown: Any = "hard"
    with pytest.raises(UsageError, match="kind must be one of"):
        sample_candidates(unknown, *cut(traces), COUNTS)


def test_they_survive_a_round_trip_through_a_file(traces: Traces, tmp_path: Path) -> None:
    history, targets = cut(traces)
    drawn = sample_candidates("popular", history, targets, COUNTS, num=5, seed=7)
    drawn.save(tmp_path / "candidates.npz")
    again = Candidates.load(tmp_path / "candidates.npz")
    assert (again.kind, again.seed, again.digest) == ("popular", 7, traces.digest)
    np.testing.assert_array_equal(again.items_UN, drawn.items_UN)
    again.check(history, targets)


def test_other_users_targets_or_traces_are_an_error(traces: Traces) -> None:
    history, targets = cut(traces)
    drawn = sample_candidates("uniform", history, targets, COUNTS, num=5)
    for other, other_targets in (
        (Snapshot(traces, 1, np.arange(NUM_USERS)[::-1]), targets),
        (history, targets[::-1]),
    ):
        with pytest.raises(DataError, match="drawn for other traces, users or targets"):
            drawn.check(other, other_targets)


@pytest.mark.parametrize("content", [b"", b"not a zip"])
def test_a_damaged_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"c.npz holds no candidates .*; draw them again"):
        Candidates.load(tmp_path / "c.npz")


def test_a_file_of_something_else_is_an_error(tmp_path: Path) -> None:
    np.savez(tmp_path / "c.npz", kind=np.array("uniform"))
    with pytest.raises(DataError, match="holds no candidates"):
        Candidates.load(tmp_path / "c.npz")


def test_events_without_an_item_are_no_history(tmp_path: Path) -> None:
    events = {"a": [{"time": 0}, *buy(1, 2)], "b": [{"time": 0}]}
    traces = write_traces(tmp_path / "t", events, {"item_id": "id"}, time_unit="order")
    user_L, code_L = history_of(Snapshot(traces), "item_id")
    assert user_L.tolist() == [0, 0]
    assert sorted(code_L.tolist()) == [1, 2]
