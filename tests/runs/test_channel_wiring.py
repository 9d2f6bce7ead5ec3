"""What a channel run makes of traces; how it trains is in test_pretrain."""

from pathlib import Path

import torch

from habitus.objectives import Loss
from habitus.objectives.masked_channel import MaskedChannelPrediction
from habitus.runs.channel_wiring import (
    begin_channel,
    build_channel,
    channel_source,
    channel_validation,
    mean_loss,
)
from tests.small import small_run, small_traces


def test_a_mean_over_batches_is_the_mean_over_all_their_targets() -> None:
    def loss(mean_a: float, count_a: int, mean_b: float, count_b: int) -> Loss:
        parts = {"a": torch.tensor(mean_a), "b": torch.tensor(mean_b)}
        counts = {"a": torch.tensor(count_a), "b": torch.tensor(count_b)}
        return Loss(torch.tensor(0.0), parts, counts)

    mean = mean_loss([loss(1.0, 3, 0.0, 0), loss(5.0, 1, 0.0, 0)])
    # a: (3 · 1 + 1 · 5) / 4 = 2; b had no target anywhere, so the total is that of a alone.
    assert mean.parts["a"] == 2.0
    assert [int(mean.counts[name]) for name in "ab"] == [4, 0]
    assert mean.total == 2.0
    mean = mean_loss([loss(1.0, 3, 4.0, 1), loss(5.0, 1, 0.0, 0)])
    assert mean.total == (2.0 + 4.0) / 2


def test_the_objective_predicts_the_channels_of_the_vocabulary(tmp_path: Path) -> None:
    _, objective = build_channel(small_traces(tmp_path / "t"), small_run())
    assert isinstance(objective, MaskedChannelPrediction)
    assert objective.config.token_names == ("service", "item_id")
    assert objective.config.dense_names == ("price",)


def test_a_cold_run_begins_where_it_was_built(tmp_path: Path) -> None:
    traces = small_traces(tmp_path / "t")
    built, begun = build_channel(traces, small_run())[0], begin_channel(traces, small_run())[0]
    for name, tensor in built.encoder.state_dict().items():
        assert torch.equal(tensor, begun.encoder.state_dict()[name])


def test_each_part_has_its_own_users_and_no_validation_without_them(tmp_path: Path) -> None:
    traces, run = small_traces(tmp_path / "t"), small_run()
    model, objective = build_channel(traces, run)
    valid = channel_source(traces, run, model, "valid")
    snapshot = run.snapshot(traces, "valid")
    assert valid.num_users == (snapshot.lengths_U >= run.sequence.min_events).sum() > 0
    nobody = small_run(split=run.split.from_dict({"train": 0.7, "valid": 0.0, "test": 0.3}))
    cpu = torch.device("cpu")
    assert channel_validation(traces, nobody, model, objective, cpu) is None
    validate = channel_validation(traces, run, model, objective, cpu)
    assert validate is not None
    assert validate().total == validate().total
