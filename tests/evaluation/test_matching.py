"""Finding people again, against a loop over everybody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import DataError, GuardError
from habitus.evaluation.comparing import Resampling
from habitus.evaluation.matching import MAIN, METRICS, MatchingTable, MatchingTask, estimate_entry
from tests.evaluation.shoppers import Drawn, shopper_events, shoppers

HOW = Resampling(num_resamples=400)


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return shoppers(tmp_path / "traces")


def plain(traces: Traces, users: list[int], method: Drawn) -> dict[int, list[tuple[float, ...]]]:
    """Return R@1, R@10 and 1 / rank of each query of each user, by the orders of the tied."""
    events, names = shopper_events(), sorted(shopper_events())
    z, there = method.slots(Snapshot(traces))
    on = {
        u: {e["service"] for e in events[names[u]] if e["text"]} for u in users
    }  # services with a text
    found: dict[int, list[tuple[float, ...]]] = {}
    for a, query in enumerate(method.services):
        for b, answer in enumerate(method.services):
            both = [u for u in users if {query, answer} <= on[u]]
            if a == b or len(both) < 2:
                continue
            for u in both:
                own = _score(z, there, u, u, a, b)
                scores = [_score(z, there, u, v, a, b) for v in both if v != u]
                better, tied = sum(s > own for s in scores), sum(s == own for s in scores)
                ranks = range(better + 1, better + tied + 2)
                found.setdefault(u, []).append((
                    float(np.mean([r <= 1 for r in ranks])),
                    float(np.mean([r <= 10 for r in ranks])),
                    float(np.mean([1 / r for r in ranks])),
                ))  # fmt: skip
    return found


def _score(z: np.ndarray, there: np.ndarray, u: int, v: int, a: int, b: int) -> float:
    if not there[u, a]:
        return 0.0
    if not there[v, b]:
        return -2.0
    lengths = np.linalg.norm(z[u, a]) * np.linalg.norm(z[v, b])
    return round(float(z[u, a] @ z[v, b] / lengths), 5)


@pytest.mark.parametrize("signal", [0.0, 1.0])
def test_it_equals_a_loop_over_everybody(traces: Traces, signal: float) -> None:
    users_U = np.array([50, 3, 59, 11, 21, 7, 31, 2, 41, 1, 4, 5, 6, 8, 9, 10, 13, 14, 15])
    method = Drawn(signal=signal)
    task = MatchingTask(Snapshot(traces, None, users_U))
    expected = plain(traces, users_U.tolist(), method)
    assert sorted(users_U[task.places_N]) == sorted(expected)
    # Users 59, 7 and 6 are on no two services with texts.
    assert not {59, 7, 6} & set(expected)
    ours = task.match(method).values()
    for m, name in enumerate(METRICS):
        means = [np.mean([query[m] for query in expected[u]]) for u in users_U[task.places_N]]
        np.testing.assert_allclose(ours[name], means, atol=1e-12)


def test_directions_are_those_with_somebody_to_find(traces: Traces) -> None:
    task = MatchingTask(Snapshot(traces))
    sizes = {(d.query, d.answer): len(d.place_Q) for d in task.directions}
    # Not on food: every sixth of 60, user 7 without a text, 59 without an event. Searchers: 1, 11,
    # … 51, of whom none is a sixth.
    assert sizes[("arts", "food")] == sizes[("food", "arts")] == 60 - 10 - 1 - 1
    assert sizes[("search", "arts")] == 6
    assert len(sizes) == 6


def test_chance_is_arithmetic(tmp_path: Path) -> None:
    events = {f"{u}": [{"time": 1, "service": s, "text": "a"} for s in "xy"] for u in range(20)}
    task = MatchingTask(Snapshot(shoppers(tmp_path / "same", events)))
    harmonic = sum(1 / rank for rank in range(1, 21)) / 20
    for name, expected in zip(METRICS, (1 / 20, 10 / 20, harmonic), strict=True):
        assert task.chance().values()[name] == pytest.approx(np.full(20, expected))


def test_a_method_that_says_nothing_is_at_chance(traces: Traces) -> None:
    class Silent(Drawn):
        def slots(self, snapshot: Snapshot) -> tuple[np.ndarray, np.ndarray]:
            z_UKE, present_UK = super().slots(snapshot)
            return z_UKE, np.zeros_like(present_UK)

    task = MatchingTask(Snapshot(traces))
    silent, chance = task.match(Silent()).values(), task.chance().values()
    for name in METRICS:
        np.testing.assert_allclose(silent[name], chance[name])


def test_each_direction_has_its_own_mean(traces: Traces) -> None:
    class Perfect(Drawn):
        """Knows everybody, but for user 1 on food."""

        def slots(self, snapshot: Snapshot) -> tuple[np.ndarray, np.ndarray]:
            z_UKE = np.repeat(np.eye(snapshot.num_users, dtype=np.float32)[:, None], 3, axis=1)
            present_UK = np.ones(z_UKE.shape[:2], np.bool_)
            present_UK[1, 1] = False
            return z_UKE, present_UK

    by = MatchingTask(Snapshot(traces)).match(Perfect()).by_direction()
    # Of 48, user 1 comes last where it is looked for, and anywhere where its food is the question.
    assert by["arts to food"]["R@1"] == pytest.approx(47 / 48)
    assert by["food to arts"]["R@1"] == pytest.approx((47 + 1 / 48) / 48)
    assert by["arts to search"]["R@1"] == 1


def test_estimates_and_differences_of_the_table(traces: Traces) -> None:
    task = MatchingTask(Snapshot(traces))
    good = [task.match(Drawn(seed, signal=3.0)) for seed in (0, 1)]
    table = MatchingTable({"ours": good, "noise": [task.match(Drawn(5))]}, HOW)
    ours = table.estimate("ours", MAIN)
    assert ours.seeds == tuple(float(one.values()[MAIN].mean()) for one in good)
    assert ours.value == pytest.approx(np.mean(ours.seeds))
    assert ours.low < ours.value < ours.high
    found = table.difference("ours", "noise")
    assert found.value == pytest.approx(ours.value - table.estimate("noise", MAIN).value)
    assert (found.verdict, table.difference("noise", "ours").verdict) == ("better", "worse")
    assert table.difference("ours", "ours").verdict == "tie"
    # Seeds are averaged within each resample: the standard error is that of means of users.
    error = np.mean([one.values()[MAIN] for one in good], axis=0).std() / np.sqrt(48)
    assert (ours.high - ours.low) / (2 * 1.96) == pytest.approx(error, rel=0.2)
    assert estimate_entry(ours) == {"value": ours.value, "low": ours.low, "high": ours.high}


def test_some_users_count_and_are_still_looked_for_among_all(traces: Traces) -> None:
    task = MatchingTask(Snapshot(traces))
    found = {"ours": [task.match(Drawn(0))], "noise": [task.match(Drawn(5))]}
    some_N = np.arange(48) % 3 == 0
    table, whole = MatchingTable(found, HOW, some_N), MatchingTable(found, HOW)
    mean = float(found["ours"][0].values()[MAIN][some_N].mean())
    assert table.num_users == 16
    assert table.estimate("ours", MAIN).value == pytest.approx(mean)
    assert mean != whole.estimate("ours", MAIN).value
    assert table.counts_NR.shape[0] == 16
    other = MatchingTable(found, HOW, ~some_N).estimate("ours", MAIN).value
    assert (16 * mean + 32 * other) / 48 == pytest.approx(whole.estimate("ours", MAIN).value)
    with pytest.raises(GuardError, match="1 of 48 users count: give two or more"):
        MatchingTable(found, HOW, np.arange(48) == 3)


def test_services_are_found_by_name(traces: Traces) -> None:
    class Turned(Drawn):
        services = ("search", None, "food", "arts")  # type: ignore[assignment]

        def slots(self, snapshot: Snapshot) -> tuple[np.ndarray, np.ndarray]:
            z_UKE, present_UK = super().slots(snapshot)
            order = [2, 0, 1, 0]
            return z_UKE[:, order], present_UK[:, order]

    task = MatchingTask(Snapshot(traces))
    ours, turned = (task.match(method).values()[MAIN] for method in (Drawn(), Turned()))
    np.testing.assert_array_equal(ours, turned)


def test_what_cannot_be_matched(traces: Traces) -> None:
    with pytest.raises(GuardError, match="of 2 users nobody can be looked for"):
        MatchingTask(Snapshot(traces, None, np.array([1, 59])))

    class Other(Drawn):
        services = ("arts", "films", "music")

    with pytest.raises(
        DataError, match=r"arts, films, music, and people are .* arts, food, search"
    ):
        MatchingTask(Snapshot(traces)).match(Other())


def test_of_a_service_without_a_slot_nothing_is_known(traces: Traces) -> None:
    class Less(Drawn):
        services = ("arts", "food", "music")

    task = MatchingTask(Snapshot(traces))
    whole, less = task.match(Drawn()), task.match(Less())
    chance = task.chance().by_direction()
    for direction, ours in less.by_direction().items():
        if direction.startswith("search"):
            assert ours == pytest.approx(chance[direction])
        elif "search" not in direction:
            assert ours == whole.by_direction()[direction]
    # Who is on the service that is not known comes after nobody: all are tied.
    assert less.by_direction()["arts to search"] == pytest.approx(chance["arts to search"])
