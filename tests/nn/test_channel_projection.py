"""One table with offsets is one table a channel; the projection is concat, linear, norm, GELU."""

import pytest
import torch
from torch import Tensor, nn

from habitus.nn.channel_projection import DENSE_STATES, ChannelProjection

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
