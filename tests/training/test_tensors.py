import pytest
import torch
from torch import nn

from habitus.errors import UsageError
from habitus.training import TrainingConfig
from habitus.training.ema import Ema
from habitus.training.optimizer import Optimizers
from habitus.training.tensors import load_state_tensors, load_weights, state_tensors


class Pair(nn.Module):
    """A sparse and a dense table under one weight, so that both optimisers have state."""

    def __init__(self) -> None:
        super().__init__()
        self.sparse = nn.Embedding(6, 3, sparse=True)
        self.dense = nn.Linear(3, 2)
        self.unused = nn.Parameter(torch.ones(2))
        self.seen: torch.Tensor
        self.register_buffer("seen", torch.zeros(()))

    def train_step(self, optimizers: Optimizers, ema: Ema, row: int) -> None:
        optimizers.zero_grad()
        self.dense(self.sparse(torch.tensor([row, 0]))).square().sum().backward()
        optimizers.step()
        ema.update()
        self.seen += 1


def build(kind: str) -> tuple[Pair, Optimizers, Ema]:
    config = TrainingConfig.from_dict({"max_steps": 9, "sparse_optimizer": kind})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = Pair()
    return module, Optimizers(module, config), Ema(module.named_parameters(), 0.5)


@pytest.mark.parametrize("kind", ["row_wise_adagrad", "sparse_adam"])
def test_what_goes_on_from_a_copy_is_what_goes_on(kind: str) -> None:
    module, optimizers, ema = build(kind)
    for row in (1, 2):
        module.train_step(optimizers, ema, row)
    tensors, scalars = state_tensors(module, optimizers, ema)
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}

    other, other_optimizers, other_ema = build(kind)
    load_state_tensors(other, other_optimizers, other_ema, tensors, scalars)
    other_ema.num_updates = ema.num_updates
    for row in (3, 1):
        module.train_step(optimizers, ema, row)
        other.train_step(other_optimizers, other_ema, row)
    ours, _ = state_tensors(module, optimizers, ema)
    theirs, _ = state_tensors(other, other_optimizers, other_ema)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_everything_has_a_name() -> None:
    module, optimizers, ema = build("sparse_adam")
    module.train_step(optimizers, ema, 1)
    tensors, scalars = state_tensors(module, optimizers, ema)
    moments = {
        f"optimizer.adamw.dense.{weight}|{key}"
        for weight in ("weight", "bias")
        for key in ("step", "exp_avg", "exp_avg_sq")
    } | {f"optimizer.sparse.sparse.weight|{key}" for key in ("exp_avg", "exp_avg_sq")}
    weights = {"sparse.weight", "dense.weight", "dense.bias", "unused"}
    assert set(tensors) == (
        {f"model.{name}" for name in {*weights, "seen"}}
        | {f"ema.{name}" for name in weights}
        | moments
    )
    # The one number that SparseAdam keeps as an int.
    assert scalars == {"optimizer.sparse.sparse.weight|step": 1}


def test_what_is_loaded_is_a_copy() -> None:
    module, optimizers, ema = build("row_wise_adagrad")
    module.train_step(optimizers, ema, 1)
    tensors, scalars = state_tensors(module, optimizers, ema)
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    before = {name: tensor.clone() for name, tensor in tensors.items()}
    load_state_tensors(module, optimizers, ema, tensors, scalars)
    module.train_step(optimizers, ema, 2)
    assert all(torch.equal(tensors[name], before[name]) for name in before)


def test_averaged_weights_leave_buffers_as_they_are() -> None:
    module, optimizers, ema = build("row_wise_adagrad")
    module.train_step(optimizers, ema, 1)
    tensors, _ = state_tensors(module, optimizers, ema)
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    load_weights(module, tensors, averaged=True)
    assert torch.equal(module.dense.weight, ema.average["dense.weight"])
    assert module.seen == 1
    load_weights(module, tensors)
    assert torch.equal(module.dense.weight, tensors["model.dense.weight"])


def test_other_weights_are_refused() -> None:
    module, optimizers, ema = build("row_wise_adagrad")
    tensors, _ = state_tensors(module, optimizers, ema)
    with pytest.raises(UsageError, match=r"other weights [\s\S]* train in another folder"):
        load_weights(nn.Linear(2, 2), tensors)
