"""How alike services are, on words that can be counted."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from habitus.data.snapshot import Snapshot
from habitus.errors import DataError, GuardError, UsageError
from habitus.evaluation.domains import Domain, domains_of, gain_correlation, similarities
from habitus.metrics.arrays import Floats
from habitus.metrics.similarity import jensen_shannon, kendall
from habitus.testing.hand_made import write_traces
from tests.evaluation.shoppers import shopper_events, shoppers


def domains(path: Path, source: str, services: dict[str, list[str]]) -> list[Domain]:
    """Return domains of one user a text."""
    events: dict[str, list[dict[str, Any]]] = {}
    for service, texts in services.items():
        for text in texts:
            events[f"u{len(events):03d}"] = [{"time": 1, "service": service, "text": text}]
    return domains_of(source, Snapshot(shoppers(path / source, events)))


def test_counts_are_those_of_a_loop(tmp_path: Path) -> None:
    events = shopper_events(30)
    found = domains_of("shop", Snapshot(shoppers(tmp_path / "shop", events)))
    assert [domain.name for domain in found] == ["shop, arts", "shop, food", "shop, search"]
    for domain in found:
        expected: Counter[str] = Counter()
        for user in events.values():
            # A text that a user meets again counts once.
            for text in {e["text"] for e in user if e["service"] == domain.service}:
                expected.update(text.split())
        total_W = domain.count_UW.sum(axis=0)
        ours = {w: int(n) for w, n in zip(domain.words, total_W, strict=True) if n}
        assert ours == expected


def test_values_are_those_of_the_counts_of_common_words(tmp_path: Path) -> None:
    texts = {"a": ["red red tea", "tea pot"], "b": ["red pot pot", "paper"]}
    one = domains(tmp_path, "one", texts)
    two = domains(tmp_path, "two", {"c": ["paper tea tea", "tea lamp"]})
    found = similarities([*one, *two], num_resamples=5)
    # Counts of red, tea, pot, paper, lamp.
    counts = [[2, 2, 1, 0, 0], [1, 0, 2, 1, 0], [0, 3, 0, 1, 1]]
    assert list(found) == [(0, 1), (0, 2), (1, 2)]
    for (i, j), ours in found.items():
        assert ours.kendall.value == pytest.approx(kendall(counts[i], counts[j]))
        assert ours.jensen_shannon.value == pytest.approx(jensen_shannon(counts[i], counts[j]))


def test_the_top_words_have_a_value_of_their_own(tmp_path: Path) -> None:
    # Frequent words are in one order on both, rare ones on one only.
    texts = {s: ["tea tea tea pot pot red", f"{s}x {s}y {s}z"] for s in "ab"}
    [found] = similarities(domains(tmp_path, "one", texts), num_resamples=2, top=3).values()
    assert found.kendall_top.value == pytest.approx(1)
    assert found.kendall.value < 0.8


def test_intervals_are_of_users_drawn_anew(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    words = [f"w{n}" for n in range(30)]
    weights = np.arange(30, 0, -1.0) / np.arange(30, 0, -1.0).sum()
    texts = {
        s: [" ".join(random.choice(words, 5, p=p)) for _ in range(80)]
        for s, p in (("a", weights), ("b", weights), ("c", weights[::-1]))
    }
    found = similarities(domains(tmp_path, "shop", texts), num_resamples=60)
    near, far = found[0, 1], found[0, 2]
    for ours in (*near, *far):
        assert ours.low < ours.value < ours.high
        assert ours.value - ours.low == pytest.approx(ours.high - ours.value)
    assert near.kendall.low > far.kendall.high
    assert near.jensen_shannon.high < far.jensen_shannon.low
    # Twice the standard error: four times the people, half the interval.
    wide = near.kendall.high - near.kendall.low
    more = {s: t * 4 for s, t in texts.items()}
    [narrow, *_] = similarities(domains(tmp_path, "more", more), num_resamples=60).values()
    assert (narrow.kendall.high - narrow.kendall.low) / wide == pytest.approx(0.5, abs=0.15)


def test_services_of_one_set_are_drawn_together(tmp_path: Path) -> None:
    # Everybody says the same on both services: whoever is drawn, the counts are equal.
    random = np.random.default_rng(0)
    events = {}
    for user in range(60):
        text = " ".join(random.choice([f"w{n}" for n in range(20)], 4))
        events[f"{user:02d}"] = [{"time": 1, "service": s, "text": text} for s in "ab"]
    traces = shoppers(tmp_path / "same", events)
    together = similarities(domains_of("same", Snapshot(traces)), num_resamples=10)[0, 1]
    assert together.kendall == pytest.approx((1, 1, 1))
    apart = [*domains_of("one", Snapshot(traces))[:1], *domains_of("two", Snapshot(traces))[1:]]
    found = similarities(apart, num_resamples=10)[0, 1]
    assert found.kendall.low < 0.9
    assert found == similarities(apart, num_resamples=10)[0, 1]
    assert found != similarities(apart, num_resamples=10, seed=1)[0, 1]


def test_a_service_of_one_user_who_may_not_be_drawn(tmp_path: Path) -> None:
    texts = {"a": ["tea pot"] * 3 + ["red"], "b": ["red red tea"]}
    [found] = similarities(domains(tmp_path, "one", texts), num_resamples=20).values()
    assert np.isfinite(found.jensen_shannon).all()


def test_what_has_no_likeness(tmp_path: Path) -> None:
    one = domains(tmp_path, "one", {"a": ["tea pot"]})
    with pytest.raises(GuardError, match="likeness is of two services, and there is 1"):
        similarities(one)
    with pytest.raises(UsageError, match="at least 2, got 1"):
        similarities([*one, *one], num_resamples=1)
    events = {"a": [{"time": 1, "service": "x", "text": "!!"}]}
    with pytest.raises(GuardError, match="no item of signs that somebody met"):
        domains_of("signs", Snapshot(shoppers(tmp_path / "signs", events)))
    mute = write_traces(tmp_path / "mute", {"a": [{"time": 1}]}, {})
    with pytest.raises(DataError, match="no text"):
        domains_of("mute", Snapshot(mute))


def test_a_set_without_services_is_one_domain(tmp_path: Path) -> None:
    events = {"a": [{"time": 1, "text": "tea pot"}]}
    traces = write_traces(tmp_path / "one", events, {"text": "text"})
    [found] = domains_of("one", Snapshot(traces))
    assert found.name == "one"


def test_all_pairs_are_there(tmp_path: Path) -> None:
    texts = {s: ["tea pot", "red"] for s in "abcd"}
    found = similarities(domains(tmp_path, "one", texts), num_resamples=2)
    assert list(found) == list(combinations(range(4), 2))


def slow_gain_correlation(like_ST: Floats, gain_ST: Floats) -> tuple[float, float]:
    """Return the mean of Spearman's correlations and its p, one order at a time."""

    def mean(order: tuple[int, ...]) -> float:
        found = [
            spearmanr(like_ST[list(order), t], gain_ST[:, t]).statistic
            for t in range(like_ST.shape[1])
        ]
        return float(np.mean(found))

    every = list(permutations(range(len(like_ST))))
    own = mean(every[0])
    return own, float(np.mean([abs(mean(order)) >= abs(own) - 1e-9 for order in every]))


