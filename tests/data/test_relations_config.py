"""The defaults are the paper's."""

import pytest

from habitus.data.relations_config import ORDER, RelationsConfig
from habitus.errors import UsageError


def test_the_sizes_are_those_of_table_11() -> None:
    config = RelationsConfig()
    assert (config.inter_batch, config.intra_batch) == (1_024, 256)
    assert (config.intra_triples, config.valid_share) == (1_000_000, 0.01)
    assert (config.one_hop, config.two_hop) == (3, 3)
    assert (config.negatives, config.resample_negatives) == ("uniform", False)
    assert ORDER[0] == "inter"


def test_config_survives_a_round_trip() -> None:
    config = RelationsConfig(inter_batch=8, negatives="two_hop", valid_share=0.0)
    assert RelationsConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize("name", ["inter_batch", "intra_batch", "half_batch", "intra_triples"])
def test_a_batch_has_something_in_it(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} must be at least 1, got 0"):
        RelationsConfig.from_dict({name: 0})
