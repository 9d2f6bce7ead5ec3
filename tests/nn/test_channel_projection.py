"""One table with offsets is one table a channel; the projection is concat, linear, norm, GELU."""

import math
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from habitus.nn.channel_projection import (
    ChannelProjection,
    ChannelReturn,
    DenseKind,
    Mode,
)
from habitus.nn.quotient_remainder import QuotientRemainder
from habitus.nn.token_places import DENSE_STATES

SIZES, NUM_DENSE, CHANNEL_DIM, WIDTH = (5, 2, 7), 2, 4, 6


def module(sizes: tuple[int, ...] = SIZES, num_dense: int = NUM_DENSE) -> ChannelProjection:
    torch.manual_seed(0)
    return ChannelProjection(sizes, num_dense, CHANNEL_DIM, WIDTH)


def inputs(sizes: tuple[int, ...], num_dense: int, num_events: int = 20) -> list[Tensor]:
    torch.manual_seed(1)
    tokens_TC = torch.stack([torch.randint(n, (num_events,)) for n in sizes], 1)
    state_TF = torch.randint(DENSE_STATES, (num_events, num_dense))
    return [tokens_TC, torch.randn(num_events, num_dense), state_TF]


class Twin(nn.Module):
    """A table a channel, a table of states and a direction a dense channel, one at a time."""

    def __init__(self, like: ChannelProjection, sizes: tuple[int, ...], num_dense: int) -> None:
        super().__init__()
        rows = torch.split(like.table.weight, [*sizes, *[DENSE_STATES] * num_dense])
        self.tables = nn.ModuleList(
            nn.Embedding(len(r), CHANNEL_DIM, _weight=r.detach()) for r in rows
        )
        self.num_tokens = len(sizes)
        self.direction_FE = like.direction_FE.detach()
        self.linear, self.norm, _ = like.project

    def forward(self, tokens_TC: Tensor, dense_TF: Tensor, state_TF: Tensor) -> Tensor:
        parts = []
        for channel, table in enumerate(self.tables):
            dense = channel - self.num_tokens
            if dense < 0:
                parts.append(table(tokens_TC[:, channel]))
            else:
                amount_TE = dense_TF[:, dense, None] * self.direction_FE[dense]
                parts.append(table(state_TF[:, dense]) + amount_TE)
        out_TD: Tensor = nn.functional.gelu(self.norm(self.linear(torch.cat(parts, 1))))
        return out_TD


@pytest.mark.parametrize(("sizes", "num_dense"), [(SIZES, 2), (SIZES, 0), ((3,), 1)])
def test_it_is_one_embedding_a_channel_joined_and_projected(
    sizes: tuple[int, ...], num_dense: int
) -> None:
    ours = module(sizes, num_dense)
    given = inputs(sizes, num_dense)
    torch.testing.assert_close(ours(*given), Twin(ours, sizes, num_dense)(*given))


def test_adding_is_joining_with_the_linear_layer_multiplied_in() -> None:
    torch.manual_seed(0)
    added = ChannelProjection(SIZES, NUM_DENSE, WIDTH, WIDTH, mode="sum")
    joined = ChannelProjection(SIZES, NUM_DENSE, WIDTH, WIDTH)
    with torch.no_grad():
        joined.table.weight.copy_(added.table.weight)
        joined.direction_FE.copy_(added.direction_FE)
        linear = joined.project[0]
        assert isinstance(linear, nn.Linear)
        linear.weight.copy_(torch.eye(WIDTH).repeat(1, len(SIZES) + NUM_DENSE))
        linear.bias.zero_()
    given = inputs(SIZES, NUM_DENSE)
    torch.testing.assert_close(added(*given), joined(*given), atol=1e-5, rtol=1e-5)
    assert added.join(*given).shape == (20, WIDTH) == (20, added.joined_width)
    both = [
        torch.autograd.grad(m(*given).square().sum(), (m.table.weight, m.direction_FE))
        for m in (added, joined)
    ]
    torch.testing.assert_close(*both, atol=1e-4, rtol=1e-4)


def test_a_table_of_another_kind_is_added_and_joined_alike() -> None:
    for mode in get_args(Mode):
        torch.manual_seed(0)
        ours, given = ChannelProjection(SIZES, 2, WIDTH, WIDTH, mode=mode), inputs(SIZES, 2)
        before = ours(*given)
        sparse = nn.Embedding(len(ours.table.weight), WIDTH, sparse=True)
        sparse.load_state_dict(ours.table.state_dict())
        ours.table = sparse
        torch.testing.assert_close(ours(*given), before)


def test_channels_of_another_width_cannot_be_added() -> None:
    with pytest.raises(ValueError, match="channels of 4 cannot be added to a width of 6"):
        ChannelProjection(SIZES, NUM_DENSE, CHANNEL_DIM, WIDTH, mode="sum")


