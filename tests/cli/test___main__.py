"""The command in several real processes: a sharded table trains as a plain one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import habitus
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.representations.model import Model
from tests.small import CUTOFF, small_traces

SETTINGS = (
    "encoder={width: 8, channel_dim: 4, hidden: 8, num_blocks: 1, num_heads: 2, max_events: 16}",
    "sequence={min_events: 3, max_events: 16, token_budget: 64}",
    "vocabulary.min_users=2",
    # The items by sampled softmax, the shops by the whole one.
    "objective={sampled_above: 8, num_negatives: 5}",
    # Adam divides a gradient that is nothing but rounding by itself, unless this is added.
    "training={max_steps: 4, evaluate_every: 2, log_every: 1, eps: 0.001}",
)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return small_traces(tmp_path_factory.mktemp("made") / "traces")


def pretrained(traces: Traces, out: Path, *settings: str) -> Path:
    """Train with ``torchrun`` in two processes; return the model directory."""
    words = ["pretrain", str(traces.path), "--out", str(out), "--run", "supermoe"]
    words += ["--preset", "quick", "--as-of", CUTOFF]
    words += [f"--set={setting}" for setting in (*SETTINGS, *settings)]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    # Without the two dashes torchrun would read --run as an option of its own.
    command = [*launcher, "--nproc-per-node", "2", "-m", "--", "habitus.cli", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("steps on ") == 1, "one process tells, and not both"
    assert done.stderr.count("pretrain …") == 1
    return out


@pytest.fixture(scope="module")
def both(traces: Traces, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The models of a sharded and of a plain table, in two processes each."""
    root = tmp_path_factory.mktemp("processes")
    sharded = pretrained(traces, root / "sharded", "sharded=true")
    plain = pretrained(traces, root / "plain", "training.table_optimizer=row_wise_adagrad")
    return sharded, plain


def log_of(out: Path) -> list[dict[str, Any]]:
    lines = out.with_name(out.name + ".training").joinpath("log.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def weights(model: Model) -> dict[str, torch.Tensor]:
    return model.encoder.state_dict()


def test_losses_and_steps_are_those_of_a_plain_table(both: tuple[Path, Path]) -> None:
    ours, theirs = (log_of(out) for out in both)
    assert [record["kind"] for record in ours] == [record["kind"] for record in theirs]
    assert len(ours) == 6
    # Before any step the numbers are looked up and not computed: bit by bit the same.
    assert ours[0]["loss"] == theirs[0]["loss"]
    for one, other in zip(ours, theirs, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-5)
        if one["kind"] == "train":
            assert one["grad_norm"] == pytest.approx(other["grad_norm"], abs=1e-5)
    sharded, plain = (weights(habitus.load(out)) for out in both)
    assert sharded.keys() == plain.keys()
    for name, tensor in sharded.items():
        torch.testing.assert_close(tensor, plain[name], atol=1e-5, rtol=1e-5, msg=name)


def test_the_model_is_whole_and_encodes_like_any_other(
    both: tuple[Path, Path], traces: Traces
) -> None:
    sharded, plain = (habitus.load(out) for out in both)
    assert type(sharded.encoder.get_submodule("project.table")) is torch.nn.Embedding
    snapshot = Snapshot(traces, CUTOFF)
    z_UD = sharded.encode(snapshot)
    assert z_UD.shape == (traces.num_users, sharded.representation_dim)
    np.testing.assert_allclose(z_UD, plain.encode(snapshot), atol=1e-5)
    assert sharded.about["run"]["sharded"] is True
    assert sharded.about["training"]["num_processes"] == 2
    # Training moved the table: rows that nobody met would be those of the first step.
    assert plain.about["training"]["parameters"] == sharded.about["training"]["parameters"]


def test_each_process_has_its_log_and_no_checkpoint_stays(both: tuple[Path, Path]) -> None:
    folder = both[0].with_name("sharded.training")
    found = sorted(path.name for path in folder.rglob("*") if path.is_file())
    assert found == ["log.jsonl", "log.jsonl", "run.json"]
    other = (folder / "process-1/log.jsonl").read_text().splitlines()
    ours, theirs = log_of(both[0]), [json.loads(line) for line in other]
    # Channels' losses are means over the targets of both; users are each one's own.
    assert [r["loss"] for r in ours if r["kind"] == "valid"] == [
        r["loss"] for r in theirs if r["kind"] == "valid"
    ]


@pytest.mark.parametrize(("code", "status"), [(0, 0), (3, 3), (None, 0), ("said", 1)])
def test_one_of_several_processes_ends_at_once_with_the_status_of_the_command(
    code: object, status: int
) -> None:
    # Were the interpreter shut down, what is registered would be done.
    script = f"""
import atexit, sys
import habitus.cli.__main__ as module
atexit.register(print, "shut down")
def main():
    print("done")
    sys.exit({code!r})
module.main = main
module.run()
"""
    command = [sys.executable, "-c", script]
    for world, told in (("2", "done\n"), ("1", "done\nshut down\n")):
        done = subprocess.run(
            command, env={**os.environ, "WORLD_SIZE": world}, capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (status, told)
        assert done.stderr == ("said\n" if code == "said" else "")
