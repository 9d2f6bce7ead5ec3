"""Presets are valid, go to a file and back, and are what the specification says."""

import json

import pytest
import yaml

from habitus.config import override
from habitus.errors import UsageError
from habitus.runs import RUNS
from habitus.runs.channel import PRESETS, ChannelRun, channel


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_survives_json_and_yaml(preset: str) -> None:
    run = channel(preset)
    assert run.preset == preset
    assert ChannelRun.from_dict(json.loads(json.dumps(run.to_dict()))) == run
    assert ChannelRun.from_dict(yaml.safe_load(yaml.safe_dump(run.to_dict()))) == run


def test_presets_differ_and_an_unknown_one_is_told() -> None:
    assert len({channel(preset).fingerprint() for preset in PRESETS}) == len(PRESETS)
    with pytest.raises(UsageError, match="no preset is called 'papr'; did you mean 'paper'"):
        channel("papr")


def test_the_paper_has_the_sizes_of_the_resolutions() -> None:
    # A-S1: d 256, 4 blocks, 8 heads, d_ff 1,024, dropout 0.1, mask 0.15, 1e-3, 2 %; A-S14: two
    # feed-forward layers; A-S17: maximum; A-S3: half of the masked events whole, 80/10/10.
    run = channel("paper")
    encoder, objective, training = run.encoder, run.objective, run.training
    sizes = (encoder.width, encoder.num_blocks, encoder.num_heads, encoder.hidden)
    assert sizes == (256, 4, 8, 1_024)
    assert (encoder.dropout, encoder.num_ffn, encoder.pooling) == (0.1, 2, "max")
    assert (objective.mask_share, objective.all_channels_share) == (0.15, 0.5)
    assert (objective.random_share, objective.keep_share) == (0.1, 0.1)
    assert (training.learning_rate, training.warmup_share) == (1e-3, 0.02)
    assert training.schedule == "cosine"
    # A-S5: 64 bins; A-S4: 1,024 negatives; D10: five users.
    assert (run.vocabulary.num_bins, objective.num_negatives) == (64, 1_024)
    assert run.vocabulary.min_users == 5


def test_the_laptop_preset_is_small_and_the_quick_one_smaller() -> None:
    ci, quick = channel("ci"), channel("quick")
    assert ci.encoder.width < channel("paper").encoder.width
    assert quick.training.max_steps < ci.training.max_steps / 10
    assert quick.encoder.max_events < ci.encoder.max_events


def test_a_seed_is_set_everywhere() -> None:
    run = channel("quick").with_seed(7)
    assert (run.seed, run.training.seed) == (7, 7)
    assert run.with_seed(0) == channel("quick")


def test_two_lengths_that_differ_are_refused() -> None:
    with pytest.raises(
        UsageError, match=r"encoder\.max_events is 64 and sequence\.max_events is 9"
    ):
        override(channel("quick"), ["sequence.max_events=9"])
    both = override(channel("quick"), ["sequence.max_events=9", "encoder.max_events=9"])
    assert both.encoder.max_events == 9


def test_a_cutoff_is_a_date_or_a_number_of_events_or_the_end() -> None:
    for as_of in ("2017-10-01", 2, None):
        run = ChannelRun.from_dict({**channel("quick").to_dict(), "as_of": as_of})
        assert run.as_of == as_of


def test_the_paper_begins_cold_and_the_laptop_warm() -> None:
    assert not channel("paper").warm_start
    assert channel("ci").warm_start


def test_the_run_is_registered() -> None:
    assert RUNS["channel"]("ci") == channel("ci")