@pytest.mark.parametrize("mode", get_args(Mode))
def test_periodic_values_are_waves_of_each_channel_alone(mode: Mode) -> None:
    torch.manual_seed(0)
    dim = WIDTH if mode == "sum" else CHANNEL_DIM
    ours = ChannelProjection(
        SIZES, NUM_DENSE, dim, WIDTH, mode=mode, dense="periodic", num_frequencies=3
    )
    tokens_TC, dense_TF, state_TF = inputs(SIZES, NUM_DENSE)
    table, waves = ours.table.weight, ours.periodic
    assert waves is not None
    frequency_FK, rows = waves.frequency_FK.detach(), []
    for t in range(len(dense_TF)):
        parts = [table[tokens_TC[t, c] + sum(SIZES[:c])] for c in range(len(SIZES))]
        for f in range(NUM_DENSE):
            angles = [2 * math.pi * float(k) * float(dense_TF[t, f]) for k in frequency_FK[f]]
            wave = torch.tensor([math.sin(a) for a in angles] + [math.cos(a) for a in angles])
            value = (wave @ waves.weight_FKE[f] + waves.bias_FE[f]).relu()
            parts.append(table[state_TF[t, f] + sum(SIZES) + 3 * f] + value)
        rows.append(torch.stack(parts).sum(0) if mode == "sum" else torch.cat(parts))
    joined_TJ = ours.join(tokens_TC, dense_TF, state_TF)
    torch.testing.assert_close(joined_TJ, torch.stack(rows), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours(tokens_TC, dense_TF, state_TF), ours.project(joined_TJ))
    assert not hasattr(ours, "direction_FE")


@pytest.mark.parametrize("mode", get_args(Mode))
@pytest.mark.parametrize("dense", get_args(DenseKind))
def test_no_event_and_no_dense_channel_are_no_error(mode: Mode, dense: DenseKind) -> None:
    for num_dense, num_events in ((0, 5), (2, 0)):
        ours = ChannelProjection(SIZES, num_dense, WIDTH, WIDTH, mode=mode, dense=dense)
        out_TD = ours(*inputs(SIZES, num_dense, num_events))
        assert out_TD.shape == (num_events, WIDTH)
        torch.autograd.backward(out_TD.sum())


def test_channels_come_back_as_a_small_addition() -> None:
    torch.manual_seed(0)
    again = ChannelReturn(7, WIDTH)
    x_TD, joined_TJ = torch.randn(5, WIDTH), torch.randn(5, 7)
    linear, norm, _ = again.project
    expected = x_TD + 0.1 * nn.functional.gelu(norm(linear(joined_TJ)))
    torch.testing.assert_close(again(x_TD, joined_TJ), expected)


def test_operations_by_hand() -> None:
    # 20 events, 5 channels of 4 joined and projected to 6: 2 · 20 · 20 · 6.
    assert module().flops(20) == 4_800
    # 5 channels of 6 are added.
    assert ChannelProjection(SIZES, 2, WIDTH, WIDTH, mode="sum").flops(20) == 600
    # And 3 sines, 3 cosines of 2 channels times 6: 2 · 20 · 2 · 6 · 6.
    waves = ChannelProjection(
        SIZES, 2, WIDTH, WIDTH, mode="sum", dense="periodic", num_frequencies=3
    )
    assert waves.flops(20) == 600 + 2_880
    assert ChannelReturn(7, WIDTH).flops(20) == 2 * 20 * 7 * 6


def test_the_table_of_a_channel_holds_its_rows_and_no_others() -> None:
    ours = module()
    rows = [ours.channel_table(channel, size) for channel, size in enumerate(SIZES)]
    assert [len(table) for table in rows] == list(SIZES)
    weight = ours.table.weight
    assert torch.equal(torch.cat(rows), weight[: sum(SIZES)])
    assert len(weight) == sum(SIZES) + NUM_DENSE * DENSE_STATES


def test_embeddings_of_the_first_channels_stand_side_by_side() -> None:
    ours, (tokens_TC, *_) = module(), inputs(SIZES, NUM_DENSE)
    for count in (1, 2, 3):
        parts = [ours.channel_table(c, SIZES[c])[tokens_TC[:, c]] for c in range(count)]
        assert torch.equal(ours.token_embeddings(tokens_TC[:, :count]), torch.cat(parts, 1))


def test_tied_rows_share_their_gradient_with_the_table() -> None:
    ours = module()
    torch.autograd.backward(ours.channel_table(1, 2).sum())
    assert ours.table.weight.grad is not None
    touched = ours.table.weight.grad.any(1).nonzero().flatten().tolist()
    assert touched == [5, 6]


