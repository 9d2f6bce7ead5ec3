"""A small item text encoder with its objective, for tests of how it is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from habitus.data.item_pairs import ItemPairBatch
from habitus.encoders.item_text import ItemTextEncoder
from habitus.objectives.cross_service import CrossService, CrossServiceConfig
from tests.encoders.item_batches import CONFIG, history
from tests.objectives.item_pairs import history_pairs


def people(number: int, num_items: int = 12) -> ItemPairBatch:
    """Return so many users on two services."""
    lengths = [4 + 5 * name % 13 for name in range(number)]
    return history_pairs([history(name, n, num_items) for name, n in enumerate(lengths)])


def modules(dropout: float = 0.0, **objective: Any) -> tuple[ItemTextEncoder, CrossService]:
    """Return fresh modules, the same every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = ItemTextEncoder(replace(CONFIG, dropout=dropout))
        return encoder, CrossService(CrossServiceConfig(**objective), encoder.slot_dim)


def gradients(*made: nn.Module) -> dict[str, Tensor]:
    """Return the gradient of each weight; zeros where it has none."""
    both = nn.ModuleList(made)
    return {
        name: torch.zeros_like(p) if p.grad is None else p.grad.clone()
        for name, p in both.named_parameters()
    }


class _Saved:
    def __init__(self, tensor: Tensor, count: Callable[[int], None]) -> None:
        self.tensor, self.count = tensor, count
        count(tensor.numel() * tensor.element_size())

    def __del__(self) -> None:
        self.count(-self.tensor.numel() * self.tensor.element_size())


@contextmanager
def most_activations() -> Iterator[list[int]]:
    """Give a list that holds, at the end, the most bytes that gradients waited for at once."""
    now, most = 0, [0]

    def count(more: int) -> None:
        nonlocal now
        now += more
        most[0] = max(most[0], now)

    def pack(tensor: Tensor) -> _Saved | Tensor:
        # Weights are there anyhow.
        return tensor if isinstance(tensor, nn.Parameter) else _Saved(tensor, count)

    def unpack(saved: _Saved | Tensor) -> Tensor:
        return saved.tensor if isinstance(saved, _Saved) else saved

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        yield most