@pytest.mark.parametrize("seed", range(3))
def test_gain_within_targets_is_that_of_a_slow_twin(seed: int) -> None:
    drawn = np.random.default_rng(seed)
    like_ST = drawn.normal(size=(5, 2)).round(1)
    # Another level of each target says nothing.
    gain_ST = like_ST + drawn.normal(size=(5, 2)) + [0.0, 100.0]
    found = gain_correlation(like_ST, gain_ST)
    value, p = slow_gain_correlation(like_ST, gain_ST)
    assert found.value == pytest.approx(value)
    assert found.p == pytest.approx(p)
    assert found.num_orders == 120
    assert np.mean(found.each_T) == pytest.approx(found.value)


def test_gain_of_the_strongest_order_is_as_rare_as_it_can_be() -> None:
    ladder_ST = np.arange(12.0).reshape(6, 2)
    found = gain_correlation(ladder_ST, ladder_ST**3)
    # Of 720 orders this one and its reverse are as strong.
    assert found.value == 1.0
    assert found.p == pytest.approx(2 / 720)
    opposite = gain_correlation(ladder_ST, -ladder_ST)
    assert (opposite.value, opposite.p) == (-1.0, found.p)


def test_many_sources_are_permuted_by_chance() -> None:
    ladder_ST = np.arange(9.0)[:, None]
    found = gain_correlation(ladder_ST, ladder_ST)
    # 9! is above 10,000: the order that was found is counted among those drawn.
    assert found.num_orders == 10_000
    assert 1 / 10_001 <= found.p < 0.002


def test_few_or_equal_sources_say_nothing() -> None:
    ladder_ST = np.arange(6.0).reshape(3, 2)
    with pytest.raises(GuardError, match="needs 4 sources that differ on every target, got 3"):
        gain_correlation(ladder_ST, ladder_ST)
    flat_ST = np.ones((5, 2))
    with pytest.raises(GuardError, match="differ on every target"):
        gain_correlation(np.arange(10.0).reshape(5, 2), flat_ST)
    with pytest.raises(DataError, match=r"of \(5, 2\) pairs, and gain of \(3, 2\)"):
        gain_correlation(flat_ST, ladder_ST)
    with pytest.raises(DataError, match="must be finite"):
        gain_correlation(flat_ST, flat_ST * np.nan)
