"""The hybrid: two sources side by side, each on its own scale."""

from __future__ import annotations

import numpy as np
import pytest

from habitus.comparisons.base import Matrix
from habitus.comparisons.item_factors import ItemFactors
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.evaluation.next_item_asked import AskedItems
from habitus.probes.two_tower import TwoTowerConfig
from habitus.runs.analyses.next_item_hybrid import (
    FACTORS,
    HYBRID,
    Factors,
    SideBySide,
    Slots,
    hybrid_rows,
)
from habitus.runs.analyses.next_item_rows import ModelVectors, quick_towers
from habitus.runs.analyses.next_item_sets import SETS, questions_of, run_for
from tests.runs.analyses.synthetic_shops import synthetic_shops


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> AskedItems:
    traces: Traces = synthetic_shops(tmp_path_factory.mktemp("shops") / "traces")
    return questions_of(traces, SETS["synthetic"], quick=True)[0]


class Planted:
    """Vectors with a given spread and mean."""

    def __init__(self, width: int, spread: float) -> None:
        self.width, self.spread, self.calls = width, spread, 0

    def users(self, asked: AskedItems, history: Snapshot, seed: int) -> Matrix:
        self.calls += 1
        return self._rows(history.num_users, seed)

    def items(self, asked: AskedItems, seed: int) -> Matrix:
        return self._rows(len(asked.catalogue_I), seed + 1)

    def _rows(self, number: int, seed: int) -> Matrix:
        drawn = np.random.default_rng(seed).normal(size=(number, self.width))
        return np.asarray(7 + self.spread * drawn, np.float32)


def test_no_part_drowns_the_other(asked: AskedItems) -> None:
    small, large = Planted(3, 0.01), Planted(5, 100.0)
    both = SideBySide([small, large])
    for x_BD in (both.users(asked, asked.train[0].history, 0), both.items(asked, 0)):
        assert x_BD.shape[1] == 8
        for part in (x_BD[:, :3], x_BD[:, 3:]):
            np.testing.assert_allclose(part.mean(axis=0), 0, atol=1e-3)
            assert np.sqrt((part**2).mean()) == pytest.approx(1, abs=1e-3)


def test_other_users_are_on_the_scale_of_the_train_users(asked: AskedItems) -> None:
    source = Planted(3, 2.0)
    both = SideBySide([source])
    train, test = asked.train[0].history, asked.test.history
    x_BD = source.users(asked, train, 4)
    mean_D, deviation = x_BD.mean(axis=0), np.sqrt(((x_BD - x_BD.mean(axis=0)) ** 2).mean())
    expected = (source.users(asked, test, 4) - mean_D) / deviation
    np.testing.assert_allclose(both.users(asked, test, 4), expected, atol=1e-4)
    # The scale of a seed is found once.
    before = source.calls
    both.users(asked, test, 4)
    assert source.calls == before + 1


def test_item_cf_is_fitted_on_what_may_be_counted_and_tuned_on_valid_users(
    asked: AskedItems,
) -> None:
    twin = ItemFactors()
    twin.fit(asked.seen, 3)
    twin.tune(asked.valid.history, asked.valid_targets, asked.catalogue_I)
    factors = Factors()
    history = asked.test.history
    np.testing.assert_allclose(factors.users(asked, history, 3), twin.represent(history))
    np.testing.assert_allclose(factors.items(asked, 3), twin.item_vectors(asked.catalogue_I))


def test_the_rows_are_item_cf_and_both(asked: AskedItems) -> None:
    run = run_for(SETS["synthetic"], "quick")
    vectors = ModelVectors([run.build(asked.seen.traces)[0]])
    towers = quick_towers(TwoTowerConfig(loss="softmax"))
    alone, both = hybrid_rows(vectors, towers, own=False)
    assert (alone.name, alone.group, both.name, both.group) == (FACTORS, "rung", HYBRID, "ours")
    history = asked.test.history
    clue, cf = Slots(vectors, own=False), Factors()
    widths = [s.users(asked, history, 0).shape[1] for s in (clue, cf)]
    assert both.users(asked, history, 0).shape[1] == sum(widths)
    widths = [s.items(asked, 0).shape[1] for s in (clue, cf)]
    assert both.items(asked, 0).shape[1] == sum(widths)
    one = hybrid_rows(vectors, towers, own=True)[1].users(asked, history, 0)
    # 32 numbers of a slot and its presence; item CF is as wide as before.
    assert one.shape[1] == 33 + cf.users(asked, history, 0).shape[1]
    score_BI = both.fit(asked, 0).score(np.arange(3))
    assert score_BI.shape == (3, len(asked.catalogue_I))
