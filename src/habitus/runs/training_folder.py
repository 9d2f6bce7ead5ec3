"""Whose training a folder holds: one run on one data, told in ``run.json`` before it begins.

A checkpoint knows the encoder, the objective and the digest of the traces, but not from which of
their events and users it learned: a training that was interrupted with a later cutoff and went on
with an earlier one would have seen the future. So the whole run is compared.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from habitus.errors import UsageError
from habitus.representations.encode import write_atomically
from habitus.representations.model import read_json
from habitus.runs.base import Run
from habitus.training.identity import FREE

FILE: Final = "run.json"
HELD: Final = ("checkpoints", "work", "log.jsonl", FILE)
"""What a training leaves; and ``process-*`` of further processes."""
_SHOWN: Final = 3


def claim(folder: Path, run: Run, data: str, *, anew: bool = False) -> None:
    """Say that a folder holds the training of a run; what a finished one left is removed.

    Args:
        folder: where the training has its log and its checkpoints.
        run: the run.
        data: digest of its traces.
        anew: remove an unfinished training of another run, too.

    Raises:
        UsageError: the folder holds an unfinished training of another run.
    """
    now = {**_flat(run.to_dict()), "traces": data}
    file = folder / FILE
    before = read_json(file) if file.is_file() else None
    different = [] if before is None else _different(before, now)
    unfinished = any((folder / "checkpoints").glob("step-*"))
    if different and unfinished and not anew:
        told = ", ".join(f"{key} ({old!r}, now {new!r})" for key, old, new in different[:_SHOWN])
        more = f" and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        raise UsageError(
            f"{folder} holds an unfinished training with another {told}{more}: go on with the "
            f"same, choose another place, or start anew with --overwrite"
        )
    # Checkpoints that nobody has claimed may be of anything.
    if different or (before is None and unfinished and anew):
        clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(now, indent=1).encode())


def clear(folder: Path) -> None:
    """Remove what a training left in a folder, and nothing else."""
    for path in [*(folder / name for name in HELD), *folder.glob("process-*")]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _different(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    keys = [key for key in dict.fromkeys([*now, *before]) if key not in FREE]
    pairs = [(key, before.get(key), now.get(key)) for key in keys]
    return [(key, old, new) for key, old, new in pairs if old != new]


def _flat(values: Mapping[str, Any], head: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        below = isinstance(value, Mapping)
        found |= _flat(value, f"{head}{key}.") if below else {f"{head}{key}": value}
    return found
