"""Fine-tuning, on an encoder of one matrix."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from typing_extensions import override

from habitus.config import Config
from habitus.data.traces import Rows
from habitus.encoders import Representation, UserEncoder
from habitus.errors import DataError, GuardError, UsageError
from habitus.probes.fine_tune import (
    Batches,
    ClassNetwork,
    Examples,
    FineTuneConfig,
    fine_tune,
)
from habitus.random import torch_generator

NUM_CLASSES = 3
QUICK = FineTuneConfig(learning_rates=(0.05,), weight_decays=(0.0,), max_epochs=12)


class Numbers(NamedTuple):
    x_RF: Tensor

    def to(self, device: torch.device) -> Numbers:
        return Numbers(self.x_RF.to(device))


@dataclass(frozen=True, kw_only=True)
class MatrixConfig(Config):
    sparse: bool = False


class Matrix(UserEncoder):
    """Six numbers, and a word each, to four."""

    name = "matrix"
    config_type = MatrixConfig
    config: MatrixConfig

    def __init__(self, config: MatrixConfig) -> None:
        super().__init__(config)
        generator = torch_generator(0, "matrix")
        self.weight_FD = nn.Parameter(torch.randn(6, 4, generator=generator) / 3)
        words_VD = torch.randn(5, 4, generator=generator) / 10
        self.words = nn.Embedding(5, 4, _weight=words_VD, sparse=config.sparse)

    @property
    @override
    def representation_dim(self) -> int:
        return 4

    @override
    def forward(self, batch: Numbers) -> Representation:
        word_R = (batch.x_RF[:, 0] > 0).long()
        z_RD = batch.x_RF @ self.weight_FD + self.words(word_R)
        return Representation(z_RD, torch.ones(len(z_RD), dtype=torch.bool), {})

    @override
    def forward_flops(self, batch: Any) -> tuple[float, float]:
        return 0.0, 0.0


def batches_of(x_BF: np.ndarray, parts: int = 1) -> Batches:
    def batches(places: Rows) -> Iterator[tuple[Rows, Numbers]]:
        # Backwards, so that who forgets the rows of a part is found out.
        for rows in np.array_split(np.arange(len(places))[::-1], parts):
            if len(rows):
                yield rows, Numbers(torch.from_numpy(x_BF[places[rows]]))

    return batches


def planted(num: int, seed: int, parts: int = 1) -> Examples:
    """Return users whose class is the greatest of their first three numbers."""
    x_BF = np.random.default_rng(seed).standard_normal((num, 6)).astype(np.float32)
    return Examples(batches_of(x_BF, parts), x_BF[:, :NUM_CLASSES].argmax(axis=1))


def probabilities(config: FineTuneConfig, seed: int = 0, parts: int = 1) -> np.ndarray:
    train, valid = planted(200, 1, parts), planted(80, 2, parts)
    tuned = fine_tune(Matrix(MatrixConfig()), train, valid, NUM_CLASSES, config, seed)
    return tuned.probabilities(planted(50, 3, parts).batches, 50)


def test_it_finds_what_is_planted() -> None:
    probability_BC = probabilities(QUICK)
    assert probability_BC.shape == (50, NUM_CLASSES)
    np.testing.assert_allclose(probability_BC.sum(axis=1), 1)
    assert (probability_BC.argmax(axis=1) == planted(50, 3).class_B).mean() >= 0.9


def test_the_encoder_is_trained_and_the_one_that_was_given_is_not() -> None:
    encoder = Matrix(MatrixConfig())
    before = copy.deepcopy(encoder.state_dict())
    tuned = fine_tune(encoder, planted(40, 1), planted(20, 2), NUM_CLASSES, QUICK)
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, before[name])
        assert not torch.equal(value, tuned.network.encoder.state_dict()[name]), name


def test_one_epoch_equals_adam_by_hand() -> None:
    train, config = planted(37, 1), replace(QUICK, max_epochs=1, weight_decays=(0.01,))
    tuned = fine_tune(Matrix(MatrixConfig()), train, planted(20, 2), NUM_CLASSES, config, seed=5)

    generator = torch_generator(5, "fine_tune", "head")
    twin = ClassNetwork(Matrix(MatrixConfig()), NUM_CLASSES, 0.0, generator)
    adam = torch.optim.Adam(twin.parameters(), lr=0.05, weight_decay=0.01)
    order = torch.randperm(37, generator=torch_generator(5, "fine_tune", "order", 1)).numpy()
    for start in (0, 16, 32):  # 37 users: batches of 16, 16 and 5
        places = order[start : start + 16]
        ((rows, batch),) = train.batches(places)
        adam.zero_grad()
        loss = cross_entropy(twin(batch), torch.from_numpy(train.class_B[places[rows]]))
        torch.autograd.backward(loss)
        adam.step()
    for name, value in twin.state_dict().items():
        torch.testing.assert_close(tuned.network.state_dict()[name], value)


def test_a_batch_may_come_in_parts() -> None:
    np.testing.assert_allclose(probabilities(QUICK, parts=3), probabilities(QUICK), atol=1e-4)


def test_equal_seeds_give_equal_answers_and_others_do_not() -> None:
    config = replace(QUICK, max_epochs=2, dropouts=(0.5,))
    np.testing.assert_array_equal(probabilities(config, 3), probabilities(config, 3))
    assert not np.allclose(probabilities(config, 3), probabilities(config, 4))


def test_dropout_leaves_the_generator_of_the_caller_alone() -> None:
    before = torch.get_rng_state()
    probabilities(replace(QUICK, max_epochs=1, dropouts=(0.5,)))
    assert torch.equal(torch.get_rng_state(), before)


def test_every_setting_is_tried_from_the_same_start_and_the_best_is_kept() -> None:
    config = replace(QUICK, learning_rates=(1e-6, 0.05), weight_decays=(0.0, 0.3), max_epochs=6)
    seen: list[Any] = []
    train, valid = planted(200, 1), planted(80, 2)
    encoder = Matrix(MatrixConfig())
    tuned = fine_tune(encoder, train, valid, NUM_CLASSES, config, 0, seen.append)
    assert config.num_trials == len(tuned.trials) == 2 * 2 * 1
    assert tuple(seen) == tuned.trials
    best = max(tuned.trials, key=lambda trial: trial.score)
    assert best.settings == {"learning_rate": 0.05, "weight_decay": 0.0, "dropout": 0.0}
    alone = fine_tune(
        encoder, train, valid, NUM_CLASSES,
        replace(config, learning_rates=(0.05,), weight_decays=(0.0,)),
    )  # fmt: skip
    test = planted(50, 3).batches
    np.testing.assert_array_equal(tuned.probabilities(test, 50), alone.probabilities(test, 50))


def test_the_weights_are_those_of_the_best_epoch() -> None:
    train = planted(120, 1)
    wrong = Examples(train.batches, (train.class_B + 1) % NUM_CLASSES)
    one, many = (
        fine_tune(
            Matrix(MatrixConfig()), train, wrong, NUM_CLASSES,
            replace(QUICK, max_epochs=epochs, patience=3),
        )
        for epochs in (1, 9)
    )  # fmt: skip
    # Who learns the training classes gets worse at others: no epoch beats the first …
    assert many.trials[0].epochs == 1
    test = planted(50, 3).batches
    np.testing.assert_array_equal(one.probabilities(test, 50), many.probabilities(test, 50))


def test_it_stops_when_patience_is_over() -> None:
    epochs = 0

    def counted(places: Rows) -> Iterator[tuple[Rows, Numbers]]:
        nonlocal epochs
        epochs += 1
        yield from train.batches(places)

    train = planted(120, 1)
    wrong = Examples(train.batches, (train.class_B + 1) % NUM_CLASSES)
    config = replace(QUICK, max_epochs=9, patience=3, batch_size=120)
    counted_train = Examples(counted, train.class_B)
    tuned = fine_tune(Matrix(MatrixConfig()), counted_train, wrong, NUM_CLASSES, config)
    assert epochs == tuned.trials[0].epochs + 3 < 9


def test_a_table_with_sparse_gradients_moves_where_it_was_read() -> None:
    tuned = fine_tune(
        Matrix(MatrixConfig(sparse=True)), planted(40, 1), planted(20, 2), NUM_CLASSES, QUICK
    )
    before, after = Matrix(MatrixConfig(sparse=True)), tuned.network.encoder
    moved_V = (before.words.weight != after.words.weight).any(dim=1)  # type: ignore[union-attr]
    assert moved_V.tolist() == [True, True, False, False, False]


def test_a_class_without_training_users_still_gets_a_probability() -> None:
    train = planted(60, 1)
    two = Examples(train.batches, np.minimum(train.class_B, 1))
    tuned = fine_tune(Matrix(MatrixConfig()), two, planted(20, 2), NUM_CLASSES, QUICK)
    assert tuned.probabilities(train.batches, 60).shape == (60, NUM_CLASSES)


def test_users_beyond_one_evaluation_batch_are_answered_in_order() -> None:
    many = planted(600, 4)
    tuned = fine_tune(Matrix(MatrixConfig()), planted(40, 1), planted(20, 2), NUM_CLASSES, QUICK)
    together = tuned.probabilities(many.batches, 600)
    ((rows, batch),) = many.batches(np.array([599]))
    alone = tuned.network(batch).softmax(dim=1).detach().numpy()[rows]
    np.testing.assert_allclose(together[599], alone[0], atol=1e-6)


def test_nobody_to_learn_from_or_to_judge_by_is_an_error() -> None:
    with pytest.raises(DataError, match="got 0 and 20"):
        fine_tune(Matrix(MatrixConfig()), planted(0, 1), planted(20, 2), NUM_CLASSES, QUICK)
    with pytest.raises(DataError, match="got 20 and 0"):
        fine_tune(Matrix(MatrixConfig()), planted(20, 1), planted(0, 2), NUM_CLASSES, QUICK)


def test_a_trial_that_blows_up_is_left_and_all_of_them_an_error() -> None:
    train, valid = planted(40, 1), planted(20, 2)
    bad = replace(QUICK, learning_rates=(1e30,))
    with pytest.raises(GuardError, match="lower learning_rates"):
        fine_tune(Matrix(MatrixConfig()), train, valid, NUM_CLASSES, bad)
    both = replace(QUICK, learning_rates=(1e30, 0.05))
    tuned = fine_tune(Matrix(MatrixConfig()), train, valid, NUM_CLASSES, both)
    assert [trial.epochs > 0 for trial in tuned.trials] == [False, True]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"batch_size": 0}, "must be 1 or more"),
        ({"learning_rates": ()}, "learning_rates above 0"),
        ({"weight_decays": (-1.0,)}, "weight_decays of 0 or more"),
        ({"dropouts": (1.0,)}, r"dropouts must be in \[0, 1\)"),
    ],
)
def test_a_wrong_setting_is_an_error(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        FineTuneConfig(**wrong)


def test_the_grid_of_the_paper() -> None:
    config = FineTuneConfig()
    assert (config.num_trials, config.batch_size) == (4, 16)
    assert (config.max_epochs, config.patience) == (50, 10)
    assert FineTuneConfig.from_dict(config.to_dict()) == config
