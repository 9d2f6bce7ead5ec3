"""The promise of :class:`habitus.objectives.Objective`, as tests to inherit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from habitus.encoders import UserEncoder
from habitus.objectives import Loss, Objective
from habitus.testing.encoders import (
    SEED,
    assert_same_state,
    no_chance,
    parameters_without_gradient,
)

USERS = {0: 8, 1: 0, 2: 13, 3: 5, 4: 9}


class ObjectiveContract:
    """Inherit, and say how to make the two modules and a batch.

    Users are given as ``{name: number of events}``, in the order of the batch. The class is not
    called ``Test...``, so pytest collects only its heirs.

    Example::

        class TestMyObjective(ObjectiveContract):
            def make(self):
                return MyEncoder(...), MyObjective(...)

            def make_batch(self, users):
                return my_batch(users)
    """

    unreached: ClassVar[frozenset[str]] = frozenset()
    """Parameters of no use to the objective, as ``encoder.…`` or ``objective.…``."""
    draws: ClassVar[bool] = True
    """Whether the loss of a batch depends on the generator."""
    steps: ClassVar[int] = 30
    """Steps in which the loss of one batch has to fall."""

    def make(self) -> tuple[UserEncoder, Objective]:
        """Return fresh modules; the global generator is seeded."""
        raise NotImplementedError

    def make_batch(self, users: Mapping[int, int]) -> Any:  # noqa: ANN401 - an heir knows its batch
        """Return a batch of users, some perhaps without an event."""
        raise NotImplementedError

    def build(self) -> tuple[UserEncoder, Objective]:
        """Return fresh modules in eval mode, with the same weights every time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            encoder, objective = self.make()
        return encoder.eval(), objective.eval()

    def loss(self, users: Mapping[int, int], seed: int = SEED) -> Loss:
        """Return what fresh modules lose on users."""
        encoder, objective = self.build()
        loss: Loss = objective(encoder, self.make_batch(users), generator(seed))
        return loss

    def test_the_total_is_a_finite_scalar_with_a_gradient(self) -> None:
        loss = self.loss(USERS)
        assert loss.total.shape == ()
        assert loss.total.isfinite()
        assert loss.total.requires_grad

    def test_every_part_is_a_finite_number_with_a_count(self) -> None:
        loss = self.loss(USERS)
        assert loss.parts
        assert loss.parts.keys() == loss.counts.keys()
        for number in (*loss.parts.values(), *loss.counts.values()):
            assert isinstance(number, Tensor)
            assert number.numel() == 1
            assert number.isfinite().all()
            assert not number.requires_grad
        assert any(count > 0 for count in loss.counts.values())
        assert all(count >= 0 for count in loss.counts.values())

    def test_chance_comes_from_the_generator_alone(self) -> None:
        with no_chance():
            first = self.loss(USERS)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED + 1)
            second = self.loss(USERS)
        assert torch.equal(first.total, second.total)
        another = [self.loss(USERS, seed).total for seed in range(1, 6)]
        assert self.draws == any(not torch.equal(first.total, total) for total in another)

    def test_nothing_to_predict_is_no_error(self) -> None:
        loss = self.loss({0: 0, 1: 0})
        assert loss.total.isfinite()
        assert all(count == 0 for count in loss.counts.values())
        assert all(part == 0 for part in loss.parts.values())
        # The trainer calls backward on every loss.
        torch.autograd.backward(loss.total)

    def test_no_state_is_kept_in_the_modules(self) -> None:
        encoder, objective = self.build()
        both = pair(encoder, objective).train()
        before = {name: value.clone() for name, value in both.state_dict().items()}
        objective(encoder, self.make_batch(USERS), generator(SEED)).total.backward()
        assert_same_state(both, before)

    def test_every_parameter_learns(self) -> None:
        encoder, objective = self.build()
        with torch.autograd.set_detect_anomaly(True, check_nan=True):
            # Several draws, since one may leave out a channel or never hide a whole history.
            for seed in range(10):
                objective(encoder, self.make_batch(USERS), generator(seed)).total.backward()
        assert parameters_without_gradient(pair(encoder, objective)) == self.unreached

    def test_the_loss_of_one_batch_falls(self) -> None:
        encoder, objective = self.build()
        batch = self.make_batch(USERS)
        optimizer = torch.optim.Adam(pair(encoder, objective).parameters(), lr=1e-2)
        losses = []
        for _ in range(self.steps):
            total = objective(encoder, batch, generator(SEED)).total
            losses.append(total.item())
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
        assert losses[-1] < losses[0]

    def test_flops_count_events_and_padding(self) -> None:
        encoder, objective = self.build()
        batch = self.make_batch(USERS)
        true, executed = objective.forward_flops(encoder, batch)
        assert 0 < true <= executed

    def test_config_survives_a_round_trip(self) -> None:
        config = self.build()[1].config
        plain = json.loads(json.dumps(config.to_dict()))
        assert type(config).from_dict(plain) == config


def generator(seed: int) -> torch.Generator:
    """Return the generator of one call."""
    return torch.Generator().manual_seed(seed)


def pair(encoder: UserEncoder, objective: Objective) -> nn.ModuleDict:
    """Return both as one module, as the trainer sees them."""
    return nn.ModuleDict({"encoder": encoder, "objective": objective})
