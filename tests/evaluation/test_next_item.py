"""Methods on equal questions: scores of comparisons, and vectors that towers read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from habitus.comparisons import COMPARISONS
from habitus.comparisons.base import Comparison
from habitus.comparisons.item_blend import ItemBlend
from habitus.comparisons.item_scores import items_had
from habitus.data.snapshot import Snapshot
from habitus.errors import DataError
from habitus.evaluation.next_item import (
    ScoringMethod,
    VectorMethod,
    evaluate_next_items,
    with_popularity,
)
from habitus.evaluation.next_item_asked import AskedItems, ask_next_item
from habitus.probes.two_tower import TwoTowerConfig
from habitus.tasks.next_item import NextItemConfig
from tests.evaluation.item_world import item_world

Vectors = npt.NDArray[np.float32]
SMALL = TwoTowerConfig(hidden=(16,), out_dim=8, max_epochs=30, learning_rate=1e-2, batch_size=32)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[AskedItems]:
    traces = item_world(tmp_path_factory.mktemp("world") / "traces")
    return [
        ask_next_item(NextItemConfig(name=service, service=service), traces, rounds=3)
        for service in ("food", "home")
    ]


def line_of_users(_: AskedItems, history: Snapshot, seed: int) -> Vectors:  # noqa: ARG001
    """Return the share of odd items of each user: what decides the next one."""
    had = items_had(history).toarray()
    return np.stack([had[:, 0::2].mean(1), had[:, 1::2].mean(1)], 1).astype(np.float32)


def line_of_items(asked: AskedItems, seed: int = 0) -> Vectors:  # noqa: ARG001
    odd_I = (asked.catalogue_I - 1) % 2
    return np.stack([odd_I, 1 - odd_I], 1).astype(np.float32)


def scoring(name: str) -> ScoringMethod:
    return ScoringMethod(name=name, label=name, build=COMPARISONS[name])


def towers(**changes: object) -> VectorMethod:
    fields = {"name": "lines", "label": "Lines", "group": "ours", "towers": SMALL, **changes}
    return VectorMethod(users=line_of_users, items=line_of_items, **fields)  # type: ignore[arg-type]


def test_every_method_meets_every_question(asked: list[AskedItems]) -> None:
    told: list[tuple[str, int, int]] = []
    methods = [scoring("most_popular"), scoring("item_cooccurrence"), towers()]
    found = list(evaluate_next_items(asked, methods, (0, 1), lambda *args: told.append(args)))
    assert [(o.asked.name, o.method.name) for o in found] == [
        (service, m.name) for service in ("food", "home") for m in methods
    ]
    # Counting has no chance in it, so one seed says all.
    assert [len(o.seeds) for o in found] == [1, 1, 2] * 2
    assert told[1] == ("food: item_cooccurrence", 1, 6)
    for outcome in found:
        ranking = outcome.seeds[0]
        assert len(ranking.full.num_better_U) == len(outcome.asked.test.target_B)
        assert outcome.costs.users_per_second > 0
        assert (outcome.costs.weights > 0) == (outcome.method.name == "lines")
        assert np.isnan(outcome.costs.seconds_per_epoch) == (outcome.costs.epochs == 0)


def test_what_is_planted_is_found(asked: list[AskedItems]) -> None:
    methods = [scoring("most_popular"), scoring("item_cooccurrence"), towers()]
    found = {o.method.name: o.seeds[0].full for o in evaluate_next_items(asked[:1], methods)}
    mrr = {name: ranking.metrics()["MRR"] for name, ranking in found.items()}
    # Half of the items are of the other line, which popularity does not know.
    assert mrr["item_cooccurrence"] > mrr["most_popular"]
    assert mrr["lines"] > mrr["most_popular"]


def test_towers_score_for_the_history_of_the_one_who_is_asked(asked: list[AskedItems]) -> None:
    score_BI = towers(popularity=False).fit(asked[0], 0).score(np.arange(20))
    odd_B = asked[0].test.history.users_U[:20] % 2
    odd_I = (asked[0].catalogue_I - 1) % 2
    likes_odd_B = score_BI[:, odd_I == 1].mean(1) > score_BI[:, odd_I == 0].mean(1)
    # All test users here are even; validation users, who come next, are odd.
    assert not odd_B.any()
    assert not likes_odd_B.any()


class Spy(ItemBlend):
    """Remembers what it was shown."""

    def fit(self, snapshot: Snapshot, seed: int = 0) -> None:
        self.fitted_on = snapshot.users_U
        super().fit(snapshot, seed)

    def tune(self, history: Snapshot, *rest: object) -> None:
        self.tuned_on = history.users_U
        super().tune(history, *rest)  # type: ignore[arg-type]


def test_comparisons_are_fitted_on_train_and_tuned_on_validation_users(
    asked: list[AskedItems],
) -> None:
    built: list[Spy] = []

    def build() -> Comparison:
        built.append(Spy())
        return built[-1]

    method = ScoringMethod(name="x", label="x", build=build)
    fitted = method.fit(asked[0], 0)
    np.testing.assert_array_equal(built[0].fitted_on, asked[0].seen.users_U)
    np.testing.assert_array_equal(built[0].tuned_on, asked[0].valid.history.users_U)
    score_BI = fitted.score(np.array([2, 0]))
    expected = built[0].score(asked[0].test.history, asked[0].catalogue_I)
    np.testing.assert_allclose(score_BI, expected[[2, 0]], atol=1e-6)


def test_a_comparison_without_scores_is_refused(asked: list[AskedItems]) -> None:
    with pytest.raises(DataError, match="item_text_vectors scores no items"):
        scoring("item_text_vectors").fit(asked[0], 0)


def test_popularity_is_a_column_on_the_scale_of_the_vectors(asked: list[AskedItems]) -> None:
    items_IE = line_of_items(asked[0]) * 6
    found = with_popularity(items_IE, asked[0])
    np.testing.assert_array_equal(found[:, :2], items_IE)
    # Both columns are 0 or 6, half of the items each: a deviation of 3.
    assert found[:, 2].std() == pytest.approx(3, rel=1e-5)
    users_I = [
        len({int(u) for u in np.flatnonzero(items_had(asked[0].seen).toarray()[:, code - 1])})
        for code in asked[0].catalogue_I
    ]
    order_I, expected_I = (np.argsort(values, kind="stable") for values in (found[:, 2], users_I))
    np.testing.assert_array_equal(order_I, expected_I)
    without = towers(popularity=False).fit(asked[0], 0)
    # Two towers with biases; the item's reads 2 numbers, not 3.
    assert without.weights == 2 * (2 * 16 + 16 + 16 * 8 + 8)
    assert towers().fit(asked[0], 0).weights == without.weights + 16
