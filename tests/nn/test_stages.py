"""Stages are functions of all that the stage before made."""

import torch
from torch import Tensor

from habitus.nn.stages import run


def rows(*values: float) -> Tensor:
    return torch.tensor(values)[:, None]


def test_parts_of_a_stage_stand_one_after_the_other() -> None:
    def first(x_ND: Tensor | None) -> Tensor:
        assert x_ND is None
        return rows(1, 2)

    def sums(x_ND: Tensor | None) -> Tensor:
        assert x_ND is not None
        return x_ND.sum(0, keepdim=True)

    def doubles(x_ND: Tensor | None) -> Tensor:
        assert x_ND is not None
        return 2 * x_ND

    stages = [[first, lambda _: rows(3)], [sums, doubles]]
    assert run(stages).flatten().tolist() == [6, 2, 4, 6]
    assert run([[first]]).flatten().tolist() == [1, 2]
