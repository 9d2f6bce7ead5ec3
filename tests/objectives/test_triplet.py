"""Eq. 5-8 by hand, against loops and torch's own loss; and what has no weight is not there."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from habitus.data.relation_batches import RelationBatch, relation_batch
from habitus.data.relations import Material
from habitus.encoders import UserEncoder
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.encoders.text_graph import TextGraphEncoder
from habitus.errors import UsageError
from habitus.objectives import OBJECTIVES, Loss, Objective
from habitus.objectives.triplet import Triplet, TripletConfig, aggregate
from habitus.testing.objectives import ObjectiveContract
from tests.encoders import text_graphs
from tests.encoders.sequences import CONFIG, make_batch
from tests.objectives.given import (
    MATERIAL,
    Given,
    batch_of,
    long,
    lose,
    same_bits,
    train,
)

INTER, INTRA = TripletConfig(alpha=1), TripletConfig(alpha=0)
BOTH = TripletConfig()


class TestTriplet(ObjectiveContract):
    # Whoever has no event is in no triple here.
    unreached = frozenset({"encoder.no_events"})
    draws = False
    # Margins that no triple of untrained weights is beyond; and a sum, since distances of means do
    # not feel the encoder's last bias.
    triplet: ClassVar[TripletConfig] = replace(
        BOTH, inter_margin=5, intra_margin=5, aggregate="sum"
    )

    def make(self) -> tuple[UserEncoder, Objective]:
        # An encoder of events, not of text: any encoder can be trained by relations.
        return ChannelTransformer(replace(CONFIG, dropout=0.0)), Triplet(self.triplet)

    def make_batch(self, users: Mapping[int, int]) -> RelationBatch:
        rows = [row for row, length in enumerate(users.values()) if length]
        if len(rows) < 3:
            return relation_batch(make_batch(users))
        a, b, c = rows[:3]
        return relation_batch(
            make_batch(users),
            inter_B3=long([[a, b, c], [c, a, b]]),
            member_M=long([a, b, b, c, c]),
            subgraph_ptr_G1=long([0, 2, 4, 5]),
            intra_B3=long([[0, 1, 2]]),
        )


class TestTextGraphs(TestTriplet):
    unreached = frozenset({"encoder.null_user"})

    def make(self) -> tuple[UserEncoder, Objective]:
        return TextGraphEncoder(text_graphs.CONFIG), Triplet(self.triplet)

    def make_batch(self, users: Mapping[int, int]) -> RelationBatch:
        return replace(super().make_batch(users), graphs=text_graphs.make_batch(users))


class TestIntra(TestTriplet):
    triplet = replace(INTRA, intra_margin=5, aggregate="sum")


# 0 and 1 are 5 apart (3, 4), 0 and 2 are 13 (5, 12), 1 and 2 are √(2² + 8²) = √68.
POINTS = [[0.0, 0.0], [3.0, 4.0], [5.0, 12.0]]


def test_a_triple_by_hand() -> None:
    encoder = Given(POINTS)
    batch = batch_of(3, inter_B3=[[0, 1, 2], [0, 2, 1]])
    loss = lose(Triplet(INTER), encoder, batch)
    # [5 - 13 + 1]₊ = 0 and [13 - 5 + 1]₊ = 9; their mean is 4.5. One of the two is right.
    assert loss.total.item() == pytest.approx(4.5)
    assert loss.parts["inter"].item() == pytest.approx(4.5)
    assert loss.parts["inter_accuracy"].item() == 0.5
    assert {name: count.item() for name, count in loss.counts.items()} == {
        "inter": 2,
        "inter_accuracy": 2,
    }


def test_both_parts_by_hand() -> None:
    # Subgraphs {0, 1}, {1}, {2}: means (1.5, 2), (3, 4), (5, 12).
    batch = batch_of(
        3,
        inter_B3=[[0, 2, 1]],
        member_M=[0, 1, 1, 2],
        subgraph_ptr_G1=[0, 2, 3, 4],
        intra_B3=[[0, 2, 1]],
    )
    near, far = math.hypot(3.5, 10), math.hypot(1.5, 2)
    loss = lose(Triplet(replace(BOTH, alpha=0.25, intra_margin=2)), Given(POINTS), batch)
    # ¼ · (13 - 5 + 1) + ¾ · (√112.25 - 2.5 + 2).
    assert loss.total.item() == pytest.approx(0.25 * 9 + 0.75 * (near - far + 2))
    assert loss.parts["intra"].item() == pytest.approx(near - far + 2)
    assert loss.parts["intra_accuracy"].item() == 0


def random_points(rows: int, dim: int = 5, seed: int = 0) -> Tensor:
    return torch.randn(rows, dim, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("margin", [0.3, 1.0])
def test_it_is_the_loss_of_torch(margin: float) -> None:
    z_RD = random_points(30)
    triple_B3 = torch.randint(30, (200, 3), generator=torch.Generator().manual_seed(1))
    # Equal rows are 0 apart here; torch adds eps to each difference.
    triple_B3 = triple_B3[
        (triple_B3[:, 0] != triple_B3[:, 1]) & (triple_B3[:, 0] != triple_B3[:, 2])
    ]
    oracle = nn.TripletMarginLoss(margin=margin, eps=0)(*(z_RD[triple_B3[:, k]] for k in range(3)))
    batch = batch_of(30, inter_B3=triple_B3.tolist())
    found = lose(Triplet(replace(INTER, inter_margin=margin)), Given(z_RD.tolist()), batch)
    assert found.total.item() == pytest.approx(oracle.item(), rel=1e-6)


@pytest.mark.parametrize("how", ["mean", "sum", "max"])
def test_an_aggregate_is_that_of_a_loop(how: Any) -> None:
    z_RD = random_points(9).requires_grad_()
    member_M, ptr_G1 = long([0, 3, 8, 3, 5, 5, 1]), long([0, 3, 3, 4, 7])
    found_GD = aggregate(z_RD, member_M, ptr_G1, how)
    plain = []
    for start, stop in zip(ptr_G1[:-1].tolist(), ptr_G1[1:].tolist(), strict=True):
        rows_MD = z_RD[member_M[start:stop]]
        if start == stop:
            plain.append(torch.zeros(5))
        else:
            plain.append(rows_MD.amax(0) if how == "max" else getattr(rows_MD, how)(0))
    torch.testing.assert_close(found_GD, torch.stack(plain))
    gradients = [
        torch.autograd.grad(a.square().sum(), z_RD)[0] for a in (found_GD, torch.stack(plain))
    ]
    torch.testing.assert_close(*gradients)


def test_equal_users_have_a_gradient_of_nothing_not_of_nan() -> None:
    encoder = Given([[1.0, 2.0], [1.0, 2.0], [4.0, 6.0]])
    loss = lose(Triplet(INTER), encoder, batch_of(3, inter_B3=[[0, 1, 2], [0, 0, 1]]))
    # [0 - 5 + 1]₊ = 0 and [0 - 0 + 1]₊ = 1.
    assert loss.total.item() == 0.5
    # Nothing is near than something that is just as near.
    assert loss.parts["inter_accuracy"].item() == 0.5
    torch.autograd.backward(loss.total)
    assert encoder.z_RD.grad is not None
    assert encoder.z_RD.grad.eq(0).all()


@pytest.mark.parametrize("how", ["mean", "sum", "max"])
def test_who_is_encoded_once_loses_as_if_encoded_each_time(how: Any) -> None:
    z_UD = random_points(6)
    inter_B3 = [[0, 1, 2], [1, 0, 3], [0, 4, 2]]
    members, ptr, intra_B3 = [0, 1, 5, 0, 2, 3, 3, 4], [0, 2, 3, 5, 6, 7, 8], [[0, 1, 2], [3, 4, 5]]
    once = Given(z_UD.tolist())
    relations: dict[str, Any] = {"subgraph_ptr_G1": ptr, "intra_B3": intra_B3}
    objective = Triplet(replace(BOTH, aggregate=how, inter_margin=5, intra_margin=5))
    few = lose(objective, once, batch_of(6, inter_B3=inter_B3, member_M=members, **relations))
    # The twin has a row for each mention.
    mentions = [user for row in inter_B3 for user in row] + members
    each = Given(z_UD[mentions].tolist())
    rows = torch.arange(len(mentions))
    many = lose(
        objective,
        each,
        batch_of(
            len(mentions),
            inter_B3=rows[:9].view(3, 3).tolist(),
            member_M=rows[9:].tolist(),
            **relations,
        ),
    )
    torch.testing.assert_close(few.total, many.total)
    torch.autograd.backward(few.total)
    torch.autograd.backward(many.total)
    assert once.z_RD.grad is not None
    assert each.z_RD.grad is not None
    summed_UD = torch.zeros_like(z_UD).index_add_(0, long(mentions), each.z_RD.grad)
    torch.testing.assert_close(once.z_RD.grad, summed_UD)


class OnePart(Objective):
    """Eq. 5 or eq. 6 alone, written again: what is left without the other."""

    name = "one_part"

    def __init__(self, part: str) -> None:
        super().__init__()
        self.part, self.config = part, BOTH

    def forward(
        self, encoder: UserEncoder, batch: RelationBatch, generator: torch.Generator
    ) -> Loss:
        z_RD, triple_B3 = encoder(batch.graphs).z_UD, batch.inter_B3
        if self.part == "intra":
            bag = nn.functional.embedding_bag
            z_RD = bag(batch.member_M, z_RD, batch.subgraph_ptr_G1[:-1], mode="mean")
            triple_B3 = batch.intra_B3
        a, p, n = (z_RD[triple_B3[:, k]] for k in range(3))
        loss_B = ((a - p).norm(dim=1) - (a - n).norm(dim=1) + 1).clamp(min=0)
        total = loss_B.sum() / len(loss_B)
        return Loss(total, {"part": total.detach()}, {"part": torch.tensor(1)})

    def forward_flops(self, encoder: UserEncoder, batch: RelationBatch) -> tuple[float, float]:
        return 0.0, 0.0


def test_alpha_1_is_training_without_intra_bit_by_bit(tmp_path: Path) -> None:
    objective = Triplet(INTER)
    encoder, losses = train(objective, INTER.reads, tmp_path / "a")
    # The twin has never heard of communities.
    bare = Material(MATERIAL.graph)
    twin, same = train(OnePart("inter"), frozenset({"inter", "negatives"}), tmp_path / "b", bare)
    assert same_bits(encoder, twin)
    assert losses == same
    assert len(set(losses)) == 12
    other, _ = train(Triplet(replace(BOTH, alpha=0.99)), BOTH.reads, tmp_path / "c")
    assert not same_bits(encoder, other)
    assert other.rows_encoded > encoder.rows_encoded  # the members of subgraphs


def test_alpha_0_is_training_without_inter_bit_by_bit(tmp_path: Path) -> None:
    encoder, losses = train(Triplet(INTRA), INTRA.reads, tmp_path / "a")
    twin, same = train(OnePart("intra"), frozenset({"intra"}), tmp_path / "b")
    assert same_bits(encoder, twin)
    assert losses == same
    assert len(set(losses)) == 12


def test_a_part_is_the_same_beside_the_other(tmp_path: Path) -> None:
    def first_parts(config: TripletConfig, folder: str) -> dict[str, float]:
        train(Triplet(config), config.reads, tmp_path / folder, steps=1)
        line = (tmp_path / folder / "log.jsonl").read_text().splitlines()[0]
        return dict(json.loads(line)["parts"])

    both, inter, intra = (
        first_parts(config, str(i)) for i, config in enumerate((BOTH, INTER, INTRA))
    )
    assert both.keys() == {"inter", "inter_accuracy", "intra", "intra_accuracy"}
    # The same triples; a product of other shape may differ in the last bit.
    assert both == pytest.approx(inter | intra, rel=1e-6)


def test_only_what_has_a_weight_is_read() -> None:
    assert BOTH.reads == {"inter", "negatives", "intra"}
    assert INTER.reads == {"inter", "negatives"}
    assert INTRA.reads == {"intra"}
    assert INTER.weights == {"inter": 1}
    assert INTRA.weights == {"intra": 1}


def test_validation_weighs_triples_not_batches() -> None:
    objective = Triplet(replace(BOTH, alpha=0.5))
    encoder = Given(POINTS)
    one = lose(objective, encoder, batch_of(3, inter_B3=[[0, 2, 1]]))  # 9
    two = lose(objective, encoder, batch_of(3, inter_B3=[[0, 1, 2]] * 2))  # 0 and 0
    loss = objective.mean_loss([one, two])
    assert loss.parts["inter"].item() == pytest.approx(9 / 3)
    assert loss.counts["inter"].item() == 3
    # Nothing of intra: half of 3.
    assert loss.total.item() == pytest.approx(1.5)
    assert loss.parts["intra"].item() == loss.counts["intra"].item() == 0


def test_operations_are_those_of_the_encoder_and_the_distances() -> None:
    batch = batch_of(
        3,
        inter_B3=[[0, 1, 2]] * 4,
        member_M=[0, 1, 2],
        subgraph_ptr_G1=[0, 1, 2, 3],
        intra_B3=[[0, 1, 2]],
    )
    # Width 2; six a number of a triple, one of a member: (6 · 5 + 3) · 2 and (6 · 4 + 3) · 2.
    assert Triplet(BOTH).forward_flops(Given(POINTS), batch) == (66, 66)
    assert Triplet(INTER).forward_flops(Given(POINTS), batch) == (54, 54)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alpha": 1.1}, r"alpha must be in \[0, 1\]"),
        ({"alpha": -0.1}, r"alpha must be in \[0, 1\]"),
        ({"alpha": float("nan")}, r"alpha must be in \[0, 1\]"),
        ({"aggregate": "median"}, "aggregate must be mean, sum or max"),
    ],
)
def test_settings_out_of_range(changes: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TripletConfig(**changes)


def test_it_is_in_the_table() -> None:
    assert OBJECTIVES["triplet"] is Triplet
