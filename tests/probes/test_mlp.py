"""The perceptron of CLUE."""

import numpy as np
import torch

from habitus.probes import Labelled
from habitus.probes.mlp import MLP, MLPConfig
from tests.probes.ladder import ProbeContract
from tests.probes.planted import planted


class TestMLP(ProbeContract):
    name = "mlp"

    def build(self) -> MLP:
        return MLP(MLPConfig(hidden=(32, 16), max_epochs=15))


def test_its_sizes_are_those_of_the_paper() -> None:
    probe = MLP(MLPConfig(max_epochs=1)).fit(planted(60), planted(30, seed=1), 0)
    layers = [m for m in probe._network.modules() if isinstance(m, torch.nn.Linear)]
    sizes = [(m.in_features, m.out_features) for m in layers]
    assert sizes == [(5, 512), (512, 256), (256, 128), (128, 64), (64, 1)]


def test_the_generator_of_the_caller_is_left_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    MLP(MLPConfig(hidden=(4,), max_epochs=1)).fit(planted(60), planted(30, seed=1), 0)
    assert torch.equal(torch.get_rng_state(), before)


def test_it_returns_the_weights_of_its_best_epoch() -> None:
    train = planted(300)
    opposite = Labelled(train.x_BD, 1 - train.y_B)
    few, many = (
        MLP(MLPConfig(hidden=(16,), max_epochs=epochs, patience=epochs)).fit(train, opposite, 0)
        for epochs in (1, 9)
    )
    # against opposite labels the first epoch is the best, however long it trains
    np.testing.assert_array_equal(few.predict(train.x_BD), many.predict(train.x_BD))
