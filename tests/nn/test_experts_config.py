"""Options of experts keep the sums that they promise, and refuse what means nothing."""

from typing import Any

import pytest

from habitus.errors import UsageError
from habitus.nn.experts_config import DENSE, ExpertsConfig


@pytest.mark.parametrize(
    ("values", "routed", "chosen"),
    [
        ({"num_experts": 16}, 16, 1),
        ({"num_experts": 16, "top_k": 2}, 16, 2),
        # 64 quarters of an expert, one of them shared: 63 routed, and 4 - 1 of them chosen.
        ({"num_experts": 16, "split": 4, "shared": 1}, 63, 3),
        ({"num_experts": 4, "top_k": 2, "shared": 1}, 3, 1),
    ],
)
def test_splitting_and_sharing_only_divide_up(
    values: dict[str, int], routed: int, chosen: int
) -> None:
    config = ExpertsConfig(**values)  # type: ignore[arg-type]
    assert (config.routed, config.chosen) == (routed, chosen)
    assert routed + config.shared == config.num_experts * config.split
    assert chosen + config.shared == config.top_k * config.split


def test_as_it_stands_there_are_no_experts() -> None:
    assert ExpertsConfig() == DENSE
    assert DENSE.is_dense
    assert not DENSE.has_routers
    assert ExpertsConfig(num_experts=2).has_routers
    assert ExpertsConfig(attention="moe_qkv", attention_experts=2).has_routers
    # One expert of attention is dense attention, whatever it is called.
    assert not ExpertsConfig(attention="moe_qkv").has_routers


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"num_experts": 0}, "num_experts must be at least 1, got 0"),
        ({"top_k": 2}, "one expert is a dense layer"),
        ({"shared": 1}, "one expert is a dense layer"),
        ({"split": 4}, "one expert is a dense layer"),
        ({"num_experts": 4, "top_k": 5}, "at most num_experts 4"),
        ({"num_experts": 4, "shared": 1}, "less than top_k · split = 1"),
        ({"num_experts": 4, "split": 2, "shared": 2}, "less than top_k · split = 2"),
        ({"num_experts": 4, "renormalise": True}, "two choices or more"),
        ({"num_experts": 4, "shared": -1}, "shared must be 0 or more, got -1"),
        ({"balance_weight": float("nan")}, "balance_weight must be 0 or more"),
        ({"balance": "hope"}, "must be one of 'loss', 'bias', 'none'"),
        ({"attention_experts": 4}, "attention 'dense' has no experts"),
        ({"attention": "moe_qkv", "attention_experts": 4, "attention_top_k": 2}, "Switch layers"),
        ({"attention": "switchhead", "attention_experts": 2, "attention_top_k": 3}, "at most"),
    ],
)
def test_what_means_nothing_is_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        ExpertsConfig.from_dict(values)
