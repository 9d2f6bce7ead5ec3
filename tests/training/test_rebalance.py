"""Biases of routers move once a step, by what all its batches say, and survive interruption."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from habitus.data.channel_sequence import ChannelSequenceBatch
from habitus.data.loader import Loader
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.nn.experts_config import ExpertsConfig
from habitus.nn.routing import Router
from habitus.objectives import Loss
from habitus.objectives.masked_channel import MaskedChannelConfig, MaskedChannelPrediction
from habitus.training import Trainer, TrainingConfig
from habitus.training.checkpoint import CheckpointFolder
from habitus.training.rebalance import rebalance
from tests.encoders.sequences import CONFIG, NUM_BINS, make_batch

from .toy import ToyEncoder, ToyEncoderConfig

TRAINING = TrainingConfig(max_steps=8, accumulate=2, checkpoint_every_s=0, seed=3, log_every=1)
BIAS = ExpertsConfig(num_experts=4, balance="bias", bias_rate=0.01)


class Told(ToyEncoder):
    """Remembers what it was told."""

    def rebalance(self, shares: Mapping[str, Tensor]) -> None:
        self.shares = dict(shares)


def loss(**shares: list[float]) -> Loss:
    return Loss(torch.zeros(()), {}, {}, {n: torch.tensor(s) for n, s in shares.items()})


def test_the_encoder_is_told_the_mean_over_the_batches_of_a_step() -> None:
    encoder = Told(ToyEncoderConfig())
    rebalance(encoder, [loss(a=[1.0, 0.0], b=[0.5, 0.5]), loss(a=[0.5, 0.5], b=[0.0, 1.0])])
    assert {n: s.tolist() for n, s in encoder.shares.items()} == {
        "a": [0.75, 0.25],
        "b": [0.25, 0.75],
    }


def test_without_biased_routers_nothing_is_told() -> None:
    encoder = Told(ToyEncoderConfig())
    rebalance(encoder, [loss()])
    assert not hasattr(encoder, "shares")


def test_of_several_processes_the_mean_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the other process had sent all to the last expert of each router."""

    def all_reduce(flat: Tensor) -> None:
        flat += torch.tensor([0.0, 1.0, 0.0, 0.0, 1.0])

    monkeypatch.setattr("habitus.training.rebalance.peers", object)
    monkeypatch.setattr(dist, "all_reduce", all_reduce)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    encoder = Told(ToyEncoderConfig())
    rebalance(encoder, [loss(a=[1.0, 0.0], b=[0.5, 0.5, 0.0])])
    assert {n: s.tolist() for n, s in encoder.shares.items()} == {
        "a": [0.5, 0.5],
        "b": [0.25, 0.25, 0.5],
    }


class Source:
    """Each user in one batch an epoch."""

    num_users = 24

    def plan(self, generator: np.random.Generator) -> list[npt.NDArray[np.int64]]:
        return np.array_split(generator.permutation(self.num_users), 4)

    def make(
        self, unit: npt.NDArray[np.int64], generator: np.random.Generator
    ) -> ChannelSequenceBatch:
        return make_batch({int(name): 4 + int(name) % 9 for name in unit})


def trainer(folder: Path, experts: ExpertsConfig, max_steps: int) -> Trainer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = ChannelTransformer(replace(CONFIG, experts=experts))
        masked = MaskedChannelConfig(
            token_names=("service", "item_id"),
            dense_names=("price", "amount"),
            num_bins=(NUM_BINS, NUM_BINS),
            mask_share=0.5,
        )
        objective = MaskedChannelPrediction(masked, encoder)
    config = replace(TRAINING, max_steps=max_steps)
    return Trainer(encoder, objective, Loader(Source(), seed=3), config, folder)


def biases(trained: Trainer) -> dict[str, Tensor]:
    found = {
        path: module.bias_E
        for path, module in trained.encoder.named_modules()
        if isinstance(module, Router)
    }
    return {path: bias_E.clone() for path, bias_E in found.items() if bias_E is not None}


def test_a_training_moves_each_bias_by_the_rate_a_step(tmp_path: Path) -> None:
    made = trainer(tmp_path, BIAS, 3)
    made.fit()
    found = biases(made)
    assert len(found) == CONFIG.num_blocks
    for bias_E in found.values():
        assert bias_E.any()
        # Up or down by 0.01 three times, or not at all where the share is the mean.
        steps_E = bias_E / 0.01
        torch.testing.assert_close(steps_E, steps_E.round(), atol=1e-4, rtol=0)
        assert steps_E.abs().max() <= 3.001


class StopHereError(Exception):
    """Injected."""


@pytest.mark.parametrize("experts", [BIAS, replace(BIAS, balance="loss")])
def test_an_interrupted_training_with_experts_repeats_a_whole_one(
    tmp_path: Path, experts: ExpertsConfig
) -> None:
    def stop(step: int, *_: object) -> None:
        if step == 5:
            raise StopHereError

    whole = trainer(tmp_path / "whole", experts, 8)
    whole.fit()
    stopped = trainer(tmp_path / "stopped", experts, 8)
    stopped.on_step = stop
    with pytest.raises(StopHereError):
        stopped.fit()
    again = trainer(tmp_path / "stopped", experts, 8)
    assert again.fit().resumed_from == 5
    one, other = (
        CheckpointFolder(tmp_path / name / "checkpoints").latest() for name in ("whole", "stopped")
    )
    assert one is not None
    assert other is not None
    assert one.tensors.keys() == other.tensors.keys()
    assert [n for n in one.tensors if not torch.equal(one.tensors[n], other.tensors[n])] == []
    has_bias = [name for name in one.tensors if name.endswith("bias_E")]
    assert bool(has_bias) is (experts.balance == "bias")
