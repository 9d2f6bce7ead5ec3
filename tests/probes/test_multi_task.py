"""The multi-task probe: planted answers, missing ones, and tasks that cannot be learned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from habitus.errors import DataError, UsageError
from habitus.metrics import auroc
from habitus.nn.multi_task import HEADS, MultiTaskHeadConfig
from habitus.probes.multi_task import WEIGHTS, MultiTask, MultiTaskConfig
from habitus.probes.task_answers import ManyLabelled
from habitus.training.bilevel import BilevelConfig
from tests.probes.many import NAN, many


def config(head: str = "mmoe", **changes: Any) -> MultiTaskConfig:
    sizes = MultiTaskHeadConfig.from_dict(
        {"head": head, "hidden": 16, "tower": 8, "num_experts": 2}
    )
    values: dict[str, Any] = {
        "head": sizes,
        "regression": ("amount",),
        "batch_size": 64,
        "max_epochs": 40,
        "learning_rate": 1e-2,
        **changes,
    }
    return MultiTaskConfig(**values)


def fitted(how: MultiTaskConfig, train: ManyLabelled | None = None, seed: int = 0) -> MultiTask:
    return MultiTask(how).fit(train or many(), many(200, seed=1), seed)


@pytest.mark.parametrize("head", HEADS)
def test_it_finds_what_was_planted(head: str) -> None:
    test = many(1_000, seed=2)
    found = fitted(config(head)).predict(test.x_BD)
    assert list(found) == ["easy", "rare", "amount"]
    assert auroc(test.y["easy"], found["easy"]) > 0.88
    asked = ~np.isnan(test.y["rare"])
    assert auroc(test.y["rare"][asked], found["rare"][asked]) > 0.85
    # Deviation of the answers: 20 √2 = 28.3 and a noise of 1.
    assert np.abs(found["amount"] - test.y["amount"]).mean() < 8
    assert 0 <= found["rare"].min() <= found["rare"].max() <= 1


@pytest.mark.parametrize("weights", WEIGHTS)
def test_every_way_to_weigh_learns_and_repeats(weights: str) -> None:
    if weights in ("famo", "pcgrad", "gradvac", "aligned_mtl", "imtl_g", "mgda"):
        pytest.importorskip("torchjd")
    how = config(weights=weights, max_epochs=12, bilevel=BilevelConfig(every=2, meta_batch=64))
    before, test = torch.get_rng_state(), many(400, seed=2)
    found, again = (fitted(how).predict(test.x_BD) for _ in range(2))
    assert auroc(test.y["easy"], found["easy"]) > 0.8
    for task, y_B in found.items():
        np.testing.assert_array_equal(y_B, again[task])
    assert torch.equal(torch.get_rng_state(), before)
    other = fitted(how, seed=1).predict(test.x_BD)
    assert not np.array_equal(other["easy"], found["easy"])


def test_linear_towers_are_logistic_regressions() -> None:
    train, test = many(2_000), many(500, seed=2)
    how = config("linear", weight_decay=0.0, max_epochs=60, patience=60)
    found = fitted(how, train).predict(test.x_BD)
    for task in ("easy", "rare"):
        asked = ~np.isnan(train.y[task])
        oracle = LogisticRegression(C=1e6).fit(train.x_BD[asked], train.y[task][asked])
        theirs = oracle.predict_proba(test.x_BD)[:, 1]
        assert np.abs(found[task] - theirs).max() < 0.08


def test_linear_towers_share_nothing_so_a_task_is_its_control() -> None:
    # Same batches and as many epochs: what a tower learns does not depend on the others.
    train, test = many(), many(500, seed=2)
    full = train._replace(y={"easy": train.y["easy"], "amount": train.y["amount"]})
    how = config("linear", max_epochs=3, patience=3)
    together = fitted(how, full)
    alone = fitted(how, full.of("easy"))
    assert together._head is not None
    assert alone._head is not None
    assert together.num_weights == 2 * alone.num_weights == 2 * 7
    found = [probe.predict(test.x_BD)["easy"] for probe in (together, alone)]
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    assert auroc(test.y["easy"], found[1]) > 0.8


def test_scaling_as_a_whole_keeps_the_sizes_of_features() -> None:
    rows = many()
    x_BD = rows.x_BD * np.array([10, 1, 1, 1, 1, 1], np.float32)
    rows = rows._replace(x_BD=x_BD)
    for scaling, sizes in (("each", [1.0] * 6), ("whole", [10.0, 1, 1, 1, 1, 1])):
        probe = MultiTask(config(scaling=scaling, max_epochs=1)).fit(rows, rows, 0)
        deviation = probe._inputs(x_BD).std(dim=0).numpy()
        np.testing.assert_allclose(deviation / deviation[1], sizes, rtol=0.15)


def test_it_begins_at_the_base_rates() -> None:
    # Vectors that say nothing: the first output is the bias, and no step moves it from its best.
    rows = many()._replace(x_BD=np.zeros((400, 6), np.float32))
    probe = MultiTask(config("linear", max_epochs=1, learning_rate=1e-9)).fit(rows, rows, 0)
    found = probe.predict(rows.x_BD[:1])
    assert found["easy"][0] == pytest.approx(rows.y["easy"].mean(), abs=1e-5)
    assert found["rare"][0] == pytest.approx(np.nanmean(rows.y["rare"]), abs=1e-5)
    assert found["amount"][0] == pytest.approx(rows.y["amount"].mean(), abs=1e-3)
    assert probe.valid["rare"] == pytest.approx(1, abs=1e-5)


def test_one_task_is_the_same_whatever_weighs_it() -> None:
    train, test = many().of("easy"), many(50, seed=2)
    fixed = fitted(config(max_epochs=3), train).predict(test.x_BD)["easy"]
    for weights in ("normalised", "nash_mtl", "gradnorm"):
        other = fitted(config(max_epochs=3, weights=weights), train).predict(test.x_BD)["easy"]
        np.testing.assert_array_equal(other, fixed)


def test_a_search_that_never_updates_is_equal_weights_bit_for_bit() -> None:
    test = many(50, seed=2)
    equal = fitted(config(max_epochs=5)).predict(test.x_BD)
    never = config(max_epochs=5, weights="bilevel", bilevel=BilevelConfig(every=None))
    for task, y_B in fitted(never).predict(test.x_BD).items():
        np.testing.assert_array_equal(y_B, equal[task])


def test_the_search_moves_the_weights_and_says_how() -> None:
    how = config(weights="bilevel", max_epochs=6, bilevel=BilevelConfig(every=1, meta_batch=32))
    probe = fitted(how)
    assert len(probe.weight_path) == 6
    assert probe.weight_path[0].keys() == {"easy", "rare", "amount"}
    last = probe.weight_path[-1]
    assert sum(last.values()) == pytest.approx(3, abs=1e-4)
    assert max(abs(w - 1) for w in last.values()) > 0.005


def test_rows_of_the_slice_are_not_learned_from() -> None:
    train = many(200)
    train = train._replace(user_B=np.repeat(np.arange(100), 2))
    probe = MultiTask(config(weights="bilevel", bilevel=BilevelConfig(meta_share=0.25)))
    learned_B, meta_B = probe._slices(train, np.ones(200, bool), 0)
    assert meta_B.sum() == 50
    assert (learned_B == ~meta_B).all()
    # A user is on one side with all rows.
    assert (meta_B.reshape(100, 2)[:, 0] == meta_B.reshape(100, 2)[:, 1]).all()


@pytest.mark.parametrize("answer", [0.0, 1.0])
def test_a_task_with_one_class_is_answered_with_it(answer: float) -> None:
    rows = many()
    train = rows._replace(y={**rows.y, "same": np.full(400, answer)})
    valid = many(200, seed=1)
    valid = valid._replace(y={**valid.y, "same": np.zeros(200)})
    probe = MultiTask(config(max_epochs=3)).fit(train, valid, 0)
    assert probe.constant == {"same": answer}
    assert probe.tasks == ("easy", "rare", "amount")
    found = probe.predict(valid.x_BD)
    assert list(found) == ["easy", "rare", "amount", "same"]
    assert set(found["same"]) == {answer}
    plain = fitted(config(max_epochs=3)).predict(valid.x_BD)
    np.testing.assert_array_equal(found["easy"], plain["easy"])
    only = MultiTask(config()).fit(train.of("same"), valid.of("same"), 0)
    assert set(only.predict(valid.x_BD)["same"]) == {answer}


def test_a_constant_column_and_batches_without_a_positive_do_no_harm() -> None:
    rows = many()
    x_BD = rows.x_BD.copy()
    x_BD[:, 5] = 3.0
    few = np.full(400, NAN)
    few[:40] = 0.0
    few[:2] = 1.0
    train = rows._replace(x_BD=x_BD, y={**rows.y, "few": few})
    valid = many(200, seed=1)
    valid = valid._replace(y={**valid.y, "few": np.full(200, NAN)})
    for weights in ("fixed", "bilevel", "nash_mtl", "uncertainty", "gradnorm"):
        how = config(weights=weights, max_epochs=4, batch_size=16)
        found = MultiTask(how).fit(train, valid, 0).predict(valid.x_BD)
        assert all(np.isfinite(y_B).all() for y_B in found.values()), weights
        assert auroc(valid.y["easy"], found["easy"]) > 0.75


def test_who_is_not_asked_teaches_nothing() -> None:
    train, test = many(), many(50, seed=2)
    hidden = np.isnan(train.y["rare"])
    more = ManyLabelled(
        np.concatenate([train.x_BD, np.full((9, 6), 1e3, np.float32)]),
        {task: np.append(y_B, np.full(9, NAN)) for task, y_B in train.y.items()},
    )
    assert hidden.any()
    plain, same = (fitted(config(max_epochs=2), rows) for rows in (train, more))
    np.testing.assert_array_equal(plain.predict(test.x_BD)["rare"], same.predict(test.x_BD)["rare"])


def test_it_returns_the_weights_of_its_best_epoch() -> None:
    train = many().of("easy")
    opposite = train._replace(y={"easy": 1 - train.y["easy"]})
    few, long = (
        MultiTask(config(max_epochs=epochs, patience=epochs)).fit(train, opposite, 0)
        for epochs in (1, 9)
    )
    # Against opposite answers the first epoch is the best, however long it trains.
    assert (few.best_epoch, long.best_epoch) == (1, 1)
    np.testing.assert_array_equal(few.predict(train.x_BD)["easy"], long.predict(train.x_BD)["easy"])


def test_the_validation_loss_is_that_of_the_base_rate_at_one() -> None:
    train = many()
    noise = train._replace(x_BD=np.random.default_rng(5).normal(size=(400, 6)).astype(np.float32))
    probe = MultiTask(config("linear", max_epochs=30)).fit(noise, many(200, seed=1), 0)
    assert probe.valid["easy"] == pytest.approx(1, abs=0.1)
    assert fitted(config()).valid["easy"] < 0.75


def test_fixed_weights_decide_who_is_learned() -> None:
    how = config(max_epochs=8, patience=8)
    alike, one = fitted(how), fitted(replace(how, fixed=(0.0, 0.0, 3.0)))
    assert one.weight_path[0] == {"easy": 0.0, "rare": 0.0, "amount": 3.0}
    # Nothing teaches easy: it stays near its base rate, or falls behind.
    assert one.valid["easy"] > alike.valid["easy"] + 0.2
    with pytest.raises(UsageError, match="fixed needs a weight for each of"):
        fitted(replace(how, fixed=(1.0,)))


def test_cosines_of_gradients() -> None:
    rows = many()
    probe = fitted(config("shared", max_epochs=2))
    cosine_KK = probe.gradient_cosines(rows)
    np.testing.assert_allclose(np.diag(cosine_KK), 1, atol=1e-5)
    np.testing.assert_allclose(cosine_KK, cosine_KK.T, atol=1e-6)
    nobody = rows._replace(y={**rows.y, "rare": np.full(400, NAN)})
    assert np.isnan(probe.gradient_cosines(nobody)[1]).all()
    assert np.isnan(fitted(config("linear", max_epochs=1)).gradient_cosines(rows)).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weights": "equal"}, "weights must be one of"),
        ({"patience": 0}, "patience must be at least 1, got 0"),
        ({"weights": "famo", "fixed": (1.0,)}, "fixed goes with weights fixed"),
    ],
)
def test_wrong_settings_are_told(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        config(**change)


def test_nobody_to_stop_by_is_told() -> None:
    valid = many(200, seed=1)
    nobody = valid._replace(y={task: np.full(200, NAN) for task in valid.y})
    with pytest.raises(DataError, match="nothing says when to stop"):
        MultiTask(config()).fit(many(), nobody, 0)
