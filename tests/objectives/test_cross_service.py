"""Each option against a loop over pairs; the learned number; prefixes; the fixed pool."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch.nn.functional import gelu, logsigmoid, normalize

from habitus.data.item_pairs import ItemPairBatch
from habitus.encoders import UserEncoder
from habitus.encoders.item_text import ItemTextEncoder
from habitus.errors import UsageError
from habitus.objectives import OBJECTIVES, Loss, Objective
from habitus.objectives.cross_service import CrossService, CrossServiceConfig
from habitus.objectives.split import Peers
from habitus.testing.objectives import ObjectiveContract
from habitus.training.optimizer import parameter_groups
from tests.encoders.item_batches import CONFIG
from tests.objectives.item_pairs import history_pairs, pair_batch, pairs_of, shard
from tests.objectives.threads import together

PLAIN = CrossServiceConfig(scale=2.0)
WIDTH = 4
THREE = [
    {0: [1, 2], 1: [3]},
    {0: [4], 1: [5, 6], 2: [7]},
    {1: [2], 2: [3, 4]},
    {0: [9], 1: [8]},
    {0: [1]},
]
"""Users on two services, on all three, and one without a pair."""
HALVES = pair_batch(
    [(0, 0, [1]), (0, 0, [2]), (1, 0, [3]), (1, 0, [4]), (2, 0, [5]), (2, 1, [6])], 3
)


class TestCrossService(ObjectiveContract):
    # Only slots are compared.
    unreached = frozenset({"encoder.null_user"})
    draws = False
    cross: ClassVar[CrossServiceConfig] = CrossServiceConfig()

    def make(self) -> tuple[UserEncoder, Objective]:
        encoder = ItemTextEncoder(replace(CONFIG, dropout=0.0))
        return encoder, CrossService(self.cross, encoder.slot_dim)

    def make_batch(self, users: Mapping[int, int]) -> ItemPairBatch:
        return pairs_of(users)


class TestSigmoid(TestCrossService):
    cross = CrossServiceConfig(loss="sigmoid")


class TestPrefixesAndSameItems(TestCrossService):
    cross = CrossServiceConfig(matryoshka=(2, 4), same_share=0.5)


class TestWithoutProjection(TestCrossService):
    cross = CrossServiceConfig(projection="none", matryoshka=(2,))


class TestPaperLocal(TestCrossService):
    cross = CrossServiceConfig(paper_local=True, paper_local_users=2)


def objective(config: CrossServiceConfig = PLAIN) -> CrossService:
    torch.manual_seed(0)
    return CrossService(config, WIDTH)


def vectors(batch: ItemPairBatch) -> Tensor:
    z = torch.randn(batch.items.num_slots, WIDTH, generator=torch.Generator().manual_seed(1))
    return z.requires_grad_()


def lose(made: CrossService, batch: ItemPairBatch, z_GE: Tensor | None = None) -> Loss:
    z_GE = vectors(batch) if z_GE is None else z_GE
    return made.loss_of(z_GE, batch, torch.Generator())


def cosines(made: CrossService, z_GE: Tensor, dim: int = WIDTH) -> Tensor:
    """f of a slot whose last numbers are zeros, as eq. 3 writes it."""
    assert made.inner is not None
    assert made.outer is not None
    kept = z_GE * (torch.arange(WIDTH) < dim)
    y_GE = normalize(gelu(kept @ made.inner.weight.T) @ made.outer.weight.T, dim=1)
    return y_GE @ y_GE.T


def candidates(batch: ItemPairBatch, query: int, key: int) -> list[int]:
    """The counterpart, and all slots of other users on its service."""
    users, services = batch.items.slot_user_G.tolist(), batch.items.slot_service_G.tolist()
    others = [
        g for g in range(len(users)) if users[g] != users[query] and services[g] == services[key]
    ]
    return [key, *others]


def by_loop(
    made: CrossService,
    batch: ItemPairBatch,
    z_GE: Tensor,
    *,
    kind: str = "softmax",
    dim: int = WIDTH,
) -> Tensor:
    """Eq. 4: the mean over users of the mean over their pairs, both ways."""
    logit_GG = made.scale * cosines(made, z_GE, dim)
    per_user: dict[int, list[Tensor]] = {}
    for user, pair in zip(batch.pair_user_B.tolist(), batch.pair_B2.tolist(), strict=True):
        for query, key in (pair, pair[::-1]):
            row = logit_GG[query, candidates(batch, query, key)]
            if kind == "softmax":
                loss = -(row[0] - row.exp().sum().log())
            else:
                assert made.bias is not None
                label = torch.full_like(row, -1)
                label[0] = 1
                loss = -logsigmoid(label * (row + made.bias)).sum()
            per_user.setdefault(user, []).append(loss)
    return torch.stack([torch.stack(losses).mean() for losses in per_user.values()]).mean()


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
@pytest.mark.parametrize("batch", [history_pairs(THREE), HALVES, pairs_of({0: 8, 2: 13, 3: 5})])
def test_loss_and_gradient_by_a_loop(batch: ItemPairBatch, kind: str) -> None:
    made = objective(CrossServiceConfig(scale=2.0, loss=kind, bias=-1.0))  # type: ignore[arg-type]
    z_GE = vectors(batch)
    loss = lose(made, batch, z_GE)
    expected = by_loop(made, batch, z_GE, kind=kind)
    torch.testing.assert_close(loss.total, expected)
    weights = [z_GE, *made.parameters()]
    found = torch.autograd.grad(loss.total, weights)
    for mine, theirs in zip(found, torch.autograd.grad(expected, weights), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=1e-5)


def test_two_services_that_all_use_are_eq_4_of_the_paper() -> None:
    batch = pairs_of({0: 8, 2: 13, 3: 5, 7: 4})
    z_GE, made = vectors(batch), objective()
    a_B, b_B = batch.pair_B2.unbind(1)
    logit_BB = made.scale * cosines(made, z_GE)[a_B][:, b_B]
    own_B = torch.arange(4)
    both = [torch.nn.functional.cross_entropy(m, own_B) for m in (logit_BB, logit_BB.T)]
    torch.testing.assert_close(lose(made, batch, z_GE).total, (both[0] + both[1]) / 2)


def test_parts_say_how_well_users_are_told_apart() -> None:
    batch = pairs_of({0: 8, 2: 13, 3: 5})
    z_GE, made = vectors(batch), objective()
    loss = lose(made, batch, z_GE)
    assert set(loss.parts) == {"cross_service", "cross_service_r1", "cross_service_gain"}
    assert {count.item() for count in loss.counts.values()} == {3}
    cosine_GG, right = cosines(made, z_GE), []
    for query, key in [*batch.pair_B2.tolist(), *batch.pair_B2.flip(1).tolist()]:
        near = max(candidates(batch, query, key), key=lambda g: cosine_GG[query, g].item())
        right.append(near == key)
    assert 0 < sum(right) < 6
    assert loss.parts["cross_service_r1"].item() == pytest.approx(sum(right) / 6)
    # Each query has three candidates.
    gain = math.log(3) - loss.total.item()
    assert loss.parts["cross_service_gain"].item() == pytest.approx(gain, abs=1e-6)


def test_slots_alike_gain_nothing() -> None:
    batch = history_pairs(THREE)
    loss = lose(objective(), batch, torch.ones(batch.items.num_slots, WIDTH))
    assert loss.parts["cross_service_gain"].item() == pytest.approx(0, abs=1e-6)


def test_who_met_the_same_items_is_no_negative() -> None:
    # Users 0 and 1 met two of three items on service 1, users 0 and 2 one of three.
    histories = [{0: [1], 1: [5, 6]}, {0: [2], 1: [7, 6, 5]}, {0: [3], 1: [5, 8]}]
    batch, made = history_pairs(histories), objective(replace(PLAIN, same_share=0.5))
    z_GE = vectors(batch)
    row = {(u, s): g for g, (u, s) in enumerate(zip(*_owners(batch), strict=True))}
    logit_GG = made.scale * cosines(made, z_GE)
    losses = []
    for query, key, others in (
        ((0, 0), (0, 1), [(2, 1)]),
        ((1, 0), (1, 1), [(2, 1)]),
        ((2, 0), (2, 1), [(0, 1), (1, 1)]),
        ((0, 1), (0, 0), [(1, 0), (2, 0)]),
        ((1, 1), (1, 0), [(0, 0), (2, 0)]),
        ((2, 1), (2, 0), [(0, 0), (1, 0)]),
    ):
        seen = logit_GG[row[query], [row[key], *(row[other] for other in others)]]
        losses.append(-seen.log_softmax(0)[0])
    torch.testing.assert_close(lose(made, batch, z_GE).total, torch.stack(losses).mean())
    # Two of three is no more than two thirds.
    strict = objective(replace(PLAIN, same_share=2 / 3))
    torch.testing.assert_close(
        lose(strict, batch, z_GE).total, lose(objective(), batch, z_GE).total
    )


def _owners(batch: ItemPairBatch) -> tuple[list[int], list[int]]:
    return batch.items.slot_user_G.tolist(), batch.items.slot_service_G.tolist()


def test_prefixes_add_their_own_losses() -> None:
    batch = history_pairs(THREE)
    made, z_GE = objective(replace(PLAIN, matryoshka=(1, 3))), vectors(batch)
    loss = lose(made, batch, z_GE)
    expected = {dim: by_loop(made, batch, z_GE, dim=dim) for dim in (1, 3, 4)}
    torch.testing.assert_close(loss.total, torch.stack(list(expected.values())).sum())
    for dim, name in ((1, "cross_service_1"), (3, "cross_service_3"), (4, "cross_service")):
        torch.testing.assert_close(loss.parts[name], expected[dim].detach())


def test_the_gradient_of_the_paper_is_that_of_ones_own_block() -> None:
    batch = pairs_of({0: 8, 2: 13, 3: 5, 7: 4, 9: 6})
    z_GE, plain = vectors(batch), objective()
    made = objective(replace(PLAIN, paper_local=True, paper_local_users=2))
    loss = lose(made, batch, z_GE)
    torch.testing.assert_close(loss.total, lose(plain, batch, z_GE).total)
    # As C17 has it: one process for each block, the slots of the others given and not learned.
    block_G = batch.items.slot_user_G // 2
    expected = torch.zeros_like(z_GE)
    for block in range(3):
        mine_G1 = (block_G == block)[:, None]
        shared = torch.where(mine_G1, z_GE, z_GE.detach())
        own = batch.pair_user_B // 2 == block
        logit_GG = plain.scale * cosines(plain, shared)
        for pair in batch.pair_B2[own].tolist():
            for query, key in (pair, pair[::-1]):
                row = logit_GG[query, candidates(batch, query, key)]
                expected += torch.autograd.grad(
                    -row.log_softmax(0)[0] / 10, z_GE, retain_graph=True
                )[0]
    (found,) = torch.autograd.grad(loss.total, z_GE)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    (whole,) = torch.autograd.grad(lose(plain, batch, z_GE).total, z_GE)
    assert not torch.allclose(found, whole, atol=1e-4)


@pytest.mark.parametrize(
    "config",
    [
        PLAIN,
        replace(PLAIN, matryoshka=(2,), same_share=0.2),
        CrossServiceConfig(loss="sigmoid", bias=-1.0),
    ],
)
def test_the_mean_over_processes_is_one_process(config: CrossServiceConfig) -> None:
    batch = history_pairs([*THREE, *THREE[1:3]])
    z_GE, made = vectors(batch), objective(config)
    # One of them has nobody with a pair.
    shards = [shard(batch, users) for users in ([0, 1, 2], [4], [3, 5, 6])]

    def lose_with(peers: Peers) -> Loss:
        part, slot_G = shards[peers.rank]
        return made.loss_of(z_GE[slot_G], part, torch.Generator(), peers)

    losses, whole = together(3, lose_with), lose(made, batch, z_GE)
    total = torch.stack([loss.total for loss in losses]).mean()
    torch.testing.assert_close(total, whole.total)
    weights = [z_GE, *made.parameters()]
    found = torch.autograd.grad(total, weights)
    for mine, theirs in zip(found, torch.autograd.grad(whole.total, weights), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=1e-5)
    assert [int(loss.counts["cross_service"]) for loss in losses] == [3, 0, 3]
    for name, part in whole.parts.items():
        mean = sum(3 * loss.parts[name] for loss in (losses[0], losses[2])) / 6
        torch.testing.assert_close(torch.as_tensor(mean), part)


def test_the_gradient_of_the_paper_between_processes() -> None:
    # As if two real processes were two blocks of users of one.
    batch = pairs_of({0: 8, 2: 13, 3: 5, 7: 4})
    z_GE, made = vectors(batch), objective(replace(PLAIN, paper_local=True))
    shards = [shard(batch, users) for users in ([0, 1], [2, 3])]

    def lose_with(peers: Peers) -> Tensor:
        part, slot_G = shards[peers.rank]
        return made.loss_of(z_GE[slot_G], part, torch.Generator(), peers).total

    found = torch.autograd.grad(torch.stack(together(2, lose_with)).mean(), z_GE)
    blocks = objective(replace(PLAIN, paper_local=True, paper_local_users=2))
    torch.testing.assert_close(found, torch.autograd.grad(lose(blocks, batch, z_GE).total, z_GE))


def test_one_process_is_one_block() -> None:
    batch = history_pairs(THREE)
    z_GE = vectors(batch)
    local = lose(objective(replace(PLAIN, paper_local=True)), batch, z_GE).total
    (found,) = torch.autograd.grad(local, z_GE)
    (whole,) = torch.autograd.grad(lose(objective(), batch, z_GE).total, z_GE)
    torch.testing.assert_close(found, whole)


def test_the_number_begins_at_14_27_and_comes_back_from_its_bound() -> None:
    made = CrossService(CrossServiceConfig(), WIDTH)
    assert made.scale.item() == pytest.approx(14.27)
    assert CrossService(CrossServiceConfig(loss="sigmoid"), WIDTH).scale.item() == pytest.approx(10)
    with torch.no_grad():
        made.theta.fill_(math.log(100) + 0.5)
    assert made.scale.item() == pytest.approx(100)
    (up,) = torch.autograd.grad(-made.scale, made.theta)
    (down,) = torch.autograd.grad(made.scale, made.theta)
    assert up.item() == 0
    assert down.item() == pytest.approx(100)
    optimizer = torch.optim.SGD([made.theta], lr=0.1)
    for sign, steps in ((-1, 5), (1, 1)):
        for _ in range(steps):
            optimizer.zero_grad()
            torch.autograd.backward(sign * made.scale)
            optimizer.step()
        assert made.scale.item() <= 100.001
    assert made.scale.item() < 1


def test_the_number_and_the_bias_do_not_decay() -> None:
    made = CrossService(CrossServiceConfig(loss="sigmoid"), WIDTH)
    names = {group: {name for name, _ in named} for group, named in parameter_groups(made).items()}
    assert names["no_decay"] == {"theta", "bias"}
    assert names["decay"] == {"inner.weight", "outer.weight"}


def test_a_zero_slot_has_a_finite_gradient() -> None:
    batch = history_pairs(THREE)
    z_GE = torch.zeros(batch.items.num_slots, WIDTH, requires_grad=True)
    with torch.autograd.set_detect_anomaly(True, check_nan=True):
        torch.autograd.backward(lose(objective(), batch, z_GE).total)
    assert z_GE.grad is not None
    assert z_GE.grad.isfinite().all()


def test_the_pool_is_plain_infonce_whatever_the_options() -> None:
    torch.manual_seed(0)
    encoder = ItemTextEncoder(CONFIG).eval()
    batch = history_pairs(THREE)
    options = CrossServiceConfig(loss="sigmoid", scale=2.0, matryoshka=(2,), same_share=0.1)
    made, plain = CrossService(options, 8), CrossService(PLAIN, 8)
    plain.load_state_dict({n: v for n, v in made.state_dict().items() if n != "bias"})
    with torch.no_grad():
        expected = plain(encoder, batch, torch.Generator())
        found = made.on_pool(encoder, batch, size=10)
    torch.testing.assert_close(found.total, expected.total)
    for name in ("", "_r1", "_gain"):
        torch.testing.assert_close(
            found.parts["pool" + name], expected.parts["cross_service" + name]
        )
    assert set(found.parts) == {"pool", "pool_r1", "pool_gain"}
    empty = made.on_pool(encoder, history_pairs([{}]))
    assert empty.total.item() == empty.counts["pool"].item() == 0


def test_operations_by_hand() -> None:
    # Users on 0 and 1 (twice), on all three, and on 1 and 2: slots 3, 4 and 2.
    batch = history_pairs(THREE)
    torch.manual_seed(0)
    encoder = ItemTextEncoder(replace(CONFIG, num_services=3))
    true, executed = encoder.forward_flops(batch.items)
    # Queries by the service of their counterpart: 0: 2 + 2, 1: 2 + 2 + 1, 2: 2 + 1.
    cells = 3 * 4 + 4 * 5 + 2 * 3
    more = 2 * 9 * (8 * 8 + 8 * 8) + 2 * cells * 8
    assert CrossService(PLAIN, 8).forward_flops(encoder, batch) == (true + more, executed + more)
    two = CrossService(replace(PLAIN, matryoshka=(3,)), 8).forward_flops(encoder, batch)
    assert two[0] == true + more + 2 * 9 * (3 * 8 + 8 * 8) + 2 * cells * 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": 0}, "scale must be above 0"),
        ({"scale": 101}, "scale must be at most 100.0, got 101"),
        ({"max_scale": -1}, "max_scale must be above 0"),
        ({"same_share": 1.0}, "same_share must be in"),
        ({"matryoshka": (4, 2)}, "matryoshka must ascend"),
        ({"matryoshka": (0, 2)}, "matryoshka must ascend"),
        ({"paper_local_users": 0}, "paper_local_users must be at least 1"),
    ],
)
def test_settings_out_of_range(changes: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CrossServiceConfig(**changes)


def test_prefixes_are_narrower_than_a_slot() -> None:
    with pytest.raises(UsageError, match="below the width of a slot, 4, got"):
        CrossService(CrossServiceConfig(matryoshka=(2, 4)), 4)


def test_it_is_in_the_table() -> None:
    assert OBJECTIVES["cross_service"] is CrossService


def test_without_a_projection_slots_are_compared_as_they_are() -> None:
    plain = objective(CrossServiceConfig(projection="none", matryoshka=(2,)))
    assert [name for name, _ in plain.named_parameters()] == ["theta"]
    z_GE = torch.randn(3, WIDTH)
    torch.testing.assert_close(plain.project(z_GE, WIDTH), normalize(z_GE, dim=1))
    # A prefix is as wide as the whole, so that all can be gathered at once; zeros change nothing.
    row_GE = plain._row(z_GE, 2)
    torch.testing.assert_close(row_GE[:, :2], normalize(z_GE[:, :2], dim=1))
    assert not row_GE[:, 2:].any()
    both = objective(CrossServiceConfig(matryoshka=(2,)))
    encoder = ItemTextEncoder(replace(CONFIG, dropout=0.0))
    batch = history_pairs(THREE)
    flops = [made.forward_flops(encoder, batch)[0] for made in (both, plain)]
    # f of 2 numbers and of 4: 2 (2 · 4 + 4 · 4) + 2 (4 · 4 + 4 · 4) operations a slot.
    assert flops[0] - flops[1] == batch.items.num_slots * (2 * (8 + 16) + 2 * (16 + 16))
