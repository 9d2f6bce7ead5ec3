"""Another future, and the same past to the bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest

from habitus.data.columns import TimeUnit
from habitus.data.snapshot import Snapshot
from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.evaluation.altered import CANARY, altered, reanswered, restricted, selected
from habitus.testing.hand_made import write_traces

CUTOFF = 50 * DAY


def some(path: Path, time_unit: TimeUnit = "second") -> Traces:
    random = np.random.default_rng(0)
    events = {
        f"{u:02d}": [
            {
                "time": int(t),
                "aisle": f"a{t % 5}",
                "shop": f"s{t % 7}",
                "price": float(t),
                "say": f"é{t}",
            }
            for t in random.integers(100 * DAY, size=random.integers(1, 12))
        ]
        for u in range(20)
    }
    labels: dict[str, list[Any]] = {
        "task": ["t"] * 3, "user_id": ["01", "02", "19"], "time": [CUTOFF - 1, CUTOFF, CUTOFF],
        "value": [1, 1, 1],
    }  # fmt: skip
    profiles = {"user_id": ["01", "19"], "age": ["1", "2"]}
    kinds: dict[str, Any] = {"aisle": "category", "shop": "id", "price": "dense", "say": "text"}
    tables = {"labels": labels, "profiles": profiles}
    return write_traces(path, events, kinds, tables=tables, time_unit=time_unit)


def past(traces: Traces, as_of: int = CUTOFF) -> list[Any]:
    """Return all that a snapshot shows."""
    snapshot = Snapshot(traces, as_of)
    rows, offsets = snapshot.latest()
    names = ("time", "aisle", "shop", "price")
    numbers = [snapshot.values(name, rows).tolist() for name in names]
    return [snapshot.user_ids.to_pylist(), offsets.tolist(), *numbers, traces.texts("say", rows)]


@pytest.fixture
def true(tmp_path: Path) -> Traces:
    return some(tmp_path / "true")


@pytest.mark.parametrize("canary", [False, True])
def test_the_past_is_the_same_and_the_future_is_not(
    canary: bool, true: Traces, tmp_path: Path
) -> None:
    other = altered(true, tmp_path / "other", CUTOFF, canary=canary)
    assert past(other) == past(true)
    assert past(other, 200 * DAY) != past(true, 200 * DAY)
    assert other.digest != true.digest


def test_users_get_another_number_of_events_at_other_times(true: Traces, tmp_path: Path) -> None:
    other = altered(true, tmp_path / "other", CUTOFF)
    before, after = (Snapshot(t).lengths_U for t in (true, other))
    assert (before != after).sum() > 10
    known = set(true.time_L.tolist())
    late = other.time_L[other.time_L >= CUTOFF]
    assert len(known & set(late.tolist())) < 0.1 * len(late)


def test_times_still_ascend_within_a_user(true: Traces, tmp_path: Path) -> None:
    other = altered(true, tmp_path / "other", CUTOFF)
    for start, stop in zip(other.offsets_U1[:-1], other.offsets_U1[1:], strict=True):
        assert (np.diff(other.time_L[start:stop]) >= 0).all()


def test_the_canary_stands_after_the_cutoff_and_nowhere_before(
    true: Traces, tmp_path: Path
) -> None:
    other = altered(true, tmp_path / "other", CUTOFF, canary=True)
    for name in ("aisle", "shop"):
        code = other.columns[name].num_values
        assert other.dictionary(name).to_pylist() == [*true.dictionary(name).to_pylist(), CANARY]
        np.testing.assert_array_equal(other.column(name) == code, other.time_L >= CUTOFF)


def test_the_canary_sorts_last(true: Traces, tmp_path: Path) -> None:
    other = altered(true, tmp_path / "other", CUTOFF, canary=True)
    values = other.dictionary("aisle").to_pylist()
    assert values == sorted(values)


def test_a_canary_may_need_a_wider_code(tmp_path: Path) -> None:
    # 255 values fill one byte, and the canary is number 256
    events = {"ann": [{"time": t, "aisle": f"{t:03d}"} for t in range(255)]}
    true = write_traces(tmp_path / "true", events, {"aisle": "category"})
    other = altered(true, tmp_path / "other", 100, canary=True)
    assert other.column("aisle").dtype == np.uint16
    assert other.columns["aisle"].dtype == "uint16"
    assert other.column("aisle").max() == 256


def test_labels_of_the_future_are_gone(true: Traces, tmp_path: Path) -> None:
    table = altered(true, tmp_path / "other", CUTOFF).table("labels")
    assert table is not None
    assert table["user_id"].to_pylist() == ["01"]


def test_an_order_keeps_the_number_of_events(tmp_path: Path) -> None:
    true = some(tmp_path / "true", "order")
    other = altered(true, tmp_path / "other", 1)
    np.testing.assert_array_equal(other.offsets_U1, true.offsets_U1)
    before, after = past(true, 1), past(other, 1)
    assert before[3:] == after[3:]
    assert past(true, 0)[3:] != past(other, 0)[3:]


def test_without_a_future_there_is_nothing_to_alter(true: Traces, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no future to alter"):
        altered(true, tmp_path / "other", 100 * DAY)


def test_equal_alterations_have_equal_digests(true: Traces, tmp_path: Path) -> None:
    one, same, other = (
        altered(true, tmp_path / name, CUTOFF, seed=seed)
        for name, seed in (("one", 0), ("same", 0), ("other", 1))
    )
    assert one.digest == same.digest != other.digest
    assert past(one, 200 * DAY) == past(same, 200 * DAY) != past(other, 200 * DAY)


def test_restricted_traces_hold_some_users_whole(true: Traces, tmp_path: Path) -> None:
    users = np.array([1, 4, 19])
    few = restricted(true, tmp_path / "few", users)
    assert few.user_ids.to_pylist() == ["01", "04", "19"]
    snapshot = Snapshot(true, users=users)
    np.testing.assert_array_equal(few.time_L, snapshot.values("time", snapshot.latest()[0]))
    assert past(few)[1][-1] == Snapshot(true, CUTOFF, users).lengths_U.sum()
    # codes mean what they meant, and the tables hold these users only, whatever the time
    assert few.dictionary("aisle") == true.dictionary("aisle")
    labels, profiles = few.table("labels"), few.table("profiles")
    assert labels is not None
    assert labels["user_id"].to_pylist() == ["01", "19"]
    assert profiles is not None
    assert profiles["user_id"].to_pylist() == ["01", "19"]


def test_selected_traces_hold_some_events_of_everybody(true: Traces, tmp_path: Path) -> None:
    kept_L = np.random.default_rng(1).random(true.num_events) < 0.5
    kept_L[: true.offsets_U1[1]] = False
    some = selected(true, tmp_path / "some", kept_L)
    assert some.user_ids == true.user_ids
    np.testing.assert_array_equal(some.time_L, true.time_L[kept_L])
    assert some.texts("say", np.arange(kept_L.sum())) == true.texts("say", np.flatnonzero(kept_L))
    user_L = np.repeat(np.arange(true.num_users), np.diff(true.offsets_U1))
    lengths_U = np.bincount(user_L[kept_L], minlength=true.num_users)
    np.testing.assert_array_equal(np.diff(some.offsets_U1), lengths_U)
    assert lengths_U[0] == 0
    assert some.table("labels") == true.table("labels")
    again = selected(true, tmp_path / "again", kept_L)
    other = selected(true, tmp_path / "other", ~kept_L)
    assert some.digest == again.digest != other.digest


def test_reanswered_traces_exchange_profiles_and_labels_only(tmp_path: Path) -> None:
    events = {f"{u:02d}": [{"time": u}] for u in range(30)}
    profiles: dict[str, list[Any]] = {
        "user_id": list(events),
        "age": list(range(30)),
        "born": list(range(100, 130)),
    }
    labels: dict[str, list[Any]] = {"task": ["t"] * 30, "user_id": list(events)}
    labels |= {"time": [1] * 30, "value": list(range(30))}
    tables = {"profiles": profiles, "labels": labels}
    true = write_traces(tmp_path / "true", events, {}, tables=tables)
    other = reanswered(true, tmp_path / "other")
    np.testing.assert_array_equal(other.time_L, true.time_L)
    for name, columns in (("profiles", ["age", "born"]), ("labels", ["value"])):
        before, after = true.table(name), other.table(name)  # type: ignore[arg-type]
        assert before is not None
        assert after is not None
        assert after["user_id"] == before["user_id"]
        for column in columns:
            assert after[column] != before[column]
            assert sorted(after[column].to_pylist()) == before[column].to_pylist()
    # what belongs to one person stays together
    found = other.table("profiles")
    assert found is not None
    assert pc.subtract(found["born"], found["age"]).to_pylist() == [100] * 30


def test_without_answers_there_is_nothing_to_exchange(tmp_path: Path) -> None:
    true = write_traces(tmp_path / "true", {"a": [{"time": 1}]}, {})
    assert reanswered(true, tmp_path / "other").num_events == 1
