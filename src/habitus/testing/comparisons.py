"""The promise of :class:`habitus.comparisons.Comparison`, as tests to inherit.

Shapes: U users, D width, I items, B users of a class task, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest

from habitus.comparisons import (
    COMPARISONS,
    Classifies,
    Comparison,
    Predicts,
    Represents,
    Scores,
)
from habitus.config import Config
from habitus.data.columns import ChannelKind
from habitus.data.snapshot import Snapshot, parse_time
from habitus.data.traces import Traces
from habitus.random import numpy_generator
from habitus.tasks.classes import ClassAsked
from habitus.testing.hand_made import write_traces

Outputs = dict[str, npt.NDArray[Any]]
DAY = 86_400
NUM_USERS, NUM_ITEMS = 24, 12
CHANNELS: dict[str, ChannelKind] = {
    "service": "category",
    "kind": "category",
    "item_id": "id",
    "value": "dense",
    "text": "text",
}


class ComparisonContract:
    """Inherit, name the comparison and a config; fitted outputs are compared in several worlds.

    The class is not called ``Test...``, so pytest collects only its heirs. Where a comparison
    needs other data, override :meth:`make_traces`; where it needs other labels, :meth:`outputs`.
    """

    comparison: ClassVar[type[Comparison]]
    config: ClassVar[Config | None] = None
    tolerance: ClassVar[float] = 1e-5
    """How far outputs may differ where only the order of users does."""
    cutoff: ClassVar[int] = parse_time("2017-03-01")
    """Users of :meth:`make_traces` have events before and after it."""
    transductive: ClassVar[bool] = False
    """Whether what :meth:`Classifies.classify` says of a user may depend on who else is tested."""

    def build(self) -> Any:  # noqa: ANN401 - an heir knows its own comparison
        """Return a fresh comparison, not fitted."""
        factory: Any = self.comparison
        return factory() if self.config is None else factory(self.config)

    def make_traces(self, path: Path, *, shuffle_future: bool = False) -> Traces:
        """Return traces of users with few and many events; two have none before the cutoff.

        With ``shuffle_future`` the events at and after the cutoff change hands, so that every value
        still occurs; the past is the same to the bit.
        """
        return write_traces(path, _events(self.cutoff, shuffle_future=shuffle_future), CHANNELS)

    def outputs(self, fitted: Any, train: Snapshot, snapshot: Snapshot) -> Outputs:  # noqa: ANN401
        """Return everything that a fitted comparison says about the users of a snapshot."""
        out: Outputs = {}
        if isinstance(fitted, Represents):
            out["represent"] = fitted.represent(snapshot)
        if isinstance(fitted, Scores):
            num_items = snapshot.traces.columns["item_id"].num_values
            out["score"] = fitted.score(snapshot, np.arange(1, num_items + 1))
        if isinstance(fitted, Predicts):
            labels = (train.lengths_U > np.median(train.lengths_U)).astype(np.float64)
            out["predict"] = fitted.predict(labels, snapshot)
        if isinstance(fitted, Classifies):
            out["classify"] = fitted.classify(self.class_task(train, snapshot), 0)
        return out

    def class_task(self, train: Snapshot, asked: Snapshot) -> ClassAsked:
        """Return a task of three classes, by how much a user did; every fourth user validates."""
        order_U = np.argsort(train.lengths_U, kind="stable")
        class_U = np.empty(train.num_users, np.int64)
        class_U[order_U] = 3 * np.arange(train.num_users) // train.num_users
        valid_U = np.arange(train.num_users) % 4 == 3
        return ClassAsked(
            task="amount",
            classes=("little", "some", "much"),
            train=Snapshot(train.traces, train.as_of, train.users_U[~valid_U]),
            train_y_B=class_U[~valid_U],
            valid=Snapshot(train.traces, train.as_of, train.users_U[valid_U]),
            valid_y_B=class_U[valid_U],
            test=asked,
        )

    @pytest.fixture
    def folder(self) -> Iterator[Path]:
        """A folder that goes when the test ends."""
        with TemporaryDirectory() as folder:
            yield Path(folder)

    @pytest.fixture
    def traces(self, folder: Path) -> Traces:
        """The traces of :meth:`make_traces`."""
        return self.make_traces(folder / "traces")

    def run(
        self, traces: Traces, users: npt.ArrayLike | None = None, *, seed: int = 0
    ) -> tuple[Outputs, Snapshot]:
        """Fit on every user before the cutoff and return what is said of ``users``."""
        train = Snapshot(traces, self.cutoff)
        fitted = self.build()
        fitted.fit(train, seed)
        asked = Snapshot(traces, self.cutoff, None if users is None else np.asarray(users))
        return self.outputs(fitted, train, asked), asked

    def test_every_user_gets_something_finite(self, traces: Traces) -> None:
        out, asked = self.run(traces)
        assert out, "a comparison has at least one of represent, score, predict and classify"
        assert (asked.lengths_U == 0).any(), "the traces need a user without events"
        for name, value in out.items():
            assert len(value) == asked.num_users, name
            assert np.isfinite(value).all(), name
            assert value.ndim == (1 if name == "predict" else 2), name
        if "classify" in out:
            assert out["classify"].shape[1] == 3
            np.testing.assert_allclose(out["classify"].sum(axis=1), 1, atol=1e-6)
            assert out["classify"].min() >= 0

    def test_the_future_is_not_read(self, traces: Traces, folder: Path) -> None:
        other = self.make_traces(folder / "shuffled", shuffle_future=True)
        assert not np.array_equal(traces.time_L, other.time_L), "nothing was shuffled"
        _assert_same(self.run(traces)[0], self.run(other)[0])

    def test_the_same_seed_gives_the_same_outputs(self, traces: Traces) -> None:
        _assert_same(self.run(traces, seed=3)[0], self.run(traces, seed=3)[0])

    def test_asking_twice_gives_the_same_outputs(self, traces: Traces) -> None:
        train = Snapshot(traces, self.cutoff)
        fitted = self.build()
        fitted.fit(train, 0)
        _assert_same(self.outputs(fitted, train, train), self.outputs(fitted, train, train))

    def test_order_of_the_users_asked_about_does_not_matter(self, traces: Traces) -> None:
        users = numpy_generator(0, "contract", "order").permutation(traces.num_users)
        in_order, shuffled = self.run(traces)[0], self.run(traces, users)[0]
        for name, value in in_order.items():
            np.testing.assert_allclose(shuffled[name], value[users], atol=self.tolerance)

    def test_a_user_does_not_depend_on_who_else_is_asked_about(self, traces: Traces) -> None:
        together, alone = self.run(traces)[0], self.run(traces, [5])[0]
        if self.transductive:
            together.pop("classify")
        for name, value in together.items():
            np.testing.assert_allclose(alone[name], value[[5]], atol=self.tolerance)

    def test_it_is_registered_under_its_name(self) -> None:
        assert COMPARISONS[self.comparison.name] is self.comparison

    def test_it_is_described(self) -> None:
        assert self.comparison.__doc__
        assert self.comparison.label

    def test_config_survives_a_round_trip(self) -> None:
        config = self.build().config
        assert type(config).from_dict(config.to_dict()) == config


def _assert_same(one: Outputs, other: Outputs) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


def _events(cutoff: int, *, shuffle_future: bool) -> dict[str, list[dict[str, Any]]]:
    """Return events of users 0 … 23: user ``u`` has about ``u`` before the cutoff, 3 after it."""
    generator = numpy_generator(0, "contract", "events")
    past = {u: _some(generator, cutoff - 60 * DAY, cutoff, u) for u in range(NUM_USERS)}
    past[1] = []
    future = [_some(generator, cutoff, cutoff + 20 * DAY, 3) for _ in range(NUM_USERS)]
    if shuffle_future:
        future = [future[u] for u in numpy_generator(1, "contract").permutation(NUM_USERS)]
    return {f"user{u:02d}": past[u] + future[u] for u in range(NUM_USERS)}


def _some(
    generator: np.random.Generator, start: int, stop: int, num_events: int
) -> list[dict[str, Any]]:
    events = []
    for _ in range(num_events):
        item = int(generator.integers(NUM_ITEMS))
        event: dict[str, Any] = {
            "time": int(generator.integers(start, stop)),
            "service": f"service{item % 2}",
            "kind": str(generator.choice(["buy", "look"])),
            "text": f"a thing called {item}",
        }
        if generator.random() < 0.9:  # some values are missing
            event["item_id"] = f"item{item:02d}"
        if generator.random() < 0.9:
            event["value"] = float(generator.exponential())
        events.append(event)
    return events
