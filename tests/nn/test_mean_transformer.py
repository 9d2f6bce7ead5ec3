"""A stack over packed sequences is that over each sequence alone, and its mean."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from habitus.nn.attention import PackedLayout
from habitus.nn.mean_transformer import MeanTransformer
from habitus.nn.transformer import block_flops

WIDTH, LENGTHS = 8, [1, 2, 2, 5]
LAYOUT = PackedLayout(torch.tensor([0, *LENGTHS]).cumsum(0), torch.device("cpu"))


def module(**options: bool) -> MeanTransformer:
    torch.manual_seed(0)
    made = MeanTransformer(WIDTH, 12, 2, 2, max_length=3, **options)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return made.eval()


X_TD = torch.randn(sum(LENGTHS), WIDTH, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("from_end", [False, True])
def test_each_sequence_is_as_if_alone(from_end: bool) -> None:
    made = module(from_end=from_end)
    expected = []
    for x_LD in torch.split(X_TD, LENGTHS):
        # Positions beyond the third are the third.
        place_L = [min(i, 2) for i in range(len(x_LD))]
        assert made.positions is not None
        h_LD: Tensor = x_LD + made.positions.weight[place_L[::-1] if from_end else place_L]
        alone = PackedLayout(torch.tensor([0, len(x_LD)]), LAYOUT.device)
        for block in made.blocks:
            h_LD = block(h_LD, alone)
        expected.append(made.norm(h_LD).mean(0))
    torch.testing.assert_close(made(X_TD, LAYOUT), torch.stack(expected), atol=1e-5, rtol=1e-5)


def test_places_count_from_either_end() -> None:
    assert module()._places(LAYOUT).tolist() == [0, 0, 1, 0, 1, 0, 1, 2, 2, 2]
    assert module(from_end=True)._places(LAYOUT).tolist() == [0, 1, 0, 1, 0, 2, 2, 2, 1, 0]


@pytest.mark.parametrize("step", [1, 3, 4, 100])
def test_a_step_at_a_time_is_the_same(step: int) -> None:
    made = module()
    torch.testing.assert_close(made(X_TD, LAYOUT, step), made(X_TD, LAYOUT), atol=1e-6, rtol=1e-6)


def test_without_layers_it_is_the_mean_of_normalised_tokens() -> None:
    made = MeanTransformer(WIDTH, 12, 2, 0, max_length=3, positions="none")
    assert made.positions is None
    expected = nn.functional.layer_norm(X_TD, (WIDTH,))[3:5].mean(0)
    torch.testing.assert_close(made(X_TD, LAYOUT)[2], expected)
    assert made.flops(10, 34) == 0


def test_dropout_is_also_on_what_comes_in() -> None:
    made = MeanTransformer(WIDTH, 12, 2, 0, max_length=3, dropout=0.5).train()
    assert not torch.equal(made(X_TD, LAYOUT), made(X_TD, LAYOUT))


def test_nothing_is_no_error() -> None:
    empty = PackedLayout(torch.tensor([0]), LAYOUT.device, torch.tensor([0]))
    assert module()(X_TD[:0], empty).shape == (0, WIDTH)


def test_operations_are_those_of_its_blocks() -> None:
    # Lengths 1, 2, 2 and 5: ten tokens, 34 cells.
    assert module().flops(10, 34) == 2 * block_flops(10, 34, WIDTH, 12, 1)


@pytest.mark.parametrize("step", [0, 1, 3, 4])
def test_weights_go_with_their_tokens(step: int) -> None:
    made = module()
    # A token of weight 3 counts as three tokens, where no attention sees them.
    plain = MeanTransformer(WIDTH, 12, 2, 0, max_length=3, positions="none")
    weight_T = torch.tensor([1.0, 1, 3, 2, 2, 1, 1, 1, 1, 6])
    found_BD = plain(X_TD, LAYOUT, step, weight_T)
    row_T = nn.functional.layer_norm(X_TD, (WIDTH,))
    torch.testing.assert_close(found_BD[1], (row_T[1] + 3 * row_T[2]) / 4)
    torch.testing.assert_close(found_BD[3], (row_T[5:9].sum(0) + 6 * row_T[9]) / 10)
    equal_BD = made(X_TD, LAYOUT, step, torch.ones(10))
    torch.testing.assert_close(equal_BD, made(X_TD, LAYOUT), atol=1e-5, rtol=1e-5)


def test_without_a_norm_the_length_of_a_vector_counts() -> None:
    made = MeanTransformer(WIDTH, 12, 2, 0, max_length=3, positions="none", normed=False)
    torch.testing.assert_close(made(X_TD, LAYOUT)[3], X_TD[5:].mean(0))
    assert made.is_plain


@pytest.mark.parametrize("change", [{"num_layers": 1}, {"positions": "learned"}, {"normed": True}])
def test_it_is_a_plain_mean_only_where_nothing_else_is_done(change: dict[str, Any]) -> None:
    plain: dict[str, Any] = {
        "num_layers": 0, "max_length": 3, "positions": "none", "normed": False, "dropout": 0.1
    }  # fmt: skip
    made = MeanTransformer(WIDTH, 12, 2, **plain)
    assert made.eval().is_plain
    # Dropout acts in training only.
    assert not made.train().is_plain
    assert not MeanTransformer(WIDTH, 12, 2, **{**plain, **change}).eval().is_plain
