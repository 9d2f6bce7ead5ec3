"""Checkpoints: tensors and plain values in one file that is either whole or not there.

A checkpoint is one safetensors file; its header holds the values as JSON, and the checksum of every
tensor. It is written beside its place, flushed to the disk, and moved in place by one rename. No
pickle is read or written.
"""

from __future__ import annotations

import contextlib
import json
import os
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from habitus.config import digest_of
from habitus.errors import DataError

KEEP = 2
"""Newest checkpoints that are kept, beside the best of each."""
SUFFIX = ".safetensors"


class Checkpoint(NamedTuple):
    """The state of a training after a step."""

    step: int
    tensors: dict[str, Tensor]
    """On the CPU."""
    values: dict[str, Any]
    """Plain values. ``best_step`` names another checkpoint, which is kept as long as this one."""


class CheckpointFolder:
    """The checkpoints of one training: the newest two, and the best."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def steps(self) -> list[int]:
        """Return the steps of the checkpoints that are there, damaged or not, oldest first."""
        return sorted(
            int(p.stem.removeprefix("step-")) for p in self.folder.glob(f"step-*{SUFFIX}")
        )

    def path(self, step: int) -> Path:
        """Return where the checkpoint of a step lies."""
        return self.folder / f"step-{step:09d}{SUFFIX}"

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, then remove those that are no longer needed.

        Raises:
            DataError: it cannot be written; the earlier ones are untouched.
        """
        path = self.path(checkpoint.step)
        part = path.with_suffix(".part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(part, checkpoint)
            part.replace(path)
            _sync(self.folder)
        except (OSError, SafetensorError) as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise DataError(
                f"cannot write the checkpoint {path}: {error}; make room or choose another folder, "
                f"then run again: training goes on from the checkpoint before"
            ) from error
        self._prune(checkpoint.step)

    def latest(self) -> Checkpoint | None:
        """Return the newest checkpoint that is whole, and warn of damaged ones; None without any.

        Raises:
            DataError: there are checkpoints and every one is damaged.
        """
        steps = self.steps()
        for step in reversed(steps):
            try:
                return self.load(step)
            except DataError as error:
                warnings.warn(f"{error}; the one before is used", RuntimeWarning, stacklevel=2)
        if steps:
            raise DataError(
                f"every checkpoint in {self.folder} is damaged: remove the folder to start again"
            )
        return None

    def load(self, step: int) -> Checkpoint:
        """Read the checkpoint of a step.

        Raises:
            DataError: it is damaged or not there.
        """
        path = self.path(step)
        try:
            return _read(path, step)
        except (OSError, SafetensorError, LookupError, ValueError, TypeError) as error:
            raise DataError(f"the checkpoint {path} is damaged: {error}") from error

    def _prune(self, newest: int) -> None:
        # A step above the newest is a damaged leftover that training has not reached again.
        steps = [step for step in self.steps() if step <= newest][-KEEP:]
        kept = {*steps, *(self._best_of(step) for step in steps)}
        for path in self.folder.glob("step-*"):
            if path.suffix != SUFFIX or _step(path) not in kept:
                path.unlink(missing_ok=True)

    def _best_of(self, step: int) -> int | None:
        try:
            with safe_open(self.path(step), "pt") as file:
                best: int | None = json.loads(file.metadata()["values"])["best_step"]
        except (SafetensorError, OSError, LookupError, ValueError):
            return None
        return best


def _step(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def _write(path: Path, checkpoint: Checkpoint) -> None:
    tensors = {
        # A copy of each, since safetensors refuses weights that share memory.
        name: tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in checkpoint.tensors.items()
    }
    values = json.dumps(checkpoint.values)
    seal = {"values": digest_of(values), "tensors": _seals(tensors)}
    save_file(tensors, path, metadata={"values": values, "seal": json.dumps(seal)})
    _sync(path)


def _read(path: Path, step: int) -> Checkpoint:
    with safe_open(path, "pt", device="cpu") as file:
        header = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    seal = json.loads(header["seal"])
    if seal["values"] != digest_of(header["values"]) or seal["tensors"] != _seals(tensors):
        raise ValueError("its checksum does not match its content")
    return Checkpoint(step, tensors, json.loads(header["values"]))


def _seals(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    return {
        name: f"{tensor.dtype} {list(tensor.shape)} {zlib.crc32(_bytes(tensor))}"
        for name, tensor in tensors.items()
    }


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.reshape(-1).view(torch.uint8).numpy().data


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
