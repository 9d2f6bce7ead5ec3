"""Targets and histories of people whose every event is written out, and of a plain twin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.errors import DataError, GuardError, UsageError
from habitus.random import numpy_generator
from habitus.tasks.next_item import History, NextItem, NextItemConfig, Questions, some_users
from habitus.testing.hand_made import Event, write_traces

ALL = np.arange(6)


def in_order(path: Path, rows: dict[str, list[tuple[str | None, str]]]) -> Traces:
    """Return traces of (item, service) pairs, in order."""
    events: dict[str, list[Event]] = {
        user: [
            {"time": i, "service": service, **({"item_id": item} if item else {})}
            for i, (item, service) in enumerate(found)
        ]
        for user, found in rows.items()
    }
    return write_traces(path, events, {"item_id": "id", "service": "category"}, time_unit="order")


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    """Codes: a … d of food are 1 … 4, p and q of home 5 and 6."""
    rows: dict[str, list[tuple[str | None, str]]] = {
        "ann": [("a", "food"), ("p", "home"), ("b", "food"), ("q", "home")],
        "bob": [("c", "food"), ("a", "food"), ("c", "food")],
        "cem": [("d", "food")],
        "dee": [("p", "home"), (None, "food"), ("q", "home")],
        "eli": [],
        "fay": [("p", "home"), ("d", "food"), ("p", "home"), ("p", "home")],
    }
    return in_order(tmp_path / "traces", rows)


def asked(questions: Questions) -> list[tuple[int, int, int]]:
    """Return user, target and length of the history of each question."""
    history = questions.history
    return list(
        zip(
            history.users_U.tolist(),
            questions.target_B.tolist(),
            history.lengths_U.tolist(),
            strict=True,
        )
    )


def test_the_last_new_item_of_a_service_and_what_was_before_it(traces: Traces) -> None:
    question = NextItem(NextItemConfig(name="food", service="food"), traces)
    # Ann: b, after a and p. Bob's last c is a repeat: a, after one c. Dee's food has no item.
    # Cem has nothing before d, Eli nothing at all. Fay: d, after one p.
    found = question.ask(ALL)
    assert asked(found) == [(0, 2, 2), (1, 1, 1), (5, 4, 1)]
    assert (found.no_target, found.too_short) == (2, 1)
    assert question.catalogue_I.tolist() == [1, 2, 3, 4]


def test_people_without_a_history_are_asked_where_that_is_wanted(traces: Traces) -> None:
    question = NextItem(NextItemConfig(name="food", service="food", min_history=0), traces)
    assert asked(question.ask(ALL)) == [(0, 2, 2), (1, 1, 1), (2, 4, 0), (5, 4, 1)]


def test_without_a_service_all_items_count(traces: Traces) -> None:
    question = NextItem(NextItemConfig(name="all"), traces)
    # Dee: q, after p and an event without an item. Fay's last two are repeats.
    assert asked(question.ask(ALL)) == [(0, 6, 3), (1, 1, 1), (3, 6, 2), (5, 4, 1)]
    assert question.catalogue_I.tolist() == [1, 2, 3, 4, 5, 6]


def test_the_target_before_the_last_is_a_further_example(traces: Traces) -> None:
    question = NextItem(NextItemConfig(name="all"), traces)
    # Ann: b after a, p. Bob: c has nothing before it. Fay: p has nothing before it.
    assert asked(question.ask(ALL, back=1)) == [(0, 2, 2)]
    with pytest.raises(GuardError, match="all: none of 6 users has a new item at the end after 1"):
        question.ask(ALL, back=9)


def test_held_out_events_are_in_no_history(traces: Traces) -> None:
    question = NextItem(NextItemConfig(name="food", service="food", held_out=2), traces)
    # Ann: of b and q, b is on food. Bob: of a and c, a; c stands before. Fay: two times p.
    found = question.ask(ALL)
    assert asked(found) == [(0, 2, 2), (1, 1, 1)]
    assert found.history.as_of == 2
    # Nothing is held out of train users: as if there were no held_out.
    assert asked(question.ask(ALL, train=True)) == [(0, 2, 2), (1, 1, 1), (5, 4, 1)]
    # Of Ann's two last only one is on food, and there is none after it.
    with pytest.raises(GuardError, match="on food at the end"):
        question.ask(ALL, back=1)


@pytest.fixture
def dated(tmp_path: Path) -> Traces:
    """Days of events; codes of a … d are 1 … 4."""
    days: dict[str, list[tuple[float, str, str]]] = {
        "ann": [(1, "a", "buy"), (10, "a", "buy"), (11, "b", "return"), (12, "c", "buy")],
        "bob": [(1, "b", "buy"), (20, "d", "buy"), (25, "c", "buy")],
        "cem": [(30, "a", "buy")],
    }
    events: dict[str, list[Event]] = {
        user: [{"time": int(day * DAY), "item_id": item, "kind": kind} for day, item, kind in found]
        for user, found in days.items()
    }
    return write_traces(tmp_path / "dated", events, {"item_id": "id", "kind": "category"})


def test_the_first_new_item_after_a_cutoff(dated: Traces) -> None:
    config = NextItemConfig(name="buys", kinds=("buy",), cutoff="1970-01-11", min_history=0)
    # From day 10 on: Ann's a is a repeat, b came back, so c; Bob d; Cem a without any history.
    found = NextItem(config, dated).ask(np.arange(3))
    assert asked(found) == [(0, 3, 1), (1, 4, 1), (2, 1, 0)]
    further = NextItem(config, dated).ask(np.arange(3), back=1)
    assert asked(further) == [(1, 3, 1)]


def test_targets_of_train_users_are_over_before_the_cutoff(dated: Traces) -> None:
    config = NextItemConfig(name="x", train_cutoff="1970-01-06", cutoff="1970-01-21")
    question = NextItem(config, dated)
    # From day 5 to day 20: Ann's first new item is b on day 11; Bob's d comes on day 20 itself.
    assert asked(question.ask(np.arange(3), train=True)) == [(0, 2, 1)]
    assert asked(question.ask(np.arange(3), train=True, back=1)) == [(0, 3, 1)]
    assert asked(question.ask(np.arange(3))) == [(1, 4, 1)]


def test_the_same_moment_is_not_before(tmp_path: Path) -> None:
    # A basket: b and c came at one time, so neither is known when the other is asked for.
    events: dict[str, list[Event]] = {
        "ann": [{"time": 5, "item_id": "a"}, *({"time": 7, "item_id": i} for i in "bc")]
    }
    traces = write_traces(tmp_path / "t", events, {"item_id": "id"})
    assert asked(NextItem(NextItemConfig(name="x"), traces).ask(np.arange(1))) == [(0, 3, 1)]
    rest = NextItem(NextItemConfig(name="x", same_time=True), traces)
    assert asked(rest.ask(np.arange(1))) == [(0, 3, 2)]


def test_some_users_keep_their_own_cutoffs(traces: Traces) -> None:
    history = NextItem(NextItemConfig(name="all"), traces).ask(ALL).history
    some = some_users(history, np.array([3, 0]))
    assert isinstance(some, History)
    assert some.users_U.tolist() == [5, 0]
    assert some.lengths_U.tolist() == [1, 3]
    plain = some_users(Snapshot(traces, 2), np.array([1]))
    assert (plain.users_U.tolist(), plain.as_of, type(plain)) == ([1], 2, Snapshot)


def plain_last(rows: list[tuple[str | None, str]], service: str) -> tuple[str, int] | None:
    """Return target and length of the history, by looking from the end."""
    for i in reversed(range(len(rows))):
        item, where = rows[i]
        if item and where == service and item not in [earlier for earlier, _ in rows[:i]]:
            return item, i
    return None


def test_equals_a_plain_loop(tmp_path: Path) -> None:
    generator = numpy_generator(0, "people")
    rows: dict[str, list[tuple[str | None, str]]] = {}
    for u in range(80):
        items = [int(i) for i in generator.integers(0, 12, generator.integers(0, 9))]
        rows[f"u{u:02d}"] = [
            (f"i{i:02d}" if i else None, "odd" if i % 2 else "even") for i in items
        ]
    traces = in_order(tmp_path / "many", rows)
    names = traces.dictionary("item_id").to_pylist()
    for service in ("odd", "even"):
        config = NextItemConfig(name=service, service=service, min_history=0)
        found = NextItem(config, traces).ask(np.arange(80))
        expected = [
            (u, *target)
            for u, name in enumerate(sorted(rows))
            if (target := plain_last(rows[name], service)) is not None
        ]
        assert [(u, names[code - 1], n) for u, code, n in asked(found)] == expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"held_out": 1, "cutoff": "2020-01-01"}, "not both"),
        ({"held_out": 0}, "held_out must be at least 1, got 0"),
        ({"train_cutoff": "2020-01-01"}, "train_cutoff needs a cutoff"),
        ({"min_history": -1}, "min_history must be 0 or more, got -1"),
    ],
)
def test_a_config_that_means_nothing_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        NextItemConfig(name="x", **fields)  # type: ignore[arg-type]


def test_what_the_traces_lack_is_said(traces: Traces, dated: Traces, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="time in these traces is an order"):
        NextItem(NextItemConfig(name="x", cutoff="2020-01-01"), traces)
    with pytest.raises(UsageError, match="these are dated"):
        NextItem(NextItemConfig(name="x", held_out=1), dated)
    with pytest.raises(DataError, match=r"no service of .* is called 'foot'; did you mean 'food'"):
        NextItem(NextItemConfig(name="x", service="foot"), traces).ask(ALL)
    with pytest.raises(DataError, match="no channel 'service'"):
        NextItem(NextItemConfig(name="x", service="food"), dated).ask(np.arange(3))
    bare = write_traces(tmp_path / "bare", {"ann": [{"time": 1}]}, {})
    with pytest.raises(DataError, match="has no items"):
        NextItem(NextItemConfig(name="x"), bare)
