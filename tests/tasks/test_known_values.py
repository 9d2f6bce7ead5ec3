"""A value that never occurs is told, and a task without any other is refused."""

from pathlib import Path

import pytest

from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.errors import DataError
from habitus.tasks import TASKS, task_from_config
from habitus.tasks import known_values as known_values_module
from habitus.tasks.known_values import WANTED, check_values
from habitus.testing.hand_made import write_traces
from tests.tasks.people import five_people


@pytest.fixture
def people(tmp_path: Path) -> Traces:
    return five_people(tmp_path / "traces")


def check(traces: Traces, **entry: object) -> list[str]:
    """Return what is said of one entry of a tasks file."""
    task = task_from_config({"name": "t", "question": "Yes?", "horizon_days": 30, **entry})
    return check_values(task, traces)


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "has", "channel": "aisle", "values": ["cat", "dog"]},
        {"kind": "profile", "attribute": "age", "values": ["65+"]},
        {"kind": "labeled", "label": "coupon"},
        {"kind": "inactive"},
    ],
    ids=lambda entry: str(entry["kind"]),
)
def test_of_values_that_occur_there_is_nothing_to_say(
    entry: dict[str, object], people: Traces
) -> None:
    assert check(people, **entry) == []


def test_one_that_never_occurs_beside_others_is_named(people: Traces) -> None:
    [sentence] = check(people, kind="has", channel="aisle", values=["cat", "Dogs"])
    assert sentence == ("task 't': 'Dogs' never occurs in channel 'aisle'; did you mean 'dog'?")


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (
            {"kind": "has", "channel": "aisle", "values": ["CAT", "bird"]},
            "'CAT' never occurs in channel 'aisle'; did you mean 'cat'[?]\n"
            "task 't': 'bird' never occurs in channel 'aisle'; there is 'cat', 'dog'\n"
            "so the answer would be no for everybody",
        ),
        (
            {"kind": "profile", "attribute": "age", "values": ["65"]},
            r"'65' never occurs in attribute 'age'; did you mean '65\+'",
        ),
        (
            {"kind": "labeled", "label": "coupons"},
            "'coupons' never occurs in the labels table; did you mean 'coupon'",
        ),
    ],
    ids=["has", "profile", "labeled"],
)
def test_a_task_that_nobody_could_answer_with_yes_is_refused(
    entry: dict[str, object], sentence: str, people: Traces
) -> None:
    with pytest.raises(DataError, match=sentence):
        check(people, **entry)


def test_numbers_have_no_values_to_look_for(tmp_path: Path) -> None:
    events = {"ann": [{"time": DAY, "price": 1.0, "aisle": "cat"}]}
    traces = write_traces(tmp_path / "numbers", events, {"price": "dense", "aisle": "category"})
    with pytest.raises(DataError, match=r"channel 'price' is dense.* in a category or an ID: aisl"):
        check(traces, kind="has", channel="price", values=["1"])
    with pytest.raises(DataError, match="did you mean 'price'"):
        check(traces, kind="has", channel="prise", values=["1"])


def test_a_table_that_is_not_there_is_left_to_the_task(tmp_path: Path) -> None:
    traces = write_traces(tmp_path / "bare", {"ann": [{"time": DAY}]}, {})
    assert check(traces, kind="labeled", label="coupon") == []
    assert check(traces, kind="profile", attribute="age", values=["65+"]) == []


def test_of_many_values_those_that_begin_alike_are_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_values_module, "LOOKED_THROUGH", 5)
    names = [f"x{i}" for i in range(20)] + ["pen", "pencil"]
    events = {"ann": [{"time": DAY, "item_id": name} for name in names]}
    traces = write_traces(tmp_path / "many", events, {"item_id": "id"})
    with pytest.raises(DataError, match="did you mean 'pen' or 'pencil'"):
        check(traces, kind="has", channel="item_id", values=["PENC"])
    with pytest.raises(DataError, match="nothing is near it"):
        check(traces, kind="has", channel="item_id", values=["zzz"])


def test_a_channel_without_any_value_says_so(tmp_path: Path) -> None:
    traces = write_traces(tmp_path / "none", {"ann": [{"time": DAY}]}, {"aisle": "category"})
    with pytest.raises(DataError, match="nothing occurs there"):
        check(traces, kind="has", channel="aisle", values=["cat"])


def test_every_kind_that_names_values_is_checked() -> None:
    fields = {kind: task.config_type.__dataclass_fields__ for kind, task in TASKS.items()}
    with_values = {TASKS[kind] for kind, names in fields.items() if {"values", "label"} & {*names}}
    assert with_values == set(WANTED)
