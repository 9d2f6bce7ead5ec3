from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from habitus.data.snapshot import Snapshot
from habitus.data.split import DAY, Future
from habitus.datasets.population import BLOCK, SyntheticConfig, Truth
from habitus.datasets.synthetic import (
    COUPON_REDEEMED,
    Synthetic,
    frames,
    make_tables,
    make_traces,
    make_truth,
    word,
)
from habitus.testing.datasets import DatasetContract

CONFIG = SyntheticConfig(num_users=1500, seed=3)
World = tuple[Future, Truth]


class TestSynthetic(DatasetContract):
    @classmethod
    def make_dataset(cls) -> Synthetic:
        return Synthetic(SyntheticConfig(num_users=200))


def rows_of(config: SyntheticConfig, events: pa.Table) -> npt.NDArray[np.int64]:
    ids = make_truth(config).user_ids
    return np.asarray(pc.index_in(events["user_id"], value_set=ids))


def surprise(happened_U: npt.NDArray[np.bool_], probability_U: npt.NDArray[np.float64]) -> float:
    """Return how many standard deviations the count is from what the probabilities promise."""
    spread = np.sqrt((probability_U * (1 - probability_U)).sum())
    return float(abs(happened_U.sum() - probability_U.sum()) / spread)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    traces, truth = make_traces(CONFIG, tmp_path_factory.mktemp("world") / "traces")
    future = Future(traces, CONFIG.start_time + 160 * DAY, 60 * DAY, np.arange(traces.num_users))
    return future, truth


def test_truth_stands_row_by_row_beside_the_traces(tmp_path: Path) -> None:
    traces, truth = make_traces(SyntheticConfig(num_users=80, events_per_user=2.0), tmp_path / "t")
    assert traces.user_ids.to_pylist() == truth.user_ids.to_pylist()
    # the profiles give a row to users without events too
    assert traces.num_users == 80
    assert (Snapshot(traces).lengths_U == 0).any()


def test_what_happens_is_as_likely_as_the_truth_says(world: World) -> None:
    future, truth = world
    at = future.cutoff, future.horizon
    assert surprise(future.num_events_U > 0, truth.probability_active(*at)) < 4
    for taste in range(CONFIG.num_tastes):
        happened_U = future.has_any("category", (f"taste-{taste}",))
        assert surprise(happened_U, truth.probability_of_taste(taste, *at)) < 4


def test_coupons_are_as_likely_as_the_truth_says(world: World) -> None:
    future, truth = world
    place = future.labels(COUPON_REDEEMED)["place"].to_numpy()
    happened_U = np.bincount(place, minlength=future.num_users) > 0
    probability_U = truth.probability_of_coupon(future.cutoff, future.horizon)
    assert surprise(happened_U, probability_U) < 4
    assert roc_auc_score(happened_U, probability_U) > 0.8


def test_the_truth_ranks_better_than_the_past(world: World) -> None:
    future, truth = world
    happened_U = future.num_events_U > 0
    past_U = Snapshot(future._traces, future.cutoff).lengths_U
    best = roc_auc_score(happened_U, truth.probability_active(future.cutoff, future.horizon))
    assert best > roc_auc_score(happened_U, past_U) > 0.6


def test_items_are_of_the_taste_and_service_of_their_event() -> None:
    tables = make_tables(CONFIG)
    events, items = tables["events"], tables["items"]
    place = pc.index_in(events["item_id"], value_set=items["item_id"].combine_chunks())
    assert items["category"].take(place).equals(events["category"])
    assert items["service"].take(place).equals(events["service"])


def test_items_are_bought_by_their_popularity() -> None:
    config = SyntheticConfig(
        num_users=400, num_tastes=1, num_services=1, num_items=3, events_per_user=100, skew=0.0
    )
    counts = pc.value_counts(next(frames(config))["item_id"]).to_pylist()
    share = {c["values"]: c["counts"] / sum(d["counts"] for d in counts) for c in counts}
    # weights 1, 1/2, 1/3 of 11/6; 40,000 events: a standard error of at most .0025
    assert share["i0"] == pytest.approx(6 / 11, abs=0.01)
    assert share["i1"] == pytest.approx(3 / 11, abs=0.01)
    assert share["i2"] == pytest.approx(2 / 11, abs=0.01)


