"""The share of yes, for everybody."""

from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.majority import Majority
from habitus.data.snapshot import Snapshot
from habitus.tasks.classes import ClassAsked
from habitus.testing.comparisons import ComparisonContract
from habitus.testing.hand_made import write_traces


class TestMajority(ComparisonContract):
    comparison = Majority


def test_everybody_gets_the_share_of_yes(tmp_path: Path) -> None:
    traces = write_traces(tmp_path / "traces", {"ann": [{"time": 0}], "bob": []}, {})
    said = Majority().predict(np.array([1.0, 0.0, 0.0, 1.0]), Snapshot(traces))
    np.testing.assert_array_equal(said, [0.5, 0.5])


def asked(folder: Path, classes: list[int]) -> ClassAsked:
    """Return a task of three classes with some training users, one to validate and two to test."""
    num_users = len(classes) + 3
    events = {f"{u:02d}": [{"time": 1}] for u in range(num_users)}
    traces = write_traces(folder / "asked", events, {})
    parts = np.split(np.arange(num_users), [len(classes), len(classes) + 1])
    train, valid, test = (Snapshot(traces, None, users) for users in parts)
    return ClassAsked("t", ("a", "b", "c"), train, np.array(classes), valid, np.array([0]), test)


def test_everybody_gets_the_shares_of_the_classes(tmp_path: Path) -> None:
    got_BC = Majority().classify(asked(tmp_path, [2, 0, 2, 2]))
    assert got_BC == pytest.approx(np.tile([0.25, 0, 0.75], (2, 1)), abs=1e-5)


def test_of_equal_classes_one_is_the_majority(tmp_path: Path) -> None:
    got_BC = Majority().classify(asked(tmp_path, [1, 2, 2, 1]))
    assert (got_BC[:, 1] > got_BC[:, 2]).all()
