"""Many equal linear layers as one product: experts, towers and routers of multi-task heads.

Shapes: B rows, G groups of layers, E layers of a group, D width in, H width out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BatchedLinear(nn.Module):
    """``G × E`` linear layers ``D → H`` in one weight tensor; the layers of a group read one input.

    Args:
        groups: inputs that differ, ``G``.
        layers: layers that read each of them, ``E``.
        width: of an input, ``D``.
        out: of an output, ``H``.
        generator: the weights are drawn from it, as torch draws those of a linear layer.
    """

    def __init__(
        self, groups: int, layers: int, width: int, out: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        bound = width**-0.5
        self.weight_GDEH = nn.Parameter(torch.empty(groups, width, layers, out))
        self.bias_GEH = nn.Parameter(torch.empty(groups, layers, out))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound, generator=generator)

    def forward(self, x_BGD: Tensor) -> Tensor:
        """Return what every layer makes of the input of its group, ``(B, G, E, H)``."""
        groups, width, layers, out = self.weight_GDEH.shape
        if groups == 1 or x_BGD.stride(1) == 0:
            # All groups read one input: all layers lie side by side in one matrix.
            matrix = self.weight_GDEH.transpose(0, 1).reshape(width, groups * layers * out)
            y_BX = x_BGD[:, 0] @ matrix
        else:
            matrices = self.weight_GDEH.reshape(groups, width, layers * out)
            y_BX = torch.bmm(x_BGD.transpose(0, 1), matrices).transpose(0, 1)
        y_BGEH: Tensor = y_BX.reshape(len(x_BGD), groups, layers, out) + self.bias_GEH
        return y_BGEH
