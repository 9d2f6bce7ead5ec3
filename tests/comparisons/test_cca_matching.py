"""Canonical variates against what linear algebra knows of them."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from habitus.comparisons.cca_matching import (
    CCAMatching,
    CCAMatchingConfig,
    canonical_variates,
    cca_grid,
    mean_reciprocal_rank,
    plain_cca,
    tuned_cca,
)
from habitus.comparisons.slot_weights import SlotWeightsConfig
from habitus.config import Config
from habitus.data.columns import ChannelKind
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import GuardError, UsageError
from habitus.testing.hand_made import write_traces
from tests.comparisons.slots import SlotContract

WORDS = SlotWeightsConfig(min_df=1)
SMALL = CCAMatchingConfig(words=WORDS, svd_dim=6, dim=3)
CHANNELS: dict[str, ChannelKind] = {"service": "category", "text": "text"}


class TestCCAMatching(SlotContract):
    comparison = CCAMatching
    config: ClassVar[Config | None] = replace(SMALL, power=1.0)
    tolerance: ClassVar[float] = 1e-4


@pytest.fixture(scope="module")
def tastes(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    """120 people with one of six tastes, which has other words on each of two services."""
    random, events = np.random.default_rng(0), {}
    for user in range(120):
        events[f"{user:03d}"] = [
            {"time": at, "service": s, "text": f"{s}{user % 6} {s}x{random.integers(9)} the"}
            for s in ("a", "b")
            for at in range(3)
        ]
    events["120"] = [{"time": 0, "service": "a", "text": "a1 a2"}]
    events["121"] = []
    return write_traces(tmp_path_factory.mktemp("tastes") / "traces", events, CHANNELS)


def parts(traces: Traces) -> tuple[Snapshot, Snapshot, Snapshot]:
    cuts = ((0, 80), (80, 100), (100, 122))
    first, second, third = (Snapshot(traces, None, np.arange(*cut)) for cut in cuts)
    return first, second, third


def test_correlations_equal_those_of_two_orthonormal_bases() -> None:
    random = np.random.default_rng(1)
    x_PKD = random.normal(size=(200, 2, 4))
    x_PKD[:, 1, :2] += 0.8 * x_PKD[:, 0, :2]
    found = canonical_variates(x_PKD, np.ones((200, 2), bool), 1e-12)
    bases = [np.linalg.qr(x_PKD[:, k] - x_PKD[:, k].mean(0))[0] for k in (0, 1)]
    expected = np.linalg.svd(bases[0].T @ bases[1])[1]
    np.testing.assert_allclose(found.correlation_E, expected, atol=1e-8)
    # The variates themselves are so correlated, each with its like and with no other.
    z_KPE = (x_PKD - found.mean_KD).transpose(1, 0, 2) @ found.turn_KDE
    across = np.corrcoef(z_KPE[0].T, z_KPE[1].T)[:4, 4:]
    np.testing.assert_allclose(across, np.diag(expected), atol=1e-6)


def test_a_ridge_holds_correlations_back() -> None:
    x_PKD = np.random.default_rng(2).normal(size=(20, 2, 8))
    there = np.ones((20, 2), bool)
    strengths = [canonical_variates(x_PKD, there, r).correlation_E[0] for r in (1e-9, 0.1, 1, 10)]
    assert strengths == sorted(strengths, reverse=True)
    # One number a side: r · var / (var + ridge · var) = r / 2 with a ridge of 1.
    line_PKD = np.random.default_rng(3).normal(size=(50, 2, 1))
    r = abs(np.corrcoef(line_PKD[:, 0, 0], line_PKD[:, 1, 0])[0, 1])
    half = canonical_variates(line_PKD, np.ones((50, 2), bool), 1.0).correlation_E[0]
    assert half == pytest.approx(r / 2)


def test_three_services_share_their_variates() -> None:
    random = np.random.default_rng(4)
    taste = random.normal(size=(400, 1, 1))
    x_PKD = np.concatenate([taste + 0.1 * random.normal(size=(400, 3, 1)),
                            random.normal(size=(400, 3, 3))], axis=2)  # fmt: skip
    there = random.random((400, 3)) < 0.8
    found = canonical_variates(x_PKD, there, 1e-6)
    first_KD = found.turn_KDE[:, :, 0] / np.abs(found.turn_KDE[:, :, 0]).max(axis=1)[:, None]
    # The first direction of each is the taste, with one sign for all.
    np.testing.assert_allclose(np.abs(first_KD[:, 0]), 1)
    assert len(set(np.sign(first_KD[:, 0]))) == 1
    assert np.abs(first_KD[:, 1:]).max() < 0.2
    # Each of three pairs is correlated by about 1 / (1 + .01); the sum over two others is twice it.
    assert found.correlation_E[0] == pytest.approx(2 / 1.01, abs=0.1)


def test_other_words_for_one_taste_are_learned(tastes: Traces) -> None:
    train, _, test = parts(tastes)
    ours = CCAMatching(replace(SMALL, svd_dim=20, dim=5))
    ours.fit(train)
    z_UKE, present_UK = ours.slots(test)
    assert present_UK.sum(axis=0).tolist() == [21, 20]
    # Those of one taste, three or four of twenty, are about alike, and all others are far: with
    # nothing but the taste known, MRR is about (1 + 1/2 + 1/3) / 3 = .61; chance is .18.
    assert mean_reciprocal_rank(z_UKE, present_UK) > 0.45
    weight_SW = ours._words.weights(test).toarray()
    words_UKW = weight_SW.reshape(*present_UK.shape, -1).astype(np.float32)
    assert mean_reciprocal_rank(words_UKW, present_UK) < 0.35


def test_slots_have_mean_zero_and_count_by_their_correlations(tastes: Traces) -> None:
    train = parts(tastes)[0]
    alike, by_correlation = CCAMatching(SMALL), CCAMatching(replace(SMALL, power=1.0))
    alike.fit(train)
    by_correlation.fit(train)
    z_UKE, other_UKE = alike.slots(train)[0], by_correlation.slots(train)[0]
    np.testing.assert_allclose(z_UKE.mean(axis=0), 0, atol=1e-5)
    assert alike._variates is not None
    correlation_E = alike._variates.correlation_E[:3]
    assert 0 < correlation_E[2] < correlation_E[0] < 1
    np.testing.assert_allclose(other_UKE, z_UKE * correlation_E, atol=1e-5)


def test_settings_are_those_that_match_validation_users_best(tastes: Traces) -> None:
    train, valid, _ = parts(tastes)
    choices = [(d, e, r) for d in (6, 20) for e in (1, 5) for r in (1e-3, 1.0)]
    grid = [replace(SMALL, svd_dim=d, dim=e, ridge=r) for d, e, r in choices]
    ours = CCAMatching()
    ours.tune(train, valid, grid)
    assert [config for config, _ in ours.tried] == grid
    assert dict(ours.tried)[ours.config] == max(score for _, score in ours.tried)
    # It is the same as fitting those settings: the singular vectors of fewer are the first of more.
    again = CCAMatching(ours.config)
    again.fit(train)
    (z_UKE, there), (other_UKE, _) = ours.slots(valid), again.slots(valid)
    best = mean_reciprocal_rank(z_UKE, there)
    assert best == max(score for _, score in ours.tried)
    assert mean_reciprocal_rank(other_UKE, there) == pytest.approx(best, abs=0.05)


def test_the_two_that_reports_show(tastes: Traces) -> None:
    train, valid, _ = parts(tastes)
    plain, tuned = plain_cca(train), tuned_cca(train, valid)
    assert not plain.config.words.sublinear
    assert tuned.config in cca_grid()
    assert len(tuned.tried) == len(cca_grid()) == (3 + 4 + 4) * 4 * 2


def test_what_cannot_be_fitted(tastes: Traces) -> None:
    train, valid, _ = parts(tastes)
    alone = Snapshot(tastes, None, np.array([3, 120, 121]))
    with pytest.raises(GuardError, match=r"1 users of .* have texts on two services"):
        CCAMatching(SMALL).fit(alone)
    with pytest.raises(GuardError, match="no validation user has texts on two"):
        CCAMatching().tune(train, Snapshot(tastes, None, np.array([120])), [SMALL])
    with pytest.raises(UsageError, match="fit cca_matching on a training snapshot"):
        CCAMatching().slots(train)
    other = replace(SMALL, words=replace(WORDS, unique=False))
    for grid in ([], [SMALL, other]):
        with pytest.raises(UsageError, match="all with the same words"):
            CCAMatching().tune(train, valid, grid)


@pytest.mark.parametrize("wrong", [{"svd_dim": 0}, {"dim": 0}, {"ridge": 0.0}, {"power": -1.0}])
def test_wrong_settings(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="must be"):
        CCAMatchingConfig.from_dict(wrong)
