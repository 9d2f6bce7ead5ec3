"""Trackers: the log of a training, sent to a program that draws it. The log file needs none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from habitus.errors import MissingExtraError


class Tracker(Protocol):
    """Gets every record of the log."""

    def log(self, record: Mapping[str, Any]) -> None:
        """Take a record; it has a ``step``. After resuming, a step can come twice."""
        ...

    def close(self) -> None:
        """Write what is still held back."""
        ...


class TensorBoardTracker:
    """Writes event files for TensorBoard into ``folder``."""

    def __init__(self, folder: str | Path) -> None:
        try:
            import tensorboard  # noqa: F401 - torch's writer needs it
        except ImportError as error:
            raise _missing("tensorboard", "TensorBoard files") from error
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(log_dir=str(folder))

    def log(self, record: Mapping[str, Any]) -> None:
        """Take a record."""
        for name, value in scalars(record):
            self._writer.add_scalar(name, value, record["step"])

    def close(self) -> None:
        """Write what is still held back."""
        self._writer.close()


class MLflowTracker:
    """Sends the log to a run of MLflow, at ``uri`` or where MLflow itself is set to."""

    def __init__(self, experiment: str, *, run: str | None = None, uri: str | None = None) -> None:
        try:
            import mlflow
        except ImportError as error:
            raise _missing("mlflow", "MLflow runs") from error
        self._mlflow: Any = mlflow
        if uri is not None:
            self._mlflow.set_tracking_uri(uri)
        self._mlflow.set_experiment(experiment)
        self._mlflow.start_run(run_name=run)

    def log(self, record: Mapping[str, Any]) -> None:
        """Take a record."""
        self._mlflow.log_metrics(dict(scalars(record)), step=record["step"])

    def close(self) -> None:
        """End the run."""
        self._mlflow.end_run()


def scalars(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers of a record under names such as ``train/parts/item``.

    >>> list(scalars({"kind": "valid", "step": 3, "loss": 1.0, "parts": {"item": 0.5}}))
    [('valid/loss', 1.0), ('valid/parts/item', 0.5)]
    """
    prefix = prefix or f"{record['kind']}/"
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from scalars(value, f"{prefix}{name}/")
        elif isinstance(value, (int, float)) and name != "step":
            yield prefix + name, float(value)


def _missing(package: str, what: str) -> MissingExtraError:
    return MissingExtraError(package, extra=package, what=what)
