"""Learned on one platform, asked on another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons import Classifies
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import GuardError
from habitus.evaluation.altered import selected
from habitus.evaluation.other_platform import OtherPlatform, Probed, kept_vectors
from habitus.probes.multinomial import Classified, Multinomial
from habitus.tasks.classes import ClassAsked
from habitus.testing.hand_made import write_traces

NUM = 30


class Spy:
    """Remembers what it was handed."""

    def __init__(self) -> None:
        self.asked: list[ClassAsked] = []

    def classify(self, asked: ClassAsked, seed: int) -> np.ndarray:
        self.asked.append(asked)
        return np.full((asked.test.num_users, 2), 0.5 + 0 * seed)


def platforms(path: Path) -> tuple[Traces, Traces]:
    """Return home and away; user 3 has no event at home, and times tell the class."""
    events = {
        f"{u:02d}": [
            *([] if u == 3 else [{"time": 10 + u % 2, "where": "home"}]),
            {"time": 20 + u % 2, "where": "away"},
        ]
        for u in range(NUM)
    }
    whole = write_traces(path / "whole", events, {"where": "category"})
    where_L = np.array(whole.column("where"))
    home, away = (
        selected(whole, path / name, where_L == whole.codes_of("where", [name])[0])
        for name in ("home", "away")
    )
    return home, away


def asked_of(away: Traces) -> ClassAsked:
    train, valid, test = np.split(np.arange(NUM), [14, 20])
    return ClassAsked(
        "parity", ("even", "odd"), Snapshot(away, None, train), train % 2,
        Snapshot(away, None, valid), valid % 2, Snapshot(away, None, test),
    )  # fmt: skip


def last_time(snapshot: Snapshot) -> np.ndarray:
    """Return the time of the last event, 0 for none."""
    rows_L, _ = snapshot.latest(1)
    time_U = np.zeros(snapshot.num_users, np.float32)
    time_U[snapshot.lengths_U > 0] = snapshot.values("time", rows_L)
    return time_U[:, None]


def times(users_U: np.ndarray) -> np.ndarray:
    """Return what :func:`last_time` gives at home."""
    return np.asarray(10 + users_U[:, None] % 2, np.float32)


def test_who_trains_is_read_at_home_and_who_is_tested_away(tmp_path: Path) -> None:
    home, away = platforms(tmp_path)
    spy, asked = Spy(), asked_of(away)
    method = OtherPlatform(spy, home)
    assert isinstance(method, Classifies)
    method.classify(asked, 0)
    [seen] = spy.asked
    assert (seen.train.traces, seen.valid.traces, seen.test.traces) == (home, home, away)
    # User 3, an odd one, has nothing at home.
    assert seen.train.users_U.tolist() == [u for u in range(14) if u != 3]
    assert seen.train_y_B.tolist() == [u % 2 for u in range(14) if u != 3]
    assert seen.test.users_U.tolist() == asked.test.users_U.tolist()
    assert (seen.task, seen.classes) == (asked.task, asked.classes)


def test_test_users_may_be_read_at_home_too(tmp_path: Path) -> None:
    home, away = platforms(tmp_path)
    spy = Spy()
    OtherPlatform(spy, home, tests_at_home=True).classify(asked_of(away), 0)
    assert spy.asked[0].test.traces is home


def test_nobody_at_home_is_said(tmp_path: Path) -> None:
    home, away = platforms(tmp_path)
    empty = selected(home, tmp_path / "empty", np.zeros(home.num_events, np.bool_))
    with pytest.raises(GuardError, match="none of 14 users"):
        OtherPlatform(Spy(), empty).classify(asked_of(away), 0)


def test_a_probe_learns_from_one_and_reads_the_other(tmp_path: Path) -> None:
    home, away = platforms(tmp_path)

    def ten_later(snapshot: Snapshot) -> np.ndarray:
        return last_time(snapshot) - 10

    asked = asked_of(away)
    said = OtherPlatform(Probed(last_time, ten_later), home).classify(asked, 0)
    assert (said.argmax(axis=1) == asked.test.users_U % 2).all()
    # The same by hand.
    known = np.array([u for u in range(14) if u != 3])
    probe = Multinomial().fit(
        Classified(times(known), known % 2),
        Classified(times(asked.valid.users_U), asked.valid_y_B),
        2,
    )
    expected = probe.predict(times(asked.test.users_U))
    np.testing.assert_allclose(said, expected)


def test_each_user_is_encoded_once(tmp_path: Path) -> None:
    home, _ = platforms(tmp_path)
    calls = []

    def spying(snapshot: Snapshot) -> np.ndarray:
        calls.append(snapshot.users_U.tolist())
        return last_time(snapshot)

    kept = kept_vectors(spying)
    first = kept(Snapshot(home, None, np.array([1, 2])))
    again = kept(Snapshot(home, None, np.array([2, 4, 1])))
    assert calls == [[1, 2], [4]]
    np.testing.assert_array_equal(again[[2, 0]], first)
