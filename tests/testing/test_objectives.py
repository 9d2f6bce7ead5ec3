"""The contract is tried: it must pass what is right and catch what is wrong."""

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import nn

from habitus.encoders import UserEncoder
from habitus.objectives import Loss
from habitus.testing.objectives import ObjectiveContract
from tests.training.toy import (
    ToyBatch,
    ToyEncoder,
    ToyObjective,
    ToyObjectiveConfig,
    toy_batch,
    toy_modules,
)


class TestToyObjective(ObjectiveContract):
    # Who has no events has none to predict either.
    unreached = frozenset({"encoder.no_events"})

    def make(self) -> tuple[ToyEncoder, ToyObjective]:
        return toy_modules()

    def make_batch(self, users: Mapping[int, int]) -> ToyBatch:
        return toy_batch(users)


class Broken(ToyObjective):
    """The toy, to be broken in one place each."""

    def forward(self, encoder: UserEncoder, batch: ToyBatch, generator: torch.Generator) -> Loss:
        return self.spoil(super().forward(encoder, batch, generator))

    def spoil(self, loss: Loss) -> Loss:
        return loss


class Detached(Broken):
    def spoil(self, loss: Loss) -> Loss:
        return loss._replace(total=loss.total.detach())


class Rowwise(Broken):
    def spoil(self, loss: Loss) -> Loss:
        return loss._replace(total=loss.total[None])


class Uncounted(Broken):
    def spoil(self, loss: Loss) -> Loss:
        return loss._replace(counts={})


class Attached(Broken):
    def spoil(self, loss: Loss) -> Loss:
        return loss._replace(parts={"code": loss.total})


class Careless(ToyObjective):
    """Draws from the global generator."""

    def forward(self, encoder: UserEncoder, batch: ToyBatch, generator: torch.Generator) -> Loss:
        return super().forward(encoder, batch, torch.Generator().manual_seed(int(torch.rand(()))))


class Deaf(ToyObjective):
    """Does not ask its generator."""

    def forward(self, encoder: UserEncoder, batch: ToyBatch, generator: torch.Generator) -> Loss:
        return super().forward(encoder, batch, torch.Generator().manual_seed(1))


class Dividing(Broken):
    """Has 0/0 where there is nothing to predict."""

    def spoil(self, loss: Loss) -> Loss:
        return loss._replace(total=loss.total / (loss.counts["code"] > 0))


class Remembering(Broken):
    """Keeps its loss, as some mixtures of experts do."""

    def __init__(self, config: ToyObjectiveConfig, width: int = 8) -> None:
        super().__init__(config, width)
        self.register_buffer("last", torch.zeros(()))

    def spoil(self, loss: Loss) -> Loss:
        self.last = loss.total.detach()
        return loss


class Idle(Broken):
    """Has a weight that does nothing."""

    def __init__(self, config: ToyObjectiveConfig, width: int = 8) -> None:
        super().__init__(config, width)
        self.idle = nn.Parameter(torch.ones(3))


class Rising(Broken):
    """Is maximised."""

    def spoil(self, loss: Loss) -> Loss:
        return loss._replace(total=-loss.total)


class Free(Broken):
    """Costs nothing, it says."""

    def forward_flops(self, encoder: UserEncoder, batch: ToyBatch) -> tuple[float, float]:
        return 0.0, 0.0


@pytest.mark.parametrize(
    ("objective", "test"),
    [
        (Detached, ObjectiveContract.test_the_total_is_a_finite_scalar_with_a_gradient),
        (Rowwise, ObjectiveContract.test_the_total_is_a_finite_scalar_with_a_gradient),
        (Uncounted, ObjectiveContract.test_every_part_is_a_finite_number_with_a_count),
        (Attached, ObjectiveContract.test_every_part_is_a_finite_number_with_a_count),
        (Careless, ObjectiveContract.test_chance_comes_from_the_generator_alone),
        (Deaf, ObjectiveContract.test_chance_comes_from_the_generator_alone),
        (Dividing, ObjectiveContract.test_nothing_to_predict_is_no_error),
        (Remembering, ObjectiveContract.test_no_state_is_kept_in_the_modules),
        (Idle, ObjectiveContract.test_every_parameter_learns),
        (Free, ObjectiveContract.test_flops_count_events_and_padding),
    ],
    ids=lambda value: value.__name__,
)
def test_a_broken_promise_is_caught(
    objective: type[ToyObjective], test: Callable[..., None]
) -> None:
    class Heir(TestToyObjective):
        def make(self) -> tuple[ToyEncoder, ToyObjective]:
            return toy_modules()[0], objective(ToyObjectiveConfig())

    with pytest.raises(AssertionError):
        getattr(Heir(), test.__name__)()


def test_a_loss_that_cannot_fall_is_caught() -> None:
    class Frozen(TestToyObjective):
        def make(self) -> tuple[ToyEncoder, ToyObjective]:
            encoder, objective = toy_modules()
            return encoder.requires_grad_(False), objective.requires_grad_(False)

    with pytest.raises((AssertionError, RuntimeError)):
        Frozen().test_the_loss_of_one_batch_falls()


def test_an_objective_that_draws_nothing_says_so() -> None:
    class Heir(TestToyObjective):
        draws = False

        def make(self) -> tuple[ToyEncoder, ToyObjective]:
            return toy_modules()[0], Deaf(ToyObjectiveConfig())

    Heir().test_chance_comes_from_the_generator_alone()
    with pytest.raises(NotImplementedError):
        ObjectiveContract().make()
    with pytest.raises(NotImplementedError):
        ObjectiveContract().make_batch({0: 1})
