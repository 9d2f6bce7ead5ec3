"""Training: what resuming, evaluation and the log promise, on a toy of a few hundred weights."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from habitus.encoders import UserEncoder
from habitus.errors import DataError, GuardError, UsageError
from habitus.objectives import Loss, Objective
from habitus.random import derive_seed, torch_generator
from habitus.training import Trainer, TrainingConfig, TrainingResult
from habitus.training.checkpoint import CheckpointFolder
from habitus.training.schedule import schedule

from .toy import CONFIG, ToyBatch, ToySource, toy_batch, toy_modules, toy_trainer

TIMES = ("seconds", "users_per_second", "events_per_second", "peak_memory_bytes", "resumed_from")


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)


class StopHereError(Exception):
    """Injected."""


def stop_at(step: int, error: type[BaseException] = StopHereError) -> Callable[..., None]:
    def on_step(done: int, *_: object) -> None:
        if done == step:
            raise error

    return on_step


def without_times(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in TIMES}


def outcome(result: TrainingResult) -> dict[str, Any]:
    """Everything that must not depend on when a training was interrupted."""
    values = without_times(result.to_dict())
    values["history"] = [without_times(record) for record in values["history"]]
    return values


def weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in trainer.modules.state_dict().items()}


def assert_equal_state(one: Path, other: Path) -> None:
    """Compare the last checkpoints bit by bit: weights, optimiser, position, sums."""
    a = CheckpointFolder(one / "checkpoints").latest()
    b = CheckpointFolder(other / "checkpoints").latest()
    assert a is not None
    assert b is not None
    assert a.tensors.keys() == b.tensors.keys()
    assert [n for n in a.tensors if not torch.equal(a.tensors[n], b.tensors[n])] == []
    for values in (a.values, b.values):
        for sums in (values["meter"]["total"], values["meter"]["window"], values):
            sums.pop("seconds")
        values["meter"].pop("peak_memory_bytes")
        # The lines are compared; their length varies with the digits of the times.
        values.pop("log_bytes")
    assert a.values == b.values


def assert_same_training(one: Path, other: Path) -> None:
    assert_equal_state(one, other)
    logs = [(path / "log.jsonl").read_text().splitlines() for path in (one, other)]
    records = [[without_times(json.loads(line)) for line in log] for log in logs]
    assert records[0] == records[1]


VARIANTS = {
    "plain": CONFIG,
    "averaged": replace(CONFIG, ema_decay=0.9),
    "accumulated": replace(CONFIG, accumulate=3, schedule="onecycle", warmup_share=0.3),
    "bf16": replace(CONFIG, precision="bf16", schedule="wsd"),
}


@pytest.mark.parametrize(
    ("variant", "stops"),
    [
        ("plain", (1,)),
        ("plain", (6,)),
        ("plain", (23,)),
        ("plain", (5, 17)),
        ("averaged", (13,)),
        ("accumulated", (7, 12)),
        ("bf16", (9,)),
    ],
    ids=str,
)
def test_a_resumed_run_is_an_uninterrupted_one(
    tmp_path: Path, variant: str, stops: tuple[int, ...]
) -> None:
    config = VARIANTS[variant]
    whole = toy_trainer(config, tmp_path / "whole")
    expected = whole.fit()
    for attempt, step in enumerate(stops):
        # With and without reading ahead: the position is that of the batches that were used.
        broken = toy_trainer(config, tmp_path / "parts", prefetch=attempt, on_step=stop_at(step))
        with pytest.raises(StopHereError):
            broken.fit()
    resumed = toy_trainer(config, tmp_path / "parts", prefetch=1)
    result = resumed.fit()
    assert result.resumed_from == stops[-1]
    assert outcome(result) == outcome(expected)
    assert_same_training(tmp_path / "whole", tmp_path / "parts")
    ours, theirs = weights(resumed), weights(whole)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_what_came_after_the_last_checkpoint_happens_again(tmp_path: Path) -> None:
    # Checkpoints at evaluations only, every 6 steps; stopped at 16, it goes on from 12.
    config = replace(CONFIG, checkpoint_every_s=1e9)
    toy_trainer(config, tmp_path / "whole").fit()
    with pytest.raises(StopHereError):
        toy_trainer(config, tmp_path / "parts", on_step=stop_at(16)).fit()
    assert toy_trainer(config, tmp_path / "parts").fit().resumed_from == 12
    assert_same_training(tmp_path / "whole", tmp_path / "parts")


def test_a_stop_before_the_first_checkpoint_begins_anew(tmp_path: Path) -> None:
    config = replace(CONFIG, checkpoint_every_s=1e9)
    with pytest.raises(StopHereError):
        toy_trainer(config, tmp_path / "parts", on_step=stop_at(5)).fit()
    assert toy_trainer(config, tmp_path / "parts").fit().resumed_from is None
    toy_trainer(config, tmp_path / "whole").fit()
    assert_same_training(tmp_path / "whole", tmp_path / "parts")


KILLED = """
import sys, time
from pathlib import Path
from tests.training.toy import CONFIG, toy_trainer
toy_trainer(CONFIG, Path(sys.argv[1]), prefetch=1, on_step=lambda *_: time.sleep(0.02)).fit()
"""


def test_kill_minus_9_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
    )
    checkpoints = CheckpointFolder(folder / "checkpoints")
    for _ in range(6_000):
        if process.poll() is not None or any(step >= 7 for step in checkpoints.steps()):
            break
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    result = toy_trainer(CONFIG, folder).fit()
    assert result.resumed_from is not None
    assert 7 <= result.resumed_from < 24
    toy_trainer(CONFIG, tmp_path / "whole").fit()
    assert_same_training(tmp_path / "whole", folder)


def test_a_torn_checkpoint_costs_one_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(StopHereError):
        toy_trainer(CONFIG, tmp_path / "torn", on_step=stop_at(10)).fit()
    path = CheckpointFolder(tmp_path / "torn" / "checkpoints").path(10)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.warns(RuntimeWarning, match=r"step-000000010.* the one before is used"):
        result = toy_trainer(CONFIG, tmp_path / "torn").fit()
    assert result.resumed_from == 9
    toy_trainer(CONFIG, tmp_path / "whole").fit()
    assert_same_training(tmp_path / "whole", tmp_path / "torn")


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first, second = toy_trainer(CONFIG, tmp_path), toy_trainer(CONFIG, tmp_path)
    expected = first.fit()
    result = second.fit()
    assert result.resumed_from == 24
    assert outcome(result) == outcome(expected)
    ours, theirs = weights(second), weights(first)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.5}, r"training\.learning_rate = 0\.01, this run has 0\.5"),
        ({"max_steps": 30}, r"training\.max_steps = 24, this run has 30"),
        ({"ema_decay": 0.9}, r"training\.ema_decay = None, this run has 0\.9"),
        ({"seed": 4}, r"training\.seed = 3, this run has 4"),
    ],
)
def test_other_settings_do_not_go_on(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(StopHereError):
        toy_trainer(CONFIG, tmp_path, on_step=stop_at(3)).fit()
    log = (tmp_path / "log.jsonl").read_text()
    with pytest.raises(UsageError, match=message):
        toy_trainer(replace(CONFIG, **change), tmp_path).fit()
    assert (tmp_path / "log.jsonl").read_text() == log


def test_other_data_does_not_go_on(tmp_path: Path) -> None:
    with pytest.raises(StopHereError):
        toy_trainer(CONFIG, tmp_path, on_step=stop_at(3), data_digest="abc").fit()
    with pytest.raises(UsageError, match="data = 'abc', this run has 'xyz'"):
        toy_trainer(CONFIG, tmp_path, data_digest="xyz").fit()
    toy_trainer(replace(CONFIG, checkpoint_every_s=60), tmp_path, data_digest="abc").fit()


def test_the_loop_is_that_of_a_textbook(tmp_path: Path) -> None:
    # The slow twin: no groups, no thread, no checkpoint, no log.
    config = replace(CONFIG, max_steps=8, weight_decay=0.0, evaluate_every=None)
    trainer = toy_trainer(config, tmp_path, validated=False)
    trainer.fit()
    encoder, objective = toy_modules()
    both = nn.ModuleDict({"encoder": encoder, "objective": objective})
    optimizer = torch.optim.AdamW(both.parameters(), lr=1.0, weight_decay=0.0)
    twin = toy_trainer(config, tmp_path / "twin", validated=False)
    for step in range(8):
        optimizer.param_groups[0]["lr"] = 1e-2 * schedule(config)(step)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(3, "dropout", step))
            generator = torch_generator(3, "objective", step)
            loss = objective(encoder, next(twin.loader), generator).total
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(both.parameters(), 1.0)
        optimizer.step()
    torch.testing.assert_close(weights(trainer), dict(both.state_dict()))


def test_training_learns(tmp_path: Path) -> None:
    # Users prefer 4 of 12 codes: from ln 12 = 2.48 at the start towards ln 4 = 1.39.
    config = TrainingConfig(max_steps=120, learning_rate=0.1)
    result = toy_trainer(config, tmp_path).fit()
    assert result.best_valid is not None
    assert 1.3 < result.best_valid < 1.8
    assert result.history[0]["loss"] > 2.2


class Scripted:
    """A validation objective whose losses are written down, and the weights at each."""

    def __init__(self, *losses: float) -> None:
        self.losses = list(losses)
        self.seen: list[Tensor] = []
        self.encoder: UserEncoder | None = None

    def __call__(self) -> Loss:
        assert self.encoder is not None
        assert not self.encoder.training
        assert not torch.is_grad_enabled()
        self.seen.append(self.encoder.state_dict()["hidden.weight"].clone())
        total = torch.tensor(self.losses[len(self.seen) - 1])
        return Loss(total, {"a": total}, {"a": torch.tensor(1)})


def scripted(config: TrainingConfig, folder: Path, *losses: float) -> tuple[Trainer, Scripted]:
    validate = Scripted(*losses)
    trainer = toy_trainer(config, folder, validate=validate)
    validate.encoder = trainer.encoder
    return trainer, validate


def test_patience_ends_it_and_the_best_weights_are_kept(tmp_path: Path) -> None:
    config = replace(CONFIG, max_steps=60, patience=2)
    trainer, validate = scripted(config, tmp_path, 3.0, 1.0, 2.0, 1.0, 0.0)
    result = trainer.fit()
    # Evaluations at 6, 12, 18, 24; the best, the second, is not improved in two more.
    assert (result.steps, result.stopped_early) == (24, True)
    assert (result.best_step, result.best_valid) == (12, 1.0)
    assert [r["best"] for r in result.history if r["kind"] == "valid"] == [True, True, False, False]
    kept = trainer.encoder.state_dict()["hidden.weight"]
    assert torch.equal(kept, validate.seen[1])
    assert not torch.equal(kept, validate.seen[3])
    assert not trainer.encoder.training


def test_a_stopped_training_stays_stopped(tmp_path: Path) -> None:
    config = replace(CONFIG, max_steps=60, patience=1)
    trainer, first = scripted(config, tmp_path, 1.0, 2.0)
    trainer.fit()
    again, second = scripted(config, tmp_path)
    result = again.fit()
    assert (result.steps, result.stopped_early, result.resumed_from) == (12, True, 12)
    assert second.seen == []
    assert torch.equal(again.encoder.state_dict()["hidden.weight"], first.seen[0])


def test_there_is_an_evaluation_at_the_end(tmp_path: Path) -> None:
    for every, expected in [(None, [10]), (4, [4, 8, 10]), (5, [5, 10])]:
        config = replace(CONFIG, max_steps=10, evaluate_every=every)
        result = toy_trainer(config, tmp_path / str(every)).fit()
        assert [r["step"] for r in result.history if r["kind"] == "valid"] == expected


def test_without_validation_the_last_weights_are_kept(tmp_path: Path) -> None:
    trainer = toy_trainer(CONFIG, tmp_path, validated=False)
    result = trainer.fit()
    assert (result.best_step, result.best_valid) == (None, None)
    last = CheckpointFolder(tmp_path / "checkpoints").load(24).tensors
    for name, value in trainer.modules.state_dict().items():
        assert torch.equal(value, last[f"model.{name}"])


def test_evaluating_changes_nothing_but_the_log(tmp_path: Path) -> None:
    def careless() -> Loss:
        torch.rand(7)
        return Loss(torch.tensor(1.0), {}, {})

    config = replace(CONFIG, evaluate_every=1)
    toy_trainer(config, tmp_path / "careless", validate=careless).fit()
    toy_trainer(CONFIG, tmp_path / "none", validated=False).fit()
    one, other = (
        CheckpointFolder(tmp_path / name / "checkpoints").load(24).tensors
        for name in ("careless", "none")
    )
    assert all(torch.equal(one[name], other[name]) for name in other)


def test_a_decay_of_zero_is_no_average(tmp_path: Path) -> None:
    # Switched on and neutral must equal switched off.
    off, on = toy_trainer(CONFIG, tmp_path / "off"), None
    off_result = off.fit()
    on = toy_trainer(replace(CONFIG, ema_decay=0.0), tmp_path / "on")
    assert outcome(on.fit()) == outcome(off_result)
    ours, theirs = weights(on), weights(off)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_average_is_validated_and_kept(tmp_path: Path) -> None:
    config = replace(CONFIG, ema_decay=0.9)
    trainer, validate = scripted(config, tmp_path, 4.0, 3.0, 2.0, 1.0)
    trainer.fit()
    last = CheckpointFolder(tmp_path / "checkpoints").load(24).tensors
    average = last["ema.encoder.hidden.weight"]
    assert torch.equal(validate.seen[-1], average)
    assert torch.equal(trainer.encoder.state_dict()["hidden.weight"], average)
    assert not torch.equal(last["model.encoder.hidden.weight"], average)


def test_the_average_is_kept_without_validation_too(tmp_path: Path) -> None:
    trainer = toy_trainer(replace(CONFIG, ema_decay=0.9), tmp_path, validated=False)
    trainer.fit()
    last = CheckpointFolder(tmp_path / "checkpoints").load(24).tensors
    kept = trainer.encoder.state_dict()["hidden.weight"]
    assert torch.equal(kept, last["ema.encoder.hidden.weight"])


class Wrapped(Objective):
    """The toy objective with a loss that goes wrong at one call."""

    name = "toy"

    def __init__(self, inner: Objective, call: int, factor: float) -> None:
        super().__init__()
        self.config = inner.config
        self.inner, self.call, self.factor, self.calls = inner, call, factor, 0

    def forward(self, encoder: UserEncoder, batch: ToyBatch, generator: torch.Generator) -> Loss:
        self.calls += 1
        loss: Loss = self.inner(encoder, batch, generator)
        if self.calls != self.call:
            return loss
        return Loss(loss.total * self.factor, {"code": loss.total.detach()}, loss.counts)

    def forward_flops(self, encoder: UserEncoder, batch: ToyBatch) -> tuple[float, float]:
        return self.inner.forward_flops(encoder, batch)


@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_training(tmp_path: Path, factor: float) -> None:
    trainer = toy_trainer(CONFIG, tmp_path, wrap=lambda inner: Wrapped(inner, 9, factor))
    with pytest.raises(GuardError) as caught:
        trainer.fit()
    message = str(caught.value)
    rate = 1e-2 * schedule(CONFIG)(8)
    assert f"the loss is not finite at step 9: {factor}" in message
    assert f"learning rate {rate}" in message
    assert "parts {'code': 2." in message
    assert "the checkpoint of step 8 is in" in message
    assert "Lower learning_rate" in message
    saved = CheckpointFolder(tmp_path / "checkpoints").latest()
    assert saved is not None
    assert saved.step == 8
    # The weights were not touched by the step that failed.
    for name, value in trainer.modules.state_dict().items():
        assert torch.equal(value, saved.tensors[f"model.{name}"])


def test_a_validation_that_is_not_finite_stops_the_training(tmp_path: Path) -> None:
    trainer, _ = scripted(CONFIG, tmp_path, 1.0, float("nan"))
    with pytest.raises(GuardError, match=r"not finite .* on the validation users"):
        trainer.fit()


def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(tmp_path: Path) -> None:
    def press(done: int, *_: object) -> None:
        if done == 4:
            os.kill(os.getpid(), signal.SIGINT)

    config = replace(CONFIG, checkpoint_every_s=1e9)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    trainer = toy_trainer(config, tmp_path / "parts", on_step=press)
    with pytest.raises(KeyboardInterrupt, match="Run the same again to go on") as caught:
        trainer.fit()
    # Pressed after step 4, so step 5 is finished first.
    assert "stopped after step 5; the checkpoint of step 5 is in" in str(caught.value)
    assert toy_trainer(config, tmp_path / "parts").fit().resumed_from == 5
    toy_trainer(config, tmp_path / "whole").fit()
    assert_same_training(tmp_path / "whole", tmp_path / "parts")


def test_a_stop_inside_a_step_names_the_checkpoint_before(tmp_path: Path) -> None:
    trainer = toy_trainer(CONFIG, tmp_path, on_step=stop_at(1, KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt, match="after step 1; the checkpoint of step 1 is in"):
        trainer.fit()


def test_the_log_holds_what_a_report_needs(tmp_path: Path) -> None:
    result = toy_trainer(CONFIG, tmp_path).fit()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines == result.history
    train = [line for line in lines if line["kind"] == "train"]
    assert [line["step"] for line in train] == [4, 8, 12, 16, 20, 24]
    assert set(train[0]) == {
        *("kind", "step", "loss", "parts", "learning_rate", "grad_norm", "users", "events"),
        *("flops_true", "flops_executed", "padding_share", "users_per_second"),
        *("events_per_second", "peak_memory_bytes"),
    }
    # 23 users in 5 batches an epoch: 4 epochs and 4 batches of 5.
    assert train[-1]["users"] == 4 * 23 + 4 * 5
    assert 0 < result.flops_true < result.flops_executed
    assert (train[-1]["flops_true"], train[-1]["flops_executed"]) == (
        result.flops_true,
        result.flops_executed,
    )


def test_a_line_is_the_mean_since_the_line_before(tmp_path: Path) -> None:
    every = toy_trainer(replace(CONFIG, log_every=1), tmp_path / "every", validated=False).fit()
    some = toy_trainer(replace(CONFIG, log_every=4), tmp_path / "some", validated=False).fit()
    losses = [record["loss"] for record in every.history]
    means = [sum(losses[i : i + 4]) / 4 for i in range(0, 24, 4)]
    assert [record["loss"] for record in some.history] == pytest.approx(means)


def test_accumulated_batches_are_one_large_one(tmp_path: Path) -> None:
    # Dropout off and nothing hidden by chance: the mean of two equal batches is the batch.
    class Same(ToySource):
        def make(self, unit: Any, generator: Any) -> ToyBatch:
            return toy_batch({1: 9, 2: 5})

    class Constant(Wrapped):
        def forward(self, encoder: UserEncoder, batch: ToyBatch, generator: Any) -> Loss:
            encoder.eval()
            fixed = torch.Generator().manual_seed(1)
            loss: Loss = self.inner(encoder, batch, fixed)
            return loss

    trainers, norms = [], []
    for accumulate in (1, 2):
        config = replace(CONFIG, max_steps=6, accumulate=accumulate)
        trainer = toy_trainer(
            config,
            tmp_path / str(accumulate),
            validated=False,
            source=Same(),
            wrap=lambda inner: Constant(inner, 0, 1.0),
        )
        result = trainer.fit()
        assert result.history[-1]["users"] == 6 * accumulate * 2
        trainers.append(trainer)
        # Adam does not see the scale of a gradient, its norm does.
        norms.append(result.history[-1]["grad_norm"])
    assert norms[0] == pytest.approx(norms[1], rel=1e-4)
    torch.testing.assert_close(weights(trainers[0]), weights(trainers[1]))


def test_progress_is_told_after_each_step(tmp_path: Path) -> None:
    seen: list[tuple[int, int, dict[str, float]]] = []
    toy_trainer(CONFIG, tmp_path, on_step=lambda *args: seen.append(args)).fit()
    assert [(done, steps) for done, steps, _ in seen] == [(s, 24) for s in range(1, 25)]
    assert set(seen[0][2]) == {
        *("loss", "learning_rate", "grad_norm", "users_per_second", "events_per_second")
    }


class Collecting:
    """A tracker that keeps what it gets."""

    def __init__(self) -> None:
        self.records: list[Any] = []
        self.closed = False

    def log(self, record: Any) -> None:
        self.records.append(record)

    def close(self) -> None:
        self.closed = True


def test_trackers_get_every_line_and_are_closed(tmp_path: Path) -> None:
    tracker = Collecting()
    result = toy_trainer(CONFIG, tmp_path, trackers=[tracker]).fit()
    assert tracker.records == result.history
    assert tracker.closed


def test_nothing_global_is_changed(tmp_path: Path) -> None:
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    config = replace(CONFIG, num_threads=2 if threads == 1 else 1)
    used = []
    toy_trainer(config, tmp_path, on_step=lambda *_: used.append(torch.get_num_threads())).fit()
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    assert set(used) == {config.num_threads}


def test_the_global_generator_does_not_decide(tmp_path: Path) -> None:
    results = []
    for seed in (0, 1):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            trainer = toy_trainer(replace(CONFIG, max_steps=3), tmp_path / str(seed))
            trainer.fit()
            results.append(weights(trainer))
    assert all(torch.equal(results[0][name], value) for name, value in results[1].items())


def test_patience_needs_validation(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="patience needs a validation objective"):
        toy_trainer(replace(CONFIG, patience=1), tmp_path, validated=False)


def test_a_trainer_trains_once(tmp_path: Path) -> None:
    trainer = toy_trainer(replace(CONFIG, max_steps=1), tmp_path)
    trainer.fit()
    with pytest.raises(UsageError, match="trains once"):
        trainer.fit()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")
def test_a_gpu_learns_the_same_as_a_cpu(tmp_path: Path) -> None:
    config = replace(CONFIG, precision="fp32", ema_decay=0.9)
    expected = toy_trainer(config, tmp_path / "cpu").fit()
    with pytest.raises(StopHereError):
        toy_trainer(config, tmp_path / "gpu", device="cuda", on_step=stop_at(10)).fit()
    result = toy_trainer(config, tmp_path / "gpu", device="cuda").fit()
    assert result.resumed_from == 10
    # Dropout draws other numbers on a GPU.
    assert result.best_valid == pytest.approx(expected.best_valid, rel=0.05)


def test_a_damaged_best_checkpoint_is_told(tmp_path: Path) -> None:
    config = replace(CONFIG, max_steps=18)
    trainer, _ = scripted(config, tmp_path, 1.0, 2.0, 3.0)
    best = CheckpointFolder(tmp_path / "checkpoints").path(6)

    def damage(done: int, *_: object) -> None:
        if done == 18:
            best.write_bytes(b"torn")

    trainer.on_step = damage
    with pytest.raises(DataError, match="step-000000006"):
        trainer.fit()
