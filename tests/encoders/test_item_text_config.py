"""Sizes that mean nothing are refused, and the family has the sizes of the paper."""

from typing import Any

import pytest
import torch

from habitus.encoders.item_text import ItemTextEncoder
from habitus.encoders.item_text_config import SIZES, ItemTextEncoderConfig
from habitus.errors import UsageError


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"width": 0}, "width must be at least 1, got 0"),
        ({"num_heads": 3}, "num_heads must divide width 128, got 3"),
        ({"vocab_size": 0}, "vocab_size"),
        ({"num_services": 0}, "num_services"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_items": 0}, "max_items"),
        ({"max_sequence": 0}, "max_sequence"),
        ({"item_layers": -1}, "item_layers must be 0 or more, got -1"),
        ({"service_layers": -1}, "service_layers"),
        ({"tokens_per_step": -1}, "tokens_per_step"),
        ({"hidden": 0}, "hidden must be at least 1"),
        ({"dropout": 1.0}, "dropout"),
        ({"num_services": 4, "out_dim": 3}, "at least 1 for each of 4 services, got 3"),
        ({"single": True}, "set service_layers to 0, got 4"),
        ({"single": True, "service_layers": 0, "ages": True}, "reads tokens only"),
        ({"positions": "rotary"}, "must be one of 'learned', 'none'"),
    ],
)
def test_sizes_that_mean_nothing_are_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        ItemTextEncoderConfig.from_dict(values)


@pytest.mark.parametrize("name", SIZES)
def test_every_size_can_be_built(name: str) -> None:
    config = ItemTextEncoderConfig.of_size(name, vocab_size=11, dropout=0.0)
    with torch.device("meta"):
        encoder = ItemTextEncoder(config)
    width, layers, heads = SIZES[name]
    assert config.num_heads == heads
    assert config.dropout == 0
    # improvements.md I2-sizes: 12 D² L weights in the matrices of each Transformer.
    matrices = [p for n, p in encoder.named_parameters() if ".blocks." in n and p.ndim == 2]
    assert sum(p.numel() for p in matrices) == 2 * 12 * width**2 * layers


def test_no_such_size() -> None:
    with pytest.raises(
        UsageError, match="size must be one of xs, s, m, l, xl, 2xl, paper, got 'xxl'"
    ):
        ItemTextEncoderConfig.of_size("xxl")


def test_hidden_is_four_times_the_width_unless_it_is_set() -> None:
    assert ItemTextEncoder(ItemTextEncoderConfig(width=8)).item_transformer.hidden == 32
    narrow = ItemTextEncoderConfig(width=8, hidden=5)
    assert ItemTextEncoder(narrow).item_transformer.hidden == 5
