from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from habitus.data.snapshot import Snapshot
from habitus.data.split import DAY, Future
from habitus.data.traces import Traces
from habitus.datasets.population import BLOCK, SyntheticConfig
from habitus.datasets.synthetic import (
    WITH_POSTS,
    Synthetic,
    SyntheticPosts,
    frames,
    make_tables,
    make_traces,
    make_truth,
)
from habitus.datasets.synthetic_events import COUPON_REDEEMED
from habitus.datasets.traits import TRAITS
from habitus.datasets.truth import Truth
from habitus.testing.datasets import DatasetContract

CONFIG = SyntheticConfig(num_users=1500, seed=3)
World = tuple[Future, Truth]


class TestSynthetic(DatasetContract):
    @classmethod
    def make_dataset(cls) -> Synthetic:
        return Synthetic(SyntheticConfig(num_users=200))


class TestSyntheticPosts(DatasetContract):
    @classmethod
    def make_dataset(cls) -> SyntheticPosts:
        return SyntheticPosts(few(200))

    def test_it_has_all_that_pasum_reads(self, traces: Traces) -> None:
        assert traces.columns["text"].kind == "text"
        first = traces.texts("text", np.arange(5))
        assert all(len(text.split()) >= 1 for text in first)
        profiles, follows = traces.table("profiles"), traces.table("follows")
        assert profiles is not None
        assert follows is not None
        assert set(TRAITS) < set(profiles.column_names)
        assert {len(tags) for tags in profiles["tags"].to_pylist()} == {2}
        assert follows.num_rows > 1_000


def few(num_users: int) -> SyntheticConfig:
    return SyntheticConfig.from_dict({**WITH_POSTS.to_dict(), "num_users": num_users})


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


def test_events_do_not_depend_on_the_chunk() -> None:
    config = SyntheticConfig(num_users=2 * BLOCK + 10, events_per_user=2.0)
    whole = pa.concat_tables(frames(config, chunk=10 * BLOCK))
    assert pa.concat_tables(frames(config, chunk=1)).equals(whole)
    assert [t.num_rows > 0 for t in frames(config, chunk=1)] == [True] * 3
    assert len(list(frames(config, chunk=2 * BLOCK))) == 2
    assert make_tables(config)["events"].equals(whole)


def test_numbers_of_events_follow_the_rates_with_posts_too() -> None:
    config = few(1_000)
    events, truth = next(frames(config)), make_truth(config)
    expected = truth.expected_events(config.start_time, config.days * DAY).sum()
    assert abs(events.num_rows - expected) < 4 * np.sqrt(expected)


def test_the_attributes_of_the_shipped_world_can_be_learnt() -> None:
    truth = make_truth(WITH_POSTS)
    best = {name: truth.bayes_accuracy(name) for name in TRAITS}
    # What a perfect guess reaches; a change of seed or recipe must be told in CHANGELOG.md.
    assert {name: round(value, 2) for name, value in best.items()} == {
        "gender": 0.87,
        "birth_year": 0.89,
        "education": 0.63,
        "occupation": 0.65,
        "depression": 0.86,
        "super_topic": 0.88,
    }


@settings(max_examples=15)
@given(
    users=st.integers(1, 30),
    tastes=st.integers(1, 4),
    services=st.integers(1, 3),
    events=st.floats(0, 5),
    communities=st.integers(1, 8),
    posts=st.booleans(),
    seed=st.integers(0, 9),
)
def test_any_size_makes_tables(
    users: int,
    tastes: int,
    services: int,
    events: float,
    communities: int,
    posts: bool,
    seed: int,
) -> None:
    config = SyntheticConfig(
        num_users=users,
        num_tastes=tastes,
        num_services=services,
        num_items=tastes * services + 1,
        num_communities=communities,
        communities_per_user=1 + seed % communities,
        events_per_user=events,
        words_per_post=2.0 * posts,
        traits=posts,
        seed=seed,
    )
    tables = make_tables(config)
    assert tables["profiles"].num_rows == users
    assert set(tables["labels"].column_names) == {"task", "user_id", "time", "value"}
    assert make_tables(config)["events"].equals(tables["events"])