def test_offsets_are_no_weights() -> None:
    # A vocabulary that was refitted gives other offsets; old ones must not come from a file.
    assert not [name for name in module().state_dict() if "offset" in name]


def test_a_state_and_a_value_of_a_dense_channel_are_both_read() -> None:
    ours, (tokens_TC, dense_TF, state_TF) = module(), inputs(SIZES, NUM_DENSE)
    before = ours(tokens_TC, dense_TF, state_TF)
    assert (ours(tokens_TC, dense_TF + 1, state_TF) != before).any(1).all()
    assert (ours(tokens_TC, dense_TF, (state_TF + 1) % 3) != before).any(1).all()


def test_no_event_is_no_row() -> None:
    assert module()(*inputs(SIZES, NUM_DENSE, 0)).shape == (0, WIDTH)


class Composed(nn.Module):
    """The slow twin: a table a channel, the large ones of quotients and remainders."""

    def __init__(self, like: ChannelProjection, sizes: tuple[int, ...], above: int) -> None:
        super().__init__()
        rows_C = torch.split(like.table.weight.detach(), [*like.places.num_rows_C, 6])[:-1]
        self.tables = nn.ModuleList()
        for size, rows in zip(sizes, rows_C, strict=True):
            if size <= above:
                self.tables.append(nn.Embedding(size, rows.shape[1], _weight=rows))
                continue
            table = QuotientRemainder(size, rows.shape[1])
            number = len(table.quotient.weight)
            with torch.no_grad():
                table.quotient.weight.copy_(rows[:number])
                table.remainder.weight.copy_(rows[number:])
            self.tables.append(table)

    def forward(self, tokens_TC: Tensor) -> list[Tensor]:
        return [table(tokens_TC[:, c]) for c, table in enumerate(self.tables)]


LARGE = (5, 40, 2, 30)


def composed(mode: Mode = "concat") -> ChannelProjection:
    torch.manual_seed(0)
    dim = WIDTH if mode == "sum" else CHANNEL_DIM
    return ChannelProjection(LARGE, NUM_DENSE, dim, WIDTH, mode=mode, composed_above=20)


@pytest.mark.parametrize("mode", get_args(Mode))
def test_composed_channels_are_sums_of_quotients_and_remainders(mode: Mode) -> None:
    ours, (tokens_TC, dense_TF, state_TF) = composed(mode), inputs(LARGE, NUM_DENSE)
    rows = Composed(ours, LARGE, 20)(tokens_TC)
    states = ours.table.weight[-6:].view(2, 3, -1)
    rows += [
        states[f][state_TF[:, f]] + dense_TF[:, f, None] * ours.direction_FE[f] for f in range(2)
    ]
    expected = torch.stack(rows).sum(0) if mode == "sum" else torch.cat(rows, 1)
    joined = ours.join(tokens_TC, dense_TF, state_TF)
    torch.testing.assert_close(joined, expected)
    assert joined.shape[1] == ours.joined_width
    out = ours(tokens_TC, dense_TF, state_TF)
    torch.testing.assert_close(out, ours.project(expected))


def test_rows_of_composed_channels_are_the_same_wherever_they_are_asked_for() -> None:
    ours, (tokens_TC, *_) = composed(), inputs(LARGE, NUM_DENSE)
    twin = Composed(ours, LARGE, 20)
    for count in range(1, 5):
        expected = torch.cat(twin(tokens_TC)[:count], 1)
        assert torch.equal(ours.token_embeddings(tokens_TC[:, :count]), expected)
    for c, size in enumerate(LARGE):
        table = ours.channel_table(c, size)
        assert torch.equal(table, twin.tables[c](torch.arange(size)))
        assert torch.equal(ours.channel_rows(c, tokens_TC[:, c]), table[tokens_TC[:, c]])
    # 40 rows are 6 + 7 = 13, 30 are 5 + 6 = 11; the others and the states are whole.
    assert len(ours.table.weight) == 5 + 13 + 2 + 11 + 6


def test_composed_rows_pass_on_their_gradient_to_both_parts() -> None:
    ours = composed()
    torch.autograd.backward(ours.channel_rows(1, torch.tensor([39])).sum())
    assert ours.table.weight.grad is not None
    # The second channel begins at 5: quotient 39 // 7 = 5, then six quotients on, remainder 4.
    assert ours.table.weight.grad.any(1).nonzero().flatten().tolist() == [10, 15]


def test_a_composed_channel_begins_as_large_as_any_other() -> None:
    torch.manual_seed(0)
    large = ChannelProjection((10_000,), 0, 16, 8, composed_above=1)
    # 16 ** -0.5; 200 rows of 16 numbers: an error of about 1/4 / sqrt(2 · 3,200) = 0.003.
    assert large.channel_table(0, 10_000).std().item() == pytest.approx(0.25, abs=0.013)
