from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import DataError
from habitus.evaluation.candidates import sample_candidates
from habitus.evaluation.ranking import Block, Ranking, evaluate_ranking
from habitus.testing.hand_made import write_traces

NUM_USERS, NUM_ITEMS = 9, 12


class Given:
    """Scores by a table, ``(all users, items)``."""

    def __init__(self, scores_UI: Any) -> None:
        self.scores_UI = np.asarray(scores_UI, np.float32)

    def score(self, snapshot: Snapshot, items_I: Any) -> Any:
        return self.scores_UI[snapshot.users_U][:, items_I - 1]


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    """User ``u`` had ``u`` items at random, with repeats, then the target; user 3's is a repeat."""
    generator = np.random.default_rng(0)
    events = {}
    for u in range(NUM_USERS):
        items = [*generator.integers(0, NUM_ITEMS, u).tolist(), u]
        if u == 3:
            items[0] = 3
        events[f"user{u}"] = [{"time": t, "item_id": f"item{i:02d}"} for t, i in enumerate(items)]
    every = [{"time": t, "item_id": f"item{t:02d}"} for t in range(NUM_ITEMS)]
    events["z, who had everything"] = every
    path = tmp_path_factory.mktemp("ranking") / "traces"
    return write_traces(path, events, {"item_id": "id"}, time_unit="order")


USERS = np.arange(NUM_USERS)
TARGETS = USERS + 1  # the code of item u


def history(traces: Traces, users: Any = USERS) -> Snapshot:
    return Snapshot(traces, 1, users)


def slow(traces: Traces, scores_UI: Any, user: int) -> tuple[int, int, int]:
    """The definition, one user and one item at a time."""
    start, stop = traces.offsets_U1[user], traces.offsets_U1[user + 1] - 1
    had = {int(c) - 1 for c in traces.column("item_id")[start:stop]} - {user}
    others = [i for i in range(NUM_ITEMS) if i not in had and i != user]
    target = np.float32(scores_UI[user, user])
    better = sum(np.float32(scores_UI[user, i]) > target for i in others)
    tied = sum(np.float32(scores_UI[user, i]) == target for i in others)
    return int(better), int(tied), len(others) + 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_places_are_those_of_a_loop(traces: Traces, seed: int, levels: int) -> None:
    scores_UI = np.random.default_rng(seed).integers(0, levels + 1, (NUM_USERS, NUM_ITEMS))
    found = evaluate_ranking(Given(scores_UI), history(traces), TARGETS)
    places = zip(found.num_better_U, found.num_tied_U, found.num_candidates_U, strict=True)
    assert list(places) == [slow(traces, scores_UI, u) for u in range(NUM_USERS)]


def test_blocks_do_not_change_it(traces: Traces) -> None:
    scores_UI = np.random.default_rng(0).integers(0, 4, (NUM_USERS, NUM_ITEMS))
    whole, parts = (
        evaluate_ranking(
            Given(scores_UI), history(traces), TARGETS, exposure_at=3, block_cells=cells
        )
        for cells in (1 << 20, 2 * NUM_ITEMS)
    )
    assert whole.metrics() == parts.metrics()
    assert whole.exposure is not None
    assert parts.exposure is not None
    np.testing.assert_allclose(whole.exposure.shown_I, parts.exposure.shown_I)


def test_order_of_users_does_not_matter(traces: Traces) -> None:
    scores_UI = np.random.default_rng(1).random((NUM_USERS, NUM_ITEMS))
    users = USERS[::-1]
    forth = evaluate_ranking(Given(scores_UI), history(traces), TARGETS)
    back = evaluate_ranking(Given(scores_UI), history(traces, users), TARGETS[users])
    np.testing.assert_array_equal(back.num_better_U, forth.num_better_U[users])


def test_history_is_masked_and_a_repeated_target_is_not(traces: Traces) -> None:
    scores_UI = np.ones((NUM_USERS, NUM_ITEMS))
    found = evaluate_ranking(Given(scores_UI), history(traces), TARGETS)
    start, stop = traces.offsets_U1[3], traces.offsets_U1[4] - 1
    had = set(traces.column("item_id")[start:stop].tolist())
    assert TARGETS[3] in had
    assert found.num_candidates_U[3] == NUM_ITEMS - len(had) + 1
    assert found.num_repeats >= 1


def test_the_best_target_gets_one_and_a_constant_gets_chance(traces: Traces) -> None:
    best = np.eye(NUM_USERS, NUM_ITEMS)
    found = evaluate_ranking(Given(best), history(traces), TARGETS)
    assert set(found.metrics().values()) == {1.0}
    constant = np.zeros((NUM_USERS, NUM_ITEMS))
    found = evaluate_ranking(Given(constant), history(traces), TARGETS)
    assert found.metrics() == found.chance()
    assert found.metrics()["HR@1"] == pytest.approx((1 / found.num_candidates_U).mean())


def test_values_are_one_a_user_and_their_mean_is_the_metric() -> None:
    found = Ranking(np.array([0, 4]), np.array([0, 1]), np.array([9, 9]))
    values = found.values(ks=(1, 5))
    assert list(values) == ["HR@1", "HR@5", "NDCG@5", "MRR"]
    assert values["HR@5"].tolist() == [1.0, 0.5]  # ranks 5 and 6 for the second
    assert found.metrics(ks=(1, 5))["HR@5"] == 0.75