def test_events_do_not_depend_on_the_chunk() -> None:
    config = SyntheticConfig(num_users=2 * BLOCK + 10, events_per_user=2.0)
    whole = pa.concat_tables(frames(config, chunk=10 * BLOCK))
    assert pa.concat_tables(frames(config, chunk=1)).equals(whole)
    assert [t.num_rows > 0 for t in frames(config, chunk=1)] == [True] * 3
    assert len(list(frames(config, chunk=2 * BLOCK))) == 2
    assert make_tables(config)["events"].equals(whole)


def test_events_arrive_by_time_within_a_block() -> None:
    events = next(frames(CONFIG))
    assert (np.diff(events["time"].to_numpy()) >= 0).all()


def test_nobody_acts_outside_their_time() -> None:
    events, truth = next(frames(CONFIG)), make_truth(CONFIG)
    time_L = events["time"].to_numpy()
    assert time_L.min() >= CONFIG.start_time
    assert (time_L < truth.people.end_U[rows_of(CONFIG, events)]).all()


def test_numbers_of_events_follow_the_rates() -> None:
    events, truth = next(frames(CONFIG)), make_truth(CONFIG)
    expected_U = truth.expected_events(CONFIG.start_time, CONFIG.days * DAY).sum(axis=1)
    count_U = np.bincount(rows_of(CONFIG, events), minlength=CONFIG.num_users)
    # the sum of Poisson numbers is Poisson: standard deviation √mean
    assert abs(count_U.sum() - expected_U.sum()) < 4 * np.sqrt(expected_U.sum())
    assert np.percentile(count_U, 95) > 4 * np.median(count_U)


def test_a_share_of_prices_is_missing() -> None:
    price = next(frames(CONFIG))["price"]
    assert price.null_count / len(price) == pytest.approx(CONFIG.missing_share, abs=0.005)


def test_an_item_has_one_price_and_words_of_its_taste() -> None:
    items = make_tables(CONFIG)["items"].to_pylist()
    words: dict[str, set[str]] = {}
    for item in items:
        words.setdefault(item["category"], set()).update(item["text"].split()[:3])
    tastes = list(words.values())
    assert len(tastes) == CONFIG.num_tastes
    assert not any(a & b for n, a in enumerate(tastes) for b in tastes[:n])


def test_follows_stay_mostly_inside_a_community() -> None:
    tables, truth = make_tables(CONFIG), make_truth(CONFIG)
    follows = tables["follows"]
    ends = [
        np.asarray(pc.index_in(follows[c], value_set=truth.user_ids))
        for c in ("user_id", "follows_id")
    ]
    community_U = truth.people.community_U
    inside = (community_U[ends[0]] == community_U[ends[1]]).mean()
    # nine in ten by intent, and a quarter of the others by chance: .9 + .1 × .25
    assert inside == pytest.approx(0.925, abs=0.02)
    assert (ends[0] != ends[1]).all()
    assert len(set(zip(*map(np.ndarray.tolist, ends), strict=True))) == follows.num_rows


def test_groups_follow_the_even_tastes() -> None:
    profiles, truth = make_tables(CONFIG)["profiles"], make_truth(CONFIG)
    in_a_U = np.asarray(pc.equal(profiles["group"], "a"))
    assert surprise(in_a_U, truth.people.taste_UK[:, ::2].sum(axis=1)) < 4
    assert profiles["user_id"].to_pylist() == truth.user_ids.to_pylist()


@given(st.integers(0, 200_000), st.integers(0, 200_000))
def test_a_word_stands_for_one_number(one: int, other: int) -> None:
    assert (word(one) == word(other)) == (one == other)


@settings(max_examples=15)
@given(
    users=st.integers(1, 30),
    tastes=st.integers(1, 4),
    services=st.integers(1, 3),
    events=st.floats(0, 5),
    seed=st.integers(0, 9),
)
def test_any_size_makes_tables(
    users: int, tastes: int, services: int, events: float, seed: int
) -> None:
    config = SyntheticConfig(
        num_users=users,
        num_tastes=tastes,
        num_services=services,
        num_items=tastes * services + 1,
        events_per_user=events,
        seed=seed,
    )
    tables = make_tables(config)
    assert tables["profiles"].num_rows == users
    assert set(tables["labels"].column_names) == {"task", "user_id", "time", "value"}
    assert make_tables(config)["events"].equals(tables["events"])
