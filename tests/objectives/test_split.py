"""A split objective is its rows and then their loss."""

from dataclasses import replace

import torch

from habitus.encoders.item_text import ItemTextEncoder
from habitus.nn.stages import run
from habitus.objectives.cross_service import CrossService, CrossServiceConfig
from habitus.objectives.split import ALONE
from tests.encoders.item_batches import CONFIG
from tests.objectives.item_pairs import pairs_of


def test_forward_is_the_loss_of_the_rows() -> None:
    torch.manual_seed(0)
    encoder = ItemTextEncoder(replace(CONFIG, dropout=0.0))
    objective, batch = CrossService(CrossServiceConfig(), 8), pairs_of({0: 8, 2: 13, 3: 5})
    z_RD = run(objective.stages(encoder, batch))
    apart = objective.loss_of(z_RD, batch, torch.Generator())
    assert torch.equal(objective(encoder, batch, torch.Generator()).total, apart.total)


def test_one_process_has_only_its_own_rows() -> None:
    x_R = torch.arange(3)
    assert ALONE.gather(x_R) is x_R
    assert (ALONE.rank, ALONE.world) == (0, 1)
