"""The promise of :class:`habitus.encoders.UserEncoder`, as tests to inherit (invariants F4)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from habitus.config import Config
from habitus.encoders import Representation, UserEncoder

TOLERANCE = 1e-5
"""Packing, padding and neighbours may move a representation by this much (F4)."""
SEED = 0


class EncoderContract:
    """Inherit, name the encoder and a small config, and say how to make a batch.

    Users are given as ``{name: number of events}``, in the order of the batch. The events of a user
    are a function of its name and number alone. The class is not called ``Test...``, so pytest
    collects only its heirs.

    Example::

        class TestMyEncoder(EncoderContract):
            encoder = MyEncoder
            config = MyEncoderConfig(width=8)

            def make_batch(self, users):
                return my_batch(users)
    """

    encoder: ClassVar[type[UserEncoder]]
    config: ClassVar[Config]
    unreached: ClassVar[frozenset[str]] = frozenset()
    """Parameters that a representation does not depend on, such as a mask's embedding."""

    def make_batch(self, users: Mapping[int, int]) -> Any:  # noqa: ANN401 - an heir knows its batch
        """Return a batch of users, some perhaps without an event."""
        raise NotImplementedError

    def build(self) -> UserEncoder:
        """Return a fresh encoder in eval mode, with the same weights every time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            return self.encoder(self.config).eval()

    def encode(self, users: Mapping[int, int]) -> Representation:
        """Return what a fresh encoder makes of users."""
        with torch.no_grad():
            out: Representation = self.build()(self.make_batch(users))
        return out

    def test_returns_one_finite_row_per_user(self) -> None:
        out = self.encode({0: 3, 1: 0, 2: 1})
        assert out.z_UD.shape == (3, self.build().representation_dim)
        assert out.z_UD.isfinite().all()

    def test_the_mask_tells_who_has_events(self) -> None:
        out = self.encode({0: 0, 1: 3, 2: 0, 3: 1, 4: 0})
        assert out.mask_U.dtype == torch.bool
        assert out.mask_U.tolist() == [False, True, False, True, False]

    def test_a_batch_of_empty_users_is_finite(self) -> None:
        out = self.encode({0: 0, 1: 0})
        assert out.z_UD.isfinite().all()
        assert not out.mask_U.any()

    def test_order_of_users_is_order_of_rows(self) -> None:
        users = {0: 3, 1: 0, 2: 7, 3: 1}
        order = [2, 0, 3, 1]
        there_UD = self.encode(users).z_UD[order]
        here_UD = self.encode({name: users[name] for name in order}).z_UD
        assert_near(here_UD, there_UD)

    def test_a_user_is_not_changed_by_its_neighbours_in_the_batch(self) -> None:
        alone_UD = self.encode({0: 4}).z_UD
        for neighbours in ({1: 2}, {1: 0, 2: 0}, {1: 40}, {1: 1, 2: 9, 3: 5, 4: 4}):
            assert_near(self.encode({0: 4, **neighbours}).z_UD[:1], alone_UD)
            assert_near(self.encode({**neighbours, 0: 4}).z_UD[-1:], alone_UD)

    def test_an_empty_user_is_not_changed_by_its_neighbours(self) -> None:
        assert_near(self.encode({0: 9, 1: 0, 2: 5}).z_UD[1:2], self.encode({1: 0}).z_UD)

    def test_no_layer_normalises_over_the_batch(self) -> None:
        # In eval mode such a layer passes the tests above, and in training it still leaks.
        assert not [n for n, m in self.build().named_modules() if isinstance(m, _BatchNorm)]

    def test_different_histories_have_different_rows(self) -> None:
        z_UD = self.encode({0: 3, 1: 3, 2: 5, 3: 0}).z_UD
        distance_UU = torch.cdist(z_UD, z_UD)
        assert (distance_UU + torch.eye(len(z_UD)) > 10 * TOLERANCE).all()

    def test_encoding_is_pure(self) -> None:
        encoder, batch = self.build(), self.make_batch({0: 3, 1: 0, 2: 5})
        with torch.no_grad(), no_chance():
            first, second = encoder(batch), encoder(batch)
        assert torch.equal(first.z_UD, second.z_UD)

    def test_training_keeps_no_state_in_the_module(self) -> None:
        encoder = self.build().train()
        before = {name: value.clone() for name, value in encoder.state_dict().items()}
        encoder(self.make_batch({0: 3, 1: 0, 2: 5}))
        assert_same_state(encoder, before)

    def test_every_parameter_learns(self) -> None:
        encoder = self.build()
        weights_UD = torch.Generator().manual_seed(SEED)
        with torch.autograd.set_detect_anomaly(True, check_nan=True):
            z_UD = encoder(self.make_batch({0: 3, 1: 0, 2: 5})).z_UD
            (z_UD * torch.randn(z_UD.shape, generator=weights_UD)).sum().backward()
        assert parameters_without_gradient(encoder) == self.unreached

    def test_statistics_are_tensors(self) -> None:
        out = self.build()(self.make_batch({0: 3, 1: 0, 2: 5}))
        assert all(isinstance(value, Tensor) for value in out.aux.values())

    def test_config_survives_a_round_trip(self) -> None:
        plain = json.loads(json.dumps(self.config.to_dict()))
        assert type(self.config).from_dict(plain) == self.config
        assert self.build().config == self.config
        assert self.encoder.config_type is type(self.config)

    def test_weights_survive_a_round_trip(self) -> None:
        saved = save(self.build().state_dict())
        other = self.build()
        with torch.no_grad():
            for parameter in other.parameters():
                parameter.add_(1.0)
        other.load_state_dict(load(saved))
        batch = self.make_batch({0: 3, 1: 0, 2: 5})
        assert torch.equal(other(batch).z_UD, self.build()(batch).z_UD)

    def test_flops_count_events_and_padding(self) -> None:
        encoder = self.build()
        true, executed = encoder.forward_flops(self.make_batch({0: 3, 1: 0, 2: 9}))
        assert 0 < true <= executed
        apart = [encoder.forward_flops(self.make_batch({0: 3}))[0]]
        apart += [encoder.forward_flops(self.make_batch({2: 9}))[0]]
        # Sharing work between users may save some; padding must not be in it.
        assert true <= sum(apart) * (1 + 1e-9)


def assert_near(actual: Tensor, expected: Tensor) -> None:
    """Compare to the tolerance of F4."""
    torch.testing.assert_close(actual, expected, atol=TOLERANCE, rtol=TOLERANCE)


def assert_same_state(module: nn.Module, before: Mapping[str, Tensor]) -> None:
    """Compare weights and buffers bit by bit."""
    changed = [n for n, value in module.state_dict().items() if not torch.equal(value, before[n])]
    assert not changed, f"changed by a forward pass: {changed}"


def parameters_without_gradient(module: nn.Module) -> set[str]:
    """Return the names of trainable parameters whose gradient is missing or zero."""
    return {
        name
        for name, parameter in module.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    }


@contextmanager
def no_chance() -> Iterator[None]:
    """Fail when something inside draws from the global generator."""
    before = torch.get_rng_state()
    yield
    assert torch.equal(torch.get_rng_state(), before), "drew from the global generator"
