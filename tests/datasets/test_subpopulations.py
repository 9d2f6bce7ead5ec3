from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.data.split import DAY, Future
from habitus.data.traces import Traces
from habitus.datasets.population import BLOCK
from habitus.datasets.subpopulations import (
    HORIZON_DAYS,
    Subpopulations,
    SubpopulationsConfig,
    event_times,
    make_histories,
    make_maps,
    offer_names,
    probability_of_answer,
    scores,
    subpopulation_tables,
)
from habitus.errors import UsageError
from habitus.testing.datasets import DatasetContract

SMALL = SubpopulationsConfig(
    num_users=300, num_groups=3, num_needs=12, num_remedies=4, events_per_user=8, seed=4
)


class TestSubpopulations(DatasetContract):
    @classmethod
    def make_dataset(cls) -> Subpopulations:
        return Subpopulations(SMALL)

    def test_what_stands_in_the_traces_is_what_was_drawn(self, traces: Traces) -> None:
        histories = make_histories(SMALL)
        snapshot = Snapshot(traces, SMALL.cutoff)
        assert set(snapshot.lengths_U.tolist()) == {8}
        rows_L, _ = snapshot.latest()
        # Code 0 is missing; values are sorted by their names, which are of one width.
        assert (traces.column("need")[rows_L] - 1 == histories.need_UT.ravel()).all()
        assert (traces.column("group")[rows_L] - 1 == histories.group_U.repeat(8)).all()
        assert (traces.column("remedy")[rows_L] - 1 == histories.remedy_UT.ravel()).all()

    def test_answers_fall_in_the_window_after_the_cutoff(self, traces: Traces) -> None:
        users = np.arange(traces.num_users)
        future = Future(traces, SMALL.cutoff_time, HORIZON_DAYS * DAY, users)
        assert set(future.num_events_U.tolist()) == {SMALL.events_after} == {2}
        found = future.labels("offer_1")
        answer_U = np.zeros(traces.num_users)
        answer_U[found["place"].to_numpy()] = found["value"].to_numpy()
        assert answer_U.tolist() == make_histories(SMALL).answer_UK[:, 1].tolist()
        before = Future(traces, SMALL.cutoff_time - 30 * DAY, 30 * DAY, users)
        assert before.labels("offer_1").num_rows == 0


def test_each_group_has_a_map_of_its_own_and_offers_split_remedies_in_half() -> None:
    maps = make_maps(SMALL)
    # 12 needs, four remedies: three needs each.
    assert np.sort(maps.remedy_GV, axis=1).tolist() == [np.repeat(range(4), 3).tolist()] * 3
    assert len({tuple(row) for row in maps.remedy_GV}) == 3
    assert maps.favours_KR.sum(axis=1).tolist() == [2] * 4
    assert offer_names(SMALL) == ["offer_0", "offer_1", "offer_2", "offer_3"]


def test_remedies_follow_the_map_as_often_as_is_said() -> None:
    config = replace(SMALL, num_users=4_000)
    histories = make_histories(config)
    own_UT = make_maps(config).remedy_GV[histories.group_U[:, None], histories.need_UT]
    # .7 by the map, and a quarter of the other .3 by chance; 32,000 events: deviation .0023.
    assert (own_UT == histories.remedy_UT).mean() == pytest.approx(0.775, abs=0.01)


def test_no_need_comes_twice_so_that_no_fact_can_be_looked_up() -> None:
    need_UT = np.sort(make_histories(SMALL).need_UT, axis=1)
    assert (np.diff(need_UT, axis=1) > 0).all()


def test_scores_by_hand() -> None:
    config = replace(SMALL, num_offers=1)
    favours_R = make_maps(config).favours_KR[0]
    yes, no = np.flatnonzero(favours_R), np.flatnonzero(~favours_R)
    # Three for and one against, over √4: (3 - 1) / 2.
    assert scores(config, np.array([[yes[0], yes[1], yes[0], no[0]]])).tolist() == [[1.0]]
    # 1 / (1 + e^-(4 · ½ - 2)) = ½, and e^2 against 1 at a score of 1.
    chance = probability_of_answer(config, np.array([0.5, 1.0]))
    assert chance == pytest.approx([0.5, np.exp(2) / (1 + np.exp(2))])


def test_answers_are_as_likely_as_is_said() -> None:
    config = replace(SMALL, num_users=BLOCK + 500)
    histories = make_histories(config)
    own_UT = make_maps(config).remedy_GV[histories.group_U[:, None], histories.need_UT]
    chance_UK = probability_of_answer(config, scores(config, own_UT))
    assert (chance_UK == histories.chance_UK).all()
    spread_K = np.sqrt((chance_UK * (1 - chance_UK)).sum(axis=0))
    surprise_K = (histories.answer_UK.sum(axis=0) - chance_UK.sum(axis=0)) / spread_K
    assert (np.abs(surprise_K) < 4).all()
    assert spread_K.min() > 10


def test_a_larger_world_has_the_same_people_first() -> None:
    few, many = make_histories(SMALL), make_histories(replace(SMALL, num_users=BLOCK + 7))
    for a, b in zip(few, many, strict=True):
        assert (a == b[:300]).all()
    assert len(many.group_U) == BLOCK + 7


def test_other_people_share_the_maps_and_no_id() -> None:
    others = replace(SMALL, people=1)
    assert (make_maps(others).remedy_GV == make_maps(SMALL).remedy_GV).all()
    assert (make_histories(others).group_U != make_histories(SMALL).group_U).any()
    ids = [set(subpopulation_tables(c)["events"]["user_id"].to_pylist()) for c in (SMALL, others)]
    assert not ids[0] & ids[1]
    assert [len(i) for i in ids] == [300, 300]
    assert (make_maps(replace(SMALL, seed=5)).remedy_GV != make_maps(SMALL).remedy_GV).any()


def test_time_tells_nothing() -> None:
    times = event_times(SMALL)
    # 59 days of eight events: 7 days and 9 hours between two.
    assert set(np.diff(times[:8]).tolist()) == {59 * DAY // 8}
    assert times[7] < SMALL.cutoff_time <= times[8]
    assert times[-1] == SMALL.cutoff_time + 30 * DAY - 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_groups": 0}, "num_groups must be 1 or more, got 0"),
        ({"follow": 1.5}, r"follow must be in \[0, 1\], got 1.5"),
        ({"num_remedies": 3}, "2, 4, 6 … and divide num_needs 12, got 3"),
        ({"num_remedies": 8}, "2, 4, 6 … and divide num_needs 12, got 8"),
        ({"events_per_user": 10}, "at least events_per_user and a quarter more, 13"),
        ({"cutoff": "2022-12-01"}, "cutoff must be after start 2023-01-01, got 2022-12-01"),
    ],
)
def test_what_cannot_be_is_said(changes: dict[str, int | float | str], words: str) -> None:
    make: Callable[..., SubpopulationsConfig] = replace
    with pytest.raises(UsageError, match=words):
        make(SMALL, **changes)


def test_any_size_comes_in_blocks(tmp_path: Path) -> None:
    config = replace(SMALL, num_users=BLOCK + 1, num_offers=1)
    traces = Subpopulations(config).ingest(tmp_path / "traces")
    assert (traces.num_users, traces.num_events) == (BLOCK + 1, 10 * (BLOCK + 1))
