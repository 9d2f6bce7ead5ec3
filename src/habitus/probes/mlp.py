"""The multi-layer perceptron of CLUE's downstream tasks (D5): 512-256-128-64.

Differs from the paper: early stopping on the validation users and no tuning, so that no method
has more trials than another.

Shapes: B rows, D width, F features kept after screening.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from typing_extensions import override

from habitus.config import Config
from habitus.probes.base import Floats, Labelled, Matrix, Probe, Screen
from habitus.probes.logistic import Standardiser
from habitus.random import torch_generator

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class MLPConfig(Config):
    """Sizes and training of :class:`MLP`."""

    hidden: tuple[int, ...] = (512, 256, 128, 64)
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    batch_size: int = 256
    max_epochs: int = 30
    patience: int = 3
    """Epochs without a better validation loss before it stops."""
    max_features: int = 256
    """Width above which features are screened."""


class MLP(Probe):
    """A perceptron with ReLU, AdamW, and the weights of its best epoch."""

    name: ClassVar[str] = "mlp"

    def __init__(self, config: MLPConfig | None = None) -> None:
        self.config: MLPConfig = config or MLPConfig()
        self._network: torch.nn.Module

    @override
    def fit(self, train: Labelled, valid: Labelled, seed: int) -> Self:
        import torch
        from torch.nn.functional import binary_cross_entropy_with_logits as loss_of

        c = self.config
        self._screen = Screen.fit(train, c.max_features)
        self._standardise = Standardiser.fit(self._screen(train.x_BD))
        x_BF, y_B = self._tensor(train.x_BD), torch.from_numpy(train.y_B.astype(np.float32))
        x_VF, y_V = self._tensor(valid.x_BD), torch.from_numpy(valid.y_B.astype(np.float32))
        self._network = _network(x_BF.shape[1], c.hidden, torch_generator(seed, "mlp", "weights"))
        optimizer = torch.optim.AdamW(
            self._network.parameters(), lr=c.learning_rate, weight_decay=c.weight_decay
        )
        generator = torch_generator(seed, "mlp", "shuffle")
        best, best_state, worse = np.inf, _copy(self._network), 0
        for _ in range(c.max_epochs):
            order_B = torch.randperm(len(y_B), generator=generator)
            for rows in torch.split(order_B, c.batch_size):
                optimizer.zero_grad()
                torch.autograd.backward(loss_of(self._network(x_BF[rows])[:, 0], y_B[rows]))
                optimizer.step()
            with torch.no_grad():
                loss = float(loss_of(self._network(x_VF)[:, 0], y_V))
            worse = worse + 1 if loss >= best else 0
            if loss < best:
                best, best_state = loss, _copy(self._network)
            if worse >= c.patience:
                break
        self._network.load_state_dict(best_state)
        return self

    @override
    def predict(self, x_BD: Matrix) -> Floats:
        import torch

        with torch.no_grad():
            probability_B = self._network(self._tensor(x_BD))[:, 0].sigmoid()
        return np.asarray(probability_B.numpy(), np.float64)

    def _tensor(self, x_BD: Matrix) -> torch.Tensor:
        import torch

        return torch.from_numpy(self._standardise(self._screen(x_BD)).astype(np.float32))


def _network(width: int, hidden: tuple[int, ...], generator: torch.Generator) -> torch.nn.Module:
    """Return the network with torch's usual weights, drawn from the generator alone."""
    from torch import nn

    layers: list[nn.Module] = []
    for size_in, size_out in pairwise((width, *hidden, 1)):
        # the usual constructor would draw from the global generator
        linear = nn.utils.skip_init(nn.Linear, size_in, size_out)  # type: ignore[no-untyped-call]
        bound = size_in**-0.5
        nn.init.uniform_(linear.weight, -bound, bound, generator=generator)
        nn.init.uniform_(linear.bias, -bound, bound, generator=generator)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _copy(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