class TestSampled:
    def test_places_are_those_among_the_stored_negatives(self, traces: Traces) -> None:
        scores_UI = np.random.default_rng(2).integers(0, 3, (NUM_USERS, NUM_ITEMS))
        snapshot = history(traces)
        drawn = sample_candidates("uniform", snapshot, TARGETS, np.ones(NUM_ITEMS), num=3)
        found = evaluate_ranking(
            Given(scores_UI), snapshot, TARGETS, candidates=drawn, block_cells=2 * NUM_ITEMS
        )
        for u in USERS:
            negatives = scores_UI[u, drawn.items_UN[u] - 1]
            assert found.num_better_U[u] == (negatives > scores_UI[u, u]).sum()
            assert found.num_tied_U[u] == (negatives == scores_UI[u, u]).sum()
        assert set(found.num_candidates_U) == {4}

    def test_candidates_of_other_targets_are_an_error(self, traces: Traces) -> None:
        snapshot = history(traces)
        drawn = sample_candidates("uniform", snapshot, TARGETS, np.ones(NUM_ITEMS), num=3)
        with pytest.raises(DataError, match="drawn for other traces, users or targets"):
            evaluate_ranking(
                Given(np.zeros((NUM_USERS, NUM_ITEMS))),
                snapshot,
                np.roll(TARGETS, 1),
                candidates=drawn,
            )


def block(scores_BI: Any, masked: list[tuple[int, int]]) -> Block:
    user, item = np.array(masked, np.int64).reshape(-1, 2).T
    target = np.zeros(len(scores_BI), np.int64)
    return Block(slice(0, 0), np.asarray(scores_BI, np.float32), target, user, item, 0)


class TestExposure:
    def test_tied_items_share_the_places_that_are_left(self) -> None:
        # Two places: one for the 5, one shared by three 3s.
        shown_BI = block([[5, 3, 3, 3, 1]], []).shown(2)
        np.testing.assert_allclose(shown_BI, [[1, 1 / 3, 1 / 3, 1 / 3, 0]])

    def test_history_is_not_shown(self) -> None:
        np.testing.assert_allclose(block([[5, 4, 3]], [(0, 0)]).shown(1), [[0, 1, 0]])

    def test_fewer_items_than_places_are_all_shown_once(self) -> None:
        np.testing.assert_allclose(block([[5, 4, 3]], [(0, 1)]).shown(9), [[1, 0, 1]])
        np.testing.assert_allclose(block([[5, 4, 3]], [(0, 1)]).shown(3), [[1, 0, 1]])

    def test_a_constant_score_shows_everything_evenly(self, traces: Traces) -> None:
        everyone = Snapshot(traces, 10**6)  # nobody has a history
        scores = Given(np.zeros((traces.num_users, NUM_ITEMS)))
        targets = np.ones(traces.num_users, np.int64)
        found = evaluate_ranking(scores, everyone, targets, exposure_at=3).exposure
        assert found is not None
        metrics = found.metrics(np.ones(NUM_ITEMS))
        # An item is missed by a user with probability 1 − 3/12, by ten with .75¹⁰.
        assert metrics["coverage@3"] == pytest.approx(1 - 0.75**10)
        assert metrics["gini@3"] == pytest.approx(0, abs=1e-12)
        assert metrics["novelty@3"] == pytest.approx(np.log2(NUM_ITEMS))

    def test_one_list_for_all_covers_k_items(self, traces: Traces) -> None:
        everyone = Snapshot(traces, 10**6)
        scores = Given(np.tile(np.arange(NUM_ITEMS), (traces.num_users, 1)))
        targets = np.ones(traces.num_users, np.int64)
        found = evaluate_ranking(scores, everyone, targets, exposure_at=3).exposure
        assert found is not None
        metrics = found.metrics(np.arange(NUM_ITEMS))
        assert metrics["coverage@3"] == pytest.approx(3 / 12)
        assert metrics["gini@3"] == pytest.approx(1 - 3 / 12)


class TestErrors:
    @pytest.mark.parametrize("score", [np.nan, np.inf])
    def test_a_score_that_is_not_finite(self, traces: Traces, score: float) -> None:
        scores_UI = np.zeros((NUM_USERS, NUM_ITEMS))
        scores_UI[4, 2] = score
        with pytest.raises(DataError, match="a score is not finite"):
            evaluate_ranking(Given(scores_UI), history(traces), TARGETS)

    def test_scores_of_another_shape(self, traces: Traces) -> None:
        class Short(Given):
            def score(self, snapshot: Snapshot, items_I: Any) -> Any:
                return super().score(snapshot, items_I)[:, 1:]

        with pytest.raises(DataError, match=r"shape \(9, 12\) \(users, items\), got \(9, 11\)"):
            evaluate_ranking(Short(np.zeros((NUM_USERS, NUM_ITEMS))), history(traces), TARGETS)

    @pytest.mark.parametrize("target", [0, NUM_ITEMS + 1])
    def test_a_target_that_is_no_item(self, traces: Traces, target: int) -> None:
        targets = np.where(USERS == 2, target, TARGETS)
        with pytest.raises(DataError, match="targets must be item codes 1 … 12"):
            evaluate_ranking(Given(np.zeros((NUM_USERS, NUM_ITEMS))), history(traces), targets)

    def test_a_target_too_few(self, traces: Traces) -> None:
        with pytest.raises(DataError, match="a target for each of 9 users"):
            evaluate_ranking(Given(np.zeros((NUM_USERS, NUM_ITEMS))), history(traces), TARGETS[1:])
