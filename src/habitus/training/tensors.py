"""Tensors of a training by name, out of its modules and optimisers and back in.

Names: ``model.…``, ``ema.…`` and ``optimizer.<optimiser>.<parameter>|<kind of state>``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from habitus.errors import UsageError
from habitus.training.ema import Ema
from habitus.training.optimizer import Optimizers

Scalars = dict[str, float]


def state_tensors(
    modules: nn.Module, optimizers: Optimizers, ema: Ema | None
) -> tuple[dict[str, Tensor], Scalars]:
    """Return all tensors, and the numbers that some optimisers keep beside them."""
    tensors = {f"model.{name}": value for name, value in modules.state_dict().items()}
    scalars: Scalars = {}
    for kind, optimizer in optimizers.optimizers.items():
        states = optimizer.state_dict()["state"]
        for place, parameter in enumerate(optimizers.names[kind]):
            for key, value in states.get(place, {}).items():
                name = f"optimizer.{kind}.{parameter}|{key}"
                if isinstance(value, Tensor):
                    tensors[name] = value
                else:
                    scalars[name] = value
    if ema is not None:
        tensors |= {f"ema.{name}": value for name, value in ema.average.items()}
    return tensors, scalars


def load_state_tensors(
    modules: nn.Module,
    optimizers: Optimizers,
    ema: Ema | None,
    tensors: Mapping[str, Tensor],
    scalars: Scalars,
) -> None:
    """Put back what :func:`state_tensors` returned.

    Raises:
        UsageError: the modules have other weights than those that were saved.
    """
    load_weights(modules, tensors)
    everything: dict[str, Any] = {**tensors, **scalars}
    for kind, optimizer in optimizers.optimizers.items():
        place_of = {name: place for place, name in enumerate(optimizers.names[kind])}
        states: dict[int, dict[str, Any]] = {}
        for name, value in everything.items():
            if name.startswith(f"optimizer.{kind}."):
                parameter, _, key = name.removeprefix(f"optimizer.{kind}.").rpartition("|")
                # A copy, since a tensor that was read is a view of the file.
                value = value.clone() if isinstance(value, Tensor) else value
                states.setdefault(place_of[parameter], {})[key] = value
        optimizer.load_state_dict(
            {"state": states, "param_groups": optimizer.state_dict()["param_groups"]}
        )
    if ema is not None:
        for name, value in ema.average.items():
            value.copy_(tensors[f"ema.{name}"])


def load_weights(
    modules: nn.Module, tensors: Mapping[str, Tensor], *, averaged: bool = False
) -> None:
    """Put back the weights and buffers, and nothing else; averaged ones where there are any."""
    weights = _part(tensors, "model.")
    if averaged:
        weights |= _part(tensors, "ema.")
    try:
        modules.load_state_dict(weights)
    except RuntimeError as error:
        raise UsageError(
            f"the checkpoint has other weights than this encoder and objective: {error}; "
            f"train in another folder"
        ) from error


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
