"""A feed-forward layer is two products and what lies between them."""

import torch

from habitus.nn.feed_forward import FeedForward


def test_by_hand() -> None:
    layer = FeedForward(1, 2)
    with torch.no_grad():
        layer.inner.weight.copy_(torch.tensor([[2.0], [-1.0]]))
        layer.inner.bias.copy_(torch.tensor([0.0, 1.0]))
        layer.outer.weight.copy_(torch.tensor([[1.0, 10.0]]))
        layer.outer.bias.copy_(torch.tensor([100.0]))
    # x = 3: relu(6) + 10 relu(-2) + 100; x = -3: relu(-6) + 10 relu(4) + 100.
    assert layer(torch.tensor([[3.0], [-3.0]])).flatten().tolist() == [106.0, 140.0]


def test_the_activation_is_the_one_that_is_named() -> None:
    x_TD = torch.linspace(-2, 2, 9)[:, None]
    layer, other = FeedForward(1, 4), FeedForward(1, 4, activation="gelu")
    other.load_state_dict(layer.state_dict())
    inner = torch.nn.functional.gelu(layer.inner(x_TD))
    assert torch.equal(other(x_TD), layer.outer(inner))
    assert not torch.allclose(other(x_TD), layer(x_TD))


def test_dropout_is_for_training_only() -> None:
    torch.manual_seed(0)
    layer, x_TD = FeedForward(4, 64, dropout=0.5), torch.randn(3, 4)
    assert not torch.equal(layer(x_TD), layer(x_TD))
    layer.eval()
    assert torch.equal(layer(x_TD), layer(x_TD))
