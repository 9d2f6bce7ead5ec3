import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from habitus.data.split import DAY
from habitus.datasets.population import BLOCK, SyntheticConfig
from habitus.datasets.synthetic import frames, make_tables, make_truth
from habitus.datasets.synthetic_events import event_blocks

CONFIG = SyntheticConfig(num_users=1500, seed=3)


def rows_of(events: pa.Table) -> npt.NDArray[np.int64]:
    return np.asarray(pc.index_in(events["user_id"], value_set=make_truth(CONFIG).user_ids))


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


def test_events_arrive_by_time_within_a_block() -> None:
    events = next(frames(CONFIG))
    assert (np.diff(events["time"].to_numpy()) >= 0).all()


def test_nobody_acts_outside_their_time() -> None:
    events, truth = next(frames(CONFIG)), make_truth(CONFIG)
    time_L = events["time"].to_numpy()
    assert time_L.min() >= CONFIG.start_time
    assert (time_L < truth.people.end_U[rows_of(events)]).all()


def test_numbers_of_events_follow_the_rates() -> None:
    events, truth = next(frames(CONFIG)), make_truth(CONFIG)
    expected_U = truth.expected_events(CONFIG.start_time, CONFIG.days * DAY).sum(axis=1)
    count_U = np.bincount(rows_of(events), minlength=CONFIG.num_users)
    # the sum of Poisson numbers is Poisson: standard deviation √mean
    assert abs(count_U.sum() - expected_U.sum()) < 4 * np.sqrt(expected_U.sum())
    assert np.percentile(count_U, 95) > 4 * np.median(count_U)


def test_a_share_of_prices_is_missing() -> None:
    price = next(frames(CONFIG))["price"]
    assert price.null_count / len(price) == pytest.approx(CONFIG.missing_share, abs=0.005)


def test_a_text_is_all_that_posts_add() -> None:
    config = SyntheticConfig(num_users=BLOCK + 20, events_per_user=1.0)
    writing = SyntheticConfig(num_users=BLOCK + 20, events_per_user=1.0, words_per_post=3.0)
    for (plain, labels), (posts, same) in zip(
        event_blocks(config), event_blocks(writing), strict=True
    ):
        assert posts.drop(["text"]).equals(plain)
        assert labels.equals(same)
        assert all(posts["text"].to_pylist())
