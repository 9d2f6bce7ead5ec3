"""Pre-training is a function of run and traces, however often it is interrupted."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from habitus.config import override
from habitus.data.channel_batches import ChannelEncoding, snapshot_request
from habitus.data.channel_sequence import ChannelReader
from habitus.data.snapshot import Snapshot
from habitus.data.split import UserSplit
from habitus.data.traces import Traces
from habitus.data.vocabulary import UNKNOWN, ChannelVocabularyConfig
from habitus.datasets.population import SyntheticConfig
from habitus.datasets.synthetic import make_traces
from habitus.errors import DataError, GuardError, UsageError
from habitus.runs.channel import channel
from habitus.runs.pretrain import Pretrained, pretrain
from habitus.testing.hand_made import write_traces
from habitus.training.trainer import OnStep
from tests.small import CUTOFF, after, small_events, small_run, small_traces


def bits(made: Pretrained) -> dict[str, bytes]:
    weights = made.model.encoder.state_dict().items()
    return {name: tensor.numpy().tobytes() for name, tensor in weights}


class CutError(Exception):
    """Something that ends a training from outside."""


def cut_at(step: int) -> OnStep:
    def on_step(done: int, _steps: int, _metrics: Mapping[str, float]) -> None:
        if done == step:
            raise CutError

    return on_step


def test_twice_is_once_bit_by_bit(traces: Traces, undisturbed: Pretrained, tmp_path: Path) -> None:
    assert bits(pretrain(traces, small_run(), tmp_path)) == bits(undisturbed)


def test_alone_a_sharded_table_is_a_plain_one_by_another_optimiser(
    traces: Traces, tmp_path: Path
) -> None:
    same = "training.eps=0.001"
    sharded = override(small_run(), ["sharded=true", same])
    plain = override(small_run(), ["training.table_optimizer=row_wise_adagrad", same])
    ours, theirs = (
        pretrain(traces, run, tmp_path / name) for name, run in (("s", sharded), ("p", plain))
    )
    assert type(ours.model.encoder.get_submodule("project.table")) is torch.nn.Embedding
    weights, expected = (made.model.encoder.state_dict() for made in (ours, theirs))
    assert weights.keys() == expected.keys()
    for name, tensor in weights.items():
        torch.testing.assert_close(tensor, expected[name], atol=1e-5, rtol=1e-5, msg=name)
    assert (ours.rank, ours.num_processes) == (0, 1)
    assert ours.facts()["num_processes"] == 1


def test_a_finished_training_is_not_trained_again(
    traces: Traces, undisturbed: Pretrained, tmp_path: Path
) -> None:
    steps: list[int] = []
    for _ in range(2):
        made = pretrain(traces, small_run(), tmp_path, on_step=lambda s, *_: steps.append(s))
    assert steps == [1, 2, 3, 4, 5, 6]
    assert bits(made) == bits(undisturbed)
    assert made.training.best_valid == undisturbed.training.best_valid


@pytest.mark.parametrize("steps", [(1,), (3,), (2, 5), (6,)])
def test_an_interrupted_training_ends_with_the_weights_of_an_undisturbed_one(
    steps: tuple[int, ...], traces: Traces, undisturbed: Pretrained, tmp_path: Path
) -> None:
    for step in steps:
        with pytest.raises(CutError):
            pretrain(traces, small_run(), tmp_path, on_step=cut_at(step))
    made = pretrain(traces, small_run(), tmp_path)
    assert bits(made) == bits(undisturbed)
    assert made.training.best_step == undisturbed.training.best_step
    # Evaluations, and their checkpoints, are every second step.
    assert made.training.resumed_from == (steps[-1] // 2 * 2 or None)


def test_training_changes_weights_and_another_seed_changes_all(
    traces: Traces, undisturbed: Pretrained, tmp_path: Path
) -> None:
    untrained, _ = small_run().build(traces)
    other = pretrain(traces, small_run().with_seed(1), tmp_path)
    first = {n: t.numpy().tobytes() for n, t in untrained.encoder.state_dict().items()}
    # Nobody without an event is trained on, so the vector of such users stays as it was drawn.
    assert [n for n, b in bits(undisturbed).items() if b == first[n]] == ["no_events"]
    constant = {n for n, b in bits(other).items() if b == bits(undisturbed)[n]}
    assert constant == set()


def test_the_first_weights_are_a_function_of_the_seed_alone(traces: Traces) -> None:
    one, _ = small_run().build(traces)
    torch.manual_seed(123)
    two, _ = small_run().build(traces)
    for name, tensor in one.encoder.state_dict().items():
        assert torch.equal(tensor, two.encoder.state_dict()[name])


def test_global_generators_are_left_as_they_were(traces: Traces, tmp_path: Path) -> None:
    torch.manual_seed(123)
    before = torch.get_rng_state(), numpy_state()
    small_run().build(traces)
    pretrain(traces, small_run(), tmp_path)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert numpy_state() == before[1]


def numpy_state() -> str:
    return repr(np.random.get_state(legacy=False))  # noqa: NPY002 - it is what must not change


def test_nothing_after_the_cutoff_and_no_test_user_reaches_the_weights(
    undisturbed: Pretrained, tmp_path: Path
) -> None:
    events = small_events()
    changed = after(events, CUTOFF, item_id="item-0-0", service="shop-0", price=1e6)
    traces = small_traces(tmp_path / "t", changed)
    split = small_run().split
    for row in split.rows(traces, "test"):
        changed[f"user-{row:02d}"] = [{"time": 1_577_900_000, "item_id": "theirs"}] * 20
    assert len(split.rows(traces, "test"))
    traces = small_traces(tmp_path / "u", changed)
    made = pretrain(traces, small_run(), tmp_path / "training")
    assert made.num_train == undisturbed.num_train
    assert bits(made) == bits(undisturbed)


def test_valid_users_decide_the_step_and_teach_nothing(
    traces: Traces, undisturbed: Pretrained, tmp_path: Path
) -> None:
    valid = [r for r in undisturbed.training.history if r["kind"] == "valid"]
    assert [r["step"] for r in valid] == [2, 4, 6]
    best = min(valid, key=lambda r: r["loss"])
    assert undisturbed.training.best_step == best["step"]
    # The valid users become test users: nobody is asked, the train users are the same.
    split = UserSplit(train=0.7, valid=0.0, test=0.3)
    made = pretrain(traces, small_run(split=split), tmp_path)
    assert made.training.best_step is None
    assert made.num_train == undisturbed.num_train
    if undisturbed.training.best_step == 6:
        assert bits(made) == bits(undisturbed)


def test_the_loss_on_valid_users_is_the_same_whenever_it_is_asked(
    traces: Traces, tmp_path: Path
) -> None:
    # Masks are fixed, so a rate of almost nothing keeps the loss where it is.
    run = override(small_run(), ["training.learning_rate=1e-12", "encoder.dropout=0.5"])
    made = pretrain(traces, run, tmp_path)
    losses = [r["loss"] for r in made.training.history if r["kind"] == "valid"]
    assert losses == pytest.approx([losses[0]] * 3, abs=1e-5)


def test_a_model_knows_how_it_was_made(traces: Traces, undisturbed: Pretrained) -> None:
    about = json.loads(json.dumps(undisturbed.model.about))
    assert about["run"] == json.loads(json.dumps(small_run().to_dict()))
    assert about["data"]["digest"] == traces.digest
    assert about["data"]["num_users"] == 30
    assert about["data"]["first"].startswith("2020-01-0")
    assert about["data"]["last"].startswith("2020-03-")
    assert about["training"]["steps"] == 6
    assert about["training"]["best_valid"] == undisturbed.training.best_valid


def test_the_number_of_train_users_is_those_with_enough_events(
    traces: Traces, undisturbed: Pretrained
) -> None:
    run = small_run()
    snapshot = Snapshot(traces, CUTOFF, run.split.rows(traces, "train"))
    assert undisturbed.num_train == (snapshot.lengths_U >= 3).sum()
    assert 0 < undisturbed.num_train < snapshot.num_users


def test_too_few_events_are_told(traces: Traces, tmp_path: Path) -> None:
    run = override(small_run(), ["sequence.min_events=1000"])
    with pytest.raises(GuardError, match="no train user has 1000 events before 2020-03-01"):
        pretrain(traces, run, tmp_path)
    with pytest.raises(GuardError, match="before the end of the data"):
        pretrain(traces, replace(run, as_of=None), tmp_path)


def test_a_channel_that_is_not_there_is_told(traces: Traces, tmp_path: Path) -> None:
    run = small_run(vocabulary=ChannelVocabularyConfig(channels=("itm_id",)))
    with pytest.raises(DataError, match="did you mean 'item_id'"):
        pretrain(traces, run, tmp_path)


def test_a_folder_with_another_training_is_refused(traces: Traces, tmp_path: Path) -> None:
    pretrain(traces, small_run(), tmp_path)
    with pytest.raises(UsageError, match="learning_rate"):
        pretrain(traces, override(small_run(), ["training.learning_rate=0.5"]), tmp_path)


def test_a_device_that_is_not_there_is_told_before_anything_is_done(
    traces: Traces, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="device 'gpu'"):
        pretrain(traces, small_run(), tmp_path / "training", device="gpu")
    assert not (tmp_path / "training").exists()


def test_ordinal_time_trains_on_all_but_the_last_events(tmp_path: Path) -> None:
    events = {
        f"u{n}": [{"time": t, "item_id": f"i{t % 3}"} for t in range(n)] for n in range(5, 25)
    }
    traces = write_traces(tmp_path / "t", events, {"item_id": "id"}, time_unit="order")
    made = pretrain(traces, small_run(as_of=2), tmp_path / "training")
    assert made.training.steps == 6
    assert "first" not in made.model.about["data"]
    with pytest.raises(UsageError, match="time here is an order"):
        pretrain(traces, small_run(), tmp_path / "other")


def entropy(values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
    share = np.unique(values, return_counts=True)[1] / len(values)
    return float(-(share * np.log(share)).sum())


def test_it_learns_more_than_how_often_values_occur(tmp_path: Path) -> None:
    # No predictor that looks at frequencies alone beats the entropy of the valid users' values.
    config = SyntheticConfig(
        num_users=150, events_per_user=40, num_items=16, num_tastes=4, drift_share=0
    )
    traces, _ = make_traces(config, tmp_path / "traces")
    run = override(
        channel("quick"),
        [
            "encoder={width: 16, channel_dim: 8, hidden: 32, num_blocks: 1, num_heads: 2, "
            "max_events: 64, dropout: 0}",
            "training={max_steps: 60, schedule: onecycle, learning_rate: 0.03}",
            "sequence.token_budget=1024",
            "vocabulary={num_bins: 8, min_users: 3}",
            "objective.mask_share=0.4",
        ],
    )
    made = pretrain(traces, run, tmp_path / "training")
    parts = made.training.history[-1]["parts"]
    assert made.training.history[-1]["kind"] == "valid"
    assert isinstance(made.model.encoding, ChannelEncoding)
    vocabulary = made.model.encoding.vocabulary
    snapshot = Snapshot(traces, None, run.split.rows(traces, "valid"))
    batch = ChannelReader(traces, vocabulary).read(snapshot_request(snapshot, 10**6))
    columns = {c.name: batch.tokens_TC[:, i] for i, c in enumerate(vocabulary.token_channels)}
    columns["price"] = batch.bins_TF[:, 0]
    for name in ("category", "item_id", "service", "price"):
        known = columns[name][columns[name] >= (0 if name == "price" else UNKNOWN + 1)]
        assert parts[name] < 0.95 * entropy(known.numpy()), name
    # Purchase or view is the toss of a coin: nothing to learn, and little to get wrong.
    assert parts["kind"] == pytest.approx(np.log(2), abs=0.1)
