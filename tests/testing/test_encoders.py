"""The contract is tried: it must pass what is right and catch what is wrong."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import nn

from habitus.encoders import Representation
from habitus.testing.encoders import EncoderContract
from tests.training.toy import ToyBatch, ToyEncoder, ToyEncoderConfig, toy_batch


class TestToyEncoder(EncoderContract):
    encoder = ToyEncoder
    config = ToyEncoderConfig()

    def make_batch(self, users: Mapping[int, int]) -> ToyBatch:
        return toy_batch(users)


class Leaky(ToyEncoder):
    """Knows the mean of the batch."""

    def forward(self, batch: ToyBatch) -> Representation:
        out = super().forward(batch)
        return out._replace(z_UD=out.z_UD - out.z_UD.mean(dim=0))


class Ordered(ToyEncoder):
    """Knows a user's place in the batch."""

    def forward(self, batch: ToyBatch) -> Representation:
        out = super().forward(batch)
        return out._replace(z_UD=out.z_UD + torch.arange(batch.num_users)[:, None])


class Normalised(ToyEncoder):
    """Keeps running statistics of the batches."""

    def __init__(self, config: ToyEncoderConfig) -> None:
        super().__init__(config)
        self.over_batch = nn.BatchNorm1d(config.width)

    def forward(self, batch: ToyBatch) -> Representation:
        out = super().forward(batch)
        return out._replace(z_UD=self.over_batch(out.z_UD))


class Dividing(ToyEncoder):
    """Has no answer for a user without events."""

    def forward(self, batch: ToyBatch) -> Representation:
        out = super().forward(batch)
        events_U = torch.bincount(batch.user_L, minlength=batch.num_users)
        return out._replace(z_UD=out.z_UD / events_U[:, None])


class Sure(ToyEncoder):
    """Says that every user has events."""

    def forward(self, batch: ToyBatch) -> Representation:
        out = super().forward(batch)
        return out._replace(mask_U=torch.ones_like(out.mask_U))


class Random(ToyEncoder):
    """Draws when it encodes."""

    def forward(self, batch: ToyBatch) -> Representation:
        out = super().forward(batch)
        return out._replace(z_UD=out.z_UD + 1e-9 * torch.rand_like(out.z_UD))


class Constant(ToyEncoder):
    """Has one answer for all."""

    def forward(self, batch: ToyBatch) -> Representation:
        out = super().forward(batch)
        return out._replace(z_UD=torch.ones_like(out.z_UD) * self.no_events)


class Idle(ToyEncoder):
    """Has a weight that does nothing."""

    def __init__(self, config: ToyEncoderConfig) -> None:
        super().__init__(config)
        self.idle = nn.Parameter(torch.ones(3))


class Wide(ToyEncoder):
    """Says the wrong width."""

    @property
    def representation_dim(self) -> int:
        return self.config.width + 1


class Remembering(ToyEncoder):
    """Keeps state between calls."""

    def __init__(self, config: ToyEncoderConfig) -> None:
        super().__init__(config)
        self.calls: torch.Tensor
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, batch: ToyBatch) -> Representation:
        self.calls += 1
        return super().forward(batch)


class Bragging(ToyEncoder):
    """Executes less than is true."""

    def forward_flops(self, batch: ToyBatch) -> tuple[float, float]:
        true, executed = super().forward_flops(batch)
        return executed, true


def catches(encoder: type[ToyEncoder], test: Callable[..., None]) -> None:
    """Run one test of the contract on an encoder and expect it to fail."""

    class Heir(EncoderContract):
        config = ToyEncoderConfig()

        def make_batch(self, users: Mapping[int, int]) -> Any:
            return toy_batch(users)

    Heir.encoder = encoder
    with pytest.raises(AssertionError):
        getattr(Heir(), test.__name__)()


@pytest.mark.parametrize(
    ("encoder", "test"),
    [
        (Leaky, EncoderContract.test_a_user_is_not_changed_by_its_neighbours_in_the_batch),
        (Leaky, EncoderContract.test_an_empty_user_is_not_changed_by_its_neighbours),
        (Ordered, EncoderContract.test_order_of_users_is_order_of_rows),
        (Normalised, EncoderContract.test_no_layer_normalises_over_the_batch),
        (Normalised, EncoderContract.test_training_keeps_no_state_in_the_module),
        (Dividing, EncoderContract.test_returns_one_finite_row_per_user),
        (Dividing, EncoderContract.test_a_batch_of_empty_users_is_finite),
        (Sure, EncoderContract.test_the_mask_tells_who_has_events),
        (Random, EncoderContract.test_encoding_is_pure),
        (Constant, EncoderContract.test_different_histories_have_different_rows),
        (Idle, EncoderContract.test_every_parameter_learns),
        (Wide, EncoderContract.test_returns_one_finite_row_per_user),
        (Remembering, EncoderContract.test_training_keeps_no_state_in_the_module),
        (Bragging, EncoderContract.test_flops_count_events_and_padding),
    ],
    ids=lambda value: value.__name__,
)
def test_a_broken_promise_is_caught(encoder: type[ToyEncoder], test: Callable[..., None]) -> None:
    catches(encoder, test)


def test_an_exception_that_is_not_needed_is_caught() -> None:
    class Heir(TestToyEncoder):
        unreached = frozenset({"hidden.weight"})

    with pytest.raises(AssertionError):
        Heir().test_every_parameter_learns()


def test_a_batch_has_to_be_made() -> None:
    with pytest.raises(NotImplementedError):
        EncoderContract().make_batch({0: 1})
