"""Results as JSON: what the report, the terminal table and other programs read.

Format 1; the keys are those of ``habitus.reports``. Plain numbers only: a value that does not exist
is null. No user id is in it.

Shapes: B test rows, S seeds, R resamples, N bins.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from habitus.data.snapshot import format_time
from habitus.data.split import UserSplit
from habitus.data.traces import Traces
from habitus.evaluation.asked import AskedTask, PartUsers, labels_of
from habitus.evaluation.class_asked import AskedClasses
from habitus.evaluation.features import Method
from habitus.metrics import reliability_curve

FORMAT = 1
PACKAGES = ("habitus", "torch", "numpy", "scipy", "pyarrow", "polars", "scikit-learn")


def write_results(results: Mapping[str, Any], path: str | Path) -> Path:
    """Write results as JSON in one piece: an interrupted write leaves the old file."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.{os.getpid()}.unfinished")
    unfinished.write_text(json.dumps(plain(results), indent=1, allow_nan=False), encoding="utf-8")
    unfinished.replace(file)
    return file


def plain(value: Any) -> Any:  # noqa: ANN401 - anything that becomes JSON
    """Return a value that JSON can hold: NumPy numbers become Python's, NaN becomes None.

    >>> plain({"a": np.float32(0.5), "b": (float("nan"), np.int64(3))})
    {'a': 0.5, 'b': [None, 3]}
    """
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value


def task_entry(task: AskedTask) -> dict[str, Any]:
    """Return what the report says of a task."""
    config, train_B = task.dated.task.config, labels_of(task.train)
    return {
        "name": task.name,
        "question": config.question,
        "horizon_days": config.horizon_days,
        "test_cutoff": format_time(task.test.cutoff),
        "train_cutoffs": [format_time(a.cutoff) for a in task.train],
        "num_train": len(train_B),
        "num_valid": len(labels_of(task.valid)),
        "num_test": len(task.test.y_B),
        "base_rate_train": train_B.mean(),
        "base_rate_test": task.test.y_B.mean(),
        "sensitive": config.sensitive,
        "main_score": task.dated.task.main_score,
    }


def class_task_entry(asked: AskedClasses) -> dict[str, Any]:
    """Return what the report says of a class task; its base rate is that of the largest class."""
    config = asked.task.config
    shares = {
        part: np.bincount(answers.y_B, minlength=len(config.classes)) / len(answers.y_B)
        for part, answers in (("train", asked.train), ("test", asked.test))
    }
    dated = asked.seen.manifest.time_unit == "second"
    cutoff = format_time(asked.as_of) if dated else f"{asked.as_of} from the end"
    return {
        "name": asked.name,
        "question": config.question,
        "classes": list(config.classes),
        "part": config.part,
        "part_by": config.part_by,
        "test_cutoff": cutoff,
        "num_train": len(asked.train.y_B),
        "num_valid": len(asked.valid.y_B),
        "num_test": len(asked.test.y_B),
        "class_shares_train": shares["train"],
        "class_shares_test": shares["test"],
        "base_rate_train": shares["train"].max(),
        "base_rate_test": shares["test"].max(),
        "sensitive": config.sensitive,
        "main_score": asked.task.main_score,
    }


def method_entry(method: Method, width: int | None, probes: Sequence[str]) -> dict[str, Any]:
    """Return what the report says of a method.

    Args:
        method: a row of the table.
        width: of its vectors, None for a method that answers itself.
        probes: those that read its vectors.
    """
    return {
        "name": method.name,
        "label": method.label,
        "group": method.group,
        "description": method.description,
        "representation_dim": width,
        "probes": list(probes),
    }


def calibration_entry(labels_B: Any, scores_SB: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the calibration curve of the mean probability over seeds."""
    curve = reliability_curve(labels_B, np.clip(np.mean(scores_SB, axis=0), 0, 1))
    return {
        "predicted": curve.predicted_N,
        "observed": curve.observed_N,
        "count": curve.count_N.astype(int),
    }


def data_entry(traces: Traces, name: str, notices: Sequence[str] = ()) -> dict[str, Any]:
    """Return what the report says of the data; ingest counts are the caller's to add."""
    dated = traces.manifest.time_unit == "second" and traces.num_events > 0
    return {
        "name": name,
        "digest": traces.digest,
        "num_users": traces.num_users,
        "num_events": traces.num_events,
        "first": format_time(int(traces.time_L.min())) if dated else None,
        "last": format_time(int(traces.time_L.max())) if dated else None,
        "channels": [
            {"name": c.name, "kind": c.kind, "num_values": c.num_values}
            for c in traces.manifest.columns
        ],
        "notices": list(notices),
    }


def split_entry(split: UserSplit, users: PartUsers) -> dict[str, Any]:
    """Return how many users each part has."""
    return {**{part: len(rows) for part, rows in users.items()}, "seed": split.seed}


def now() -> str:
    """Return the moment, in UTC, to the second."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def versions_entry() -> dict[str, str]:
    """Return the versions of what the numbers depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine_entry(threads: int) -> dict[str, Any]:
    """Return what the machine is, in words that name no one."""
    return {"cpu": _cpu(), "cores": os.cpu_count(), "threads": threads}


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
