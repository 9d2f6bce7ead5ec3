"""The slice that weights are searched by parts users, and the hinge is that of its own rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.objectives.task_losses import TaskTargets
from habitus.probes.meta_slice import MetaHinge, last_weights, meta_slices
from tests.encoders.sequences import CONFIG
from tests.probes.test_multi_task_tuning import Flat, FlatConfig


@given(st.integers(1, 30), st.floats(0.01, 0.99), st.integers(0, 5))
def test_a_user_is_on_one_side(num_users: int, share: float, seed: int) -> None:
    user_B = np.repeat(np.arange(num_users) * 7, 3)
    asked_B = np.random.default_rng(seed).random(len(user_B)) < 0.8
    learned_B, meta_B = meta_slices(asked_B, user_B, share, np.random.default_rng(seed))
    assert not (learned_B & meta_B).any()
    assert ((learned_B | meta_B) == asked_B).all()
    assert not set(user_B[learned_B]) & set(user_B[meta_B])
    everybody = np.ones(len(user_B), bool)
    _, whole_B = meta_slices(everybody, user_B, share, np.random.default_rng(seed))
    assert len(set(user_B[whole_B])) == max(1, round(share * num_users))


def test_without_users_a_row_is_one() -> None:
    learned_B, meta_B = meta_slices(np.ones(10, bool), None, 0.3, np.random.default_rng(0))
    assert (learned_B.sum(), meta_B.sum()) == (7, 3)


def test_the_hinge_is_the_sum_over_tasks_by_hand() -> None:
    out_BK = torch.tensor([[2.0, 0.0], [0.0, 0.5], [1.5, 1.0]])
    targets = TaskTargets.of(torch.tensor([[1.0, 0.2], [0.0, 0.1], [0.0, torch.nan]]))
    asked: list[Tensor] = []

    def outputs(place_R: Tensor) -> Tensor:
        asked.append(place_R)
        return out_BK[place_R]

    hinge = MetaHinge(outputs, targets, torch.tensor([False, True]), 9, torch.Generator())
    # Yes at 2 against no at 0 and 1.5: (0 + 0.5) / 2. Of numbers the one pair is in the wrong
    # order, 0 above 0.5: 1 + 0.5.
    assert hinge().item() == pytest.approx(0.25 + 1.5)
    assert sorted(asked[0].tolist()) == [0, 1, 2]
    few = MetaHinge(outputs, targets, torch.tensor([False, True]), 2, torch.Generator())
    few()
    assert len(asked[-1]) == 2


def test_the_last_weights_are_those_of_the_last_block_and_its_norm() -> None:
    encoder = ChannelTransformer(CONFIG)
    found = {id(p) for p in last_weights(encoder)}
    names = [name for name, p in encoder.named_parameters() if id(p) in found]
    assert names
    assert all(name.startswith(("blocks.1.", "norm.")) for name in names)
    assert {"norm.weight", "norm.bias"} <= set(names)
    assert len(names) == sum(n.startswith("blocks.1.") for n, _ in encoder.named_parameters()) + 2
    flat = Flat(FlatConfig())
    assert [id(p) for p in last_weights(flat)] == [id(p) for p in flat.parameters()]
