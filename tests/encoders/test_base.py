"""What an heir has to say, and what it is given."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from typing_extensions import override

from habitus.config import Config
from habitus.encoders import Representation, UserEncoder


@dataclass(frozen=True, kw_only=True)
class ZerosConfig(Config):
    width: int = 3


class Zeros(UserEncoder):
    name = "zeros"
    config_type = ZerosConfig
    config: ZerosConfig

    @property
    @override
    def representation_dim(self) -> int:
        return self.config.width

    @override
    def forward(self, batch: int) -> Representation:
        z_UD = torch.zeros(batch, self.representation_dim)
        return Representation(z_UD, torch.ones(batch, dtype=torch.bool), {})

    @override
    def forward_flops(self, batch: Any) -> tuple[float, float]:
        return 0.0, 0.0


def test_an_encoder_keeps_the_config_that_it_was_made_of() -> None:
    encoder = Zeros(ZerosConfig(width=5))
    assert encoder.config == ZerosConfig(width=5)
    assert encoder(2).z_UD.shape == (2, 5)
    assert isinstance(encoder, torch.nn.Module)


@pytest.mark.parametrize("missing", ["representation_dim", "forward", "forward_flops"])
def test_an_heir_that_leaves_something_out_cannot_be_made(missing: str) -> None:
    promised = {name: getattr(Zeros, name) for name in UserEncoder.__abstractmethods__}
    heir: Any = type("Heir", (UserEncoder,), {n: v for n, v in promised.items() if n != missing})
    with pytest.raises(TypeError, match=missing):
        heir(ZerosConfig())
