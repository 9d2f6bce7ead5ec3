import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from habitus.errors import MissingExtraError
from habitus.training.trackers import MLflowTracker, TensorBoardTracker, scalars

RECORD = {
    "kind": "train",
    "step": 7,
    "loss": 0.5,
    "parts": {"item": 0.25, "price": None},
    "users": 3,
}


def test_only_numbers_are_sent_under_full_names() -> None:
    assert dict(scalars(RECORD)) == {
        "train/loss": 0.5,
        "train/parts/item": 0.25,
        "train/users": 3.0,
    }


@pytest.mark.parametrize("package", ["tensorboard", "mlflow"])
def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'habitus\[{package}\]'"):
        TensorBoardTracker(tmp_path) if package == "tensorboard" else MLflowTracker("toy")


class Calls:
    """Notes every call of every method."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **options: self.calls.append((name, *args, *options.values()))


def test_tensorboard_gets_scalars(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = Calls()
    fake: Any = ModuleType("torch.utils.tensorboard")
    fake.SummaryWriter = lambda **_: calls
    monkeypatch.setitem(sys.modules, "tensorboard", ModuleType("tensorboard"))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    tracker = TensorBoardTracker(tmp_path)
    tracker.log(RECORD)
    tracker.close()
    assert calls.calls == [
        ("add_scalar", "train/loss", 0.5, 7),
        ("add_scalar", "train/parts/item", 0.25, 7),
        ("add_scalar", "train/users", 3.0, 7),
        ("close",),
    ]


def test_mlflow_gets_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Any = Calls()
    monkeypatch.setitem(sys.modules, "mlflow", calls)
    tracker = MLflowTracker("toys", run="first", uri="file:somewhere")
    tracker.log({"kind": "valid", "step": 2, "loss": 1.0, "parts": {}})
    tracker.close()
    assert calls.calls == [
        ("set_tracking_uri", "file:somewhere"),
        ("set_experiment", "toys"),
        ("start_run", "first"),
        ("log_metrics", {"valid/loss": 1.0}, 2),
        ("end_run",),
    ]
