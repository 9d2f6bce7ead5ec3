import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from habitus.errors import UsageError
from habitus.training import TrainingConfig
from habitus.training.optimizer import Optimizers, parameter_groups

CONFIG = TrainingConfig(max_steps=10)


class Everything(nn.Module):
    """One parameter of every sort."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 4)
        self.sparse_table = nn.Embedding(6, 4, sparse=True)
        self.bag = nn.EmbeddingBag(7, 4)
        self.linear = nn.Linear(4, 4)
        self.norm = nn.LayerNorm(4)
        self.attention = nn.MultiheadAttention(4, 1)
        self.scale = nn.Parameter(torch.ones(()))
        self.tied = nn.Linear(4, 5, bias=False)
        self.tied.weight = self.table.weight
        self.frozen = nn.Linear(4, 4)
        self.frozen.requires_grad_(False)

    def loss(self) -> torch.Tensor:
        row_B = torch.tensor([0, 1, 1])
        x_BD = self.table(row_B) + self.sparse_table(row_B) + self.bag(row_B[:, None])
        x_BD = self.scale * self.norm(self.linear(x_BD))
        x_BD, _ = self.attention(x_BD, x_BD, x_BD)
        total: torch.Tensor = self.tied(self.frozen(x_BD)).square().sum()
        return total


@pytest.fixture
def module() -> Everything:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Everything()


def test_groups_are_complete_and_disjoint(module: Everything) -> None:
    groups = parameter_groups(module)
    grouped = [id(p) for named in groups.values() for _, p in named]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(p) for p in module.parameters() if p.requires_grad}


def test_only_matrices_decay(module: Everything) -> None:
    names = {group: [n for n, _ in named] for group, named in parameter_groups(module).items()}
    assert names == {
        "decay": ["linear.weight", "attention.in_proj_weight", "attention.out_proj.weight"],
        "no_decay": [
            "scale",
            "linear.bias",
            "norm.weight",
            "norm.bias",
            "attention.in_proj_bias",
            "attention.out_proj.bias",
        ],
        "embedding": ["table.weight", "bag.weight"],
        "sparse": ["sparse_table.weight"],
    }


def test_all_but_scalars_decay_where_that_is_asked_for(module: Everything) -> None:
    config = TrainingConfig(max_steps=1, weight_decay=0.1, decay_all=True)
    [adamw] = [o for n, o in Optimizers(module, config).optimizers.items() if n == "adamw"]
    name_of = {id(p): n for n, p in module.named_parameters()}
    decay = {
        name_of[id(p)]: group["weight_decay"]
        for group in adamw.param_groups
        for p in group["params"]
    }
    assert [name for name, value in decay.items() if value == 0] == ["scale"]
    assert {value for name, value in decay.items() if name != "scale"} == {0.1}
    # Norm, biases and tables are among them.
    assert {"norm.weight", "linear.bias", "table.weight", "bag.weight"} <= decay.keys()
    groups = parameter_groups(module, decay_all=True)
    assert [name for name, _ in groups["no_decay"]] == ["scale"]


def test_decay_by_hand() -> None:
    # Without a gradient to follow, AdamW takes weight * (1 - lr * decay).
    linear = nn.Linear(2, 2)
    before = linear.weight.detach().clone(), linear.bias.detach().clone()
    optimizers = Optimizers(
        linear, TrainingConfig(max_steps=1, learning_rate=0.5, weight_decay=0.1)
    )
    for parameter in linear.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizers.step()
    torch.testing.assert_close(linear.weight, before[0] * (1 - 0.5 * 0.1))
    assert torch.equal(linear.bias, before[1])


@pytest.mark.parametrize("kind", ["row_wise_adagrad", "sparse_adam"])
def test_every_trainable_weight_moves_and_no_other(module: Everything, kind: str) -> None:
    config = TrainingConfig.from_dict({"max_steps": 1, "sparse_optimizer": kind})
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    optimizers = Optimizers(module, config)
    torch.autograd.backward(module.loss())
    optimizers.clip()
    optimizers.step()
    still = {n for n, p in module.named_parameters() if torch.equal(p, before[n])}
    assert still == {"frozen.weight", "frozen.bias"}


def test_adamw_is_that_of_torch(module: Everything) -> None:
    # One group each, and no fusing: the slow twin.
    twin = Everything()
    twin.load_state_dict(module.state_dict())
    # The bias of keys has no gradient but noise, which a small eps would blow up to full steps.
    config = TrainingConfig(max_steps=10, eps=1e-3)
    ours = Optimizers(module, config)
    theirs = torch.optim.AdamW(
        [
            {"params": [p], "weight_decay": config.weight_decay if name == "decay" else 0.0}
            for name, named in parameter_groups(twin).items()
            if name != "sparse"
            for _, p in named
        ],
        lr=config.learning_rate,
        eps=config.eps,
        foreach=False,
        fused=False,
    )
    twin.sparse_table.requires_grad_(False)
    for _ in range(5):
        for each in (module, twin):
            each.zero_grad()
            torch.autograd.backward(each.loss())
        module.sparse_table.weight.grad = None
        ours.step()
        theirs.step()
    for (name, mine), other in zip(module.named_parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine, other, msg=name)


def test_groups_have_rates_of_their_own(module: Everything) -> None:
    config = TrainingConfig(
        max_steps=1, learning_rate=0.1, embedding_learning_rate=0.02, sparse_learning_rate=0.05
    )
    optimizers = Optimizers(module, config)
    assert optimizers.set_rate(0.5) == pytest.approx(0.05)
    rates = [[g["lr"] for g in o.param_groups] for o in optimizers.optimizers.values()]
    # decay, no_decay, embedding; then the sparse table
    assert rates == [pytest.approx([0.05, 0.05, 0.01]), pytest.approx([0.025])]
    optimizers.set_rate(1.0)
    assert optimizers.optimizers["adamw"].param_groups[2]["lr"] == pytest.approx(0.02)


@given(st.floats(0.01, 100))
def test_the_gradient_is_clipped_to_its_norm(clip_norm: float) -> None:
    first, second = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))
    module = nn.ParameterList([first, second])
    optimizers = Optimizers(module, TrainingConfig(max_steps=1, clip_norm=clip_norm))
    first.grad, second.grad = torch.tensor([3.0, 4.0]), torch.tensor([12.0])
    # sqrt(9 + 16 + 144) = 13
    assert optimizers.clip().item() == pytest.approx(13.0)
    after = math.hypot(*first.grad.tolist(), *second.grad.tolist())
    assert after == pytest.approx(min(13.0, clip_norm), rel=1e-5)


def test_no_limit_leaves_the_gradient_alone() -> None:
    module = nn.ParameterList([nn.Parameter(torch.zeros(2))])
    optimizers = Optimizers(module, TrainingConfig(max_steps=1, clip_norm=None))
    module[0].grad = torch.tensor([3e6, 4e6])
    assert optimizers.clip().item() == pytest.approx(5e6)
    assert module[0].grad.tolist() == [3e6, 4e6]


def test_sparse_gradients_count_and_are_clipped() -> None:
    embed = nn.Embedding(4, 2, sparse=True)
    optimizers = Optimizers(embed, TrainingConfig(max_steps=1, clip_norm=1.0))
    embed(torch.tensor([1, 1, 3])).sum().backward()
    # Row 1 twice, row 3 once: sqrt(2 * 2² + 2 * 1²) = sqrt(10)
    assert optimizers.clip().item() == pytest.approx(10**0.5)
    assert embed.weight.grad is not None
    dense_VD = embed.weight.grad.to_dense()
    assert dense_VD.norm().item() == pytest.approx(1.0, rel=1e-4)
    assert dense_VD[1, 0].item() == pytest.approx(2 / 10**0.5, rel=1e-4)


def test_only_sparse_tables_need_no_adamw() -> None:
    assert list(Optimizers(nn.Embedding(2, 2, sparse=True), CONFIG).optimizers) == ["sparse"]


def test_nothing_to_train_is_an_error() -> None:
    with pytest.raises(UsageError, match="no parameter requires a gradient"):
        Optimizers(nn.Linear(2, 2).requires_grad_(False), CONFIG)


def test_gradients_are_forgotten(module: Everything) -> None:
    optimizers = Optimizers(module, CONFIG)
    torch.autograd.backward(module.loss())
    optimizers.zero_grad()
    assert all(p.grad is None for p in module.parameters())


def test_tables_train_by_row_wise_adagrad_where_that_is_asked_for(module: Everything) -> None:
    config = TrainingConfig(
        max_steps=1, table_optimizer="row_wise_adagrad", sparse_learning_rate=0.5, clip_norm=None
    )
    optimizers = Optimizers(module, config)
    assert optimizers.names["tables"] == ["table.weight", "bag.weight"]
    before = {name: weight.detach().clone() for name, weight in module.named_parameters()}
    torch.autograd.backward(module.loss())
    grad_VD = module.bag.weight.grad
    assert grad_VD is not None
    optimizers.step()
    # lr · g / sqrt(mean of g² in the row), where there is a gradient at all.
    for row in range(7):
        size = grad_VD[row].square().mean().sqrt()
        moved = 0.5 * grad_VD[row] / size if size > 0 else torch.zeros(4)
        torch.testing.assert_close(module.bag.weight[row], before["bag.weight"][row] - moved)
    assert not torch.equal(module.linear.weight, before["linear.weight"])
    assert "tables" not in Optimizers(module, CONFIG).names
    # One number a row.
    state = optimizers.optimizers["tables"].state[module.bag.weight]
    assert {name: tuple(x.shape) for name, x in state.items()} == {"square_V": (7,)}
