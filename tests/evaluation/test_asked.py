"""Who is asked, when, and what the answers are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot, format_time, parse_time
from habitus.data.split import Future, UserSplit
from habitus.data.traces import Traces
from habitus.errors import GuardError
from habitus.evaluation.asked import (
    ask,
    guard_pretraining,
    guard_sensitive,
    labels_of,
    users_by_cutoff,
)
from habitus.tasks import number_task_from_config
from habitus.tasks.dated import DatedTask
from habitus.testing.hand_made import write_traces
from tests.evaluation.world import END, START, TEST, aisle, asked, inactive, parts, sensitive, world


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return world(tmp_path_factory.mktemp("world") / "traces")


def test_no_user_answers_on_two_sides(traces: Traces) -> None:
    task = ask(aisle(), traces, parts(traces))
    train = {u for a in task.train for u in a.users_B.tolist()}
    valid = {u for a in task.valid for u in a.users_B.tolist()}
    test = set(task.test.users_B.tolist())
    assert train
    assert valid
    assert test
    assert not train & valid
    assert not (train | valid) & test


def test_test_users_answer_once_at_the_test_cutoff(traces: Traces) -> None:
    task = ask(aisle(), traces, parts(traces))
    assert format_time(task.test.cutoff) == TEST
    assert len(set(task.test.users_B.tolist())) == len(task.test.users_B)


def test_training_windows_are_closed_when_the_test_begins(traces: Traces) -> None:
    task = ask(aisle(), traces, parts(traces))
    times = [a.cutoff for a in task.train]
    # 05-01 + 30 days = 05-31, the last one that ends by 06-01
    assert [format_time(t) for t in times] == ["2020-03-01", "2020-04-01", "2020-05-01"]
    assert [a.cutoff for a in task.valid] == times


def test_a_user_is_asked_from_the_first_event_on(tmp_path: Path) -> None:
    old, new, end = START + 86_400, parse_time(TEST) + 86_400, END - 1
    later = [{"time": parse_time("2020-04-15")}, {"time": end}]
    events = {f"{u:03d}": [{"time": old}, *later[: u % 3]] for u in range(90)}
    events |= {f"{u:03d}": [{"time": new}, {"time": end}] for u in range(90, 120)}
    traces = write_traces(tmp_path / "traces", events, {})
    answers = ask(inactive(), traces, parts(traces), min_positive=1)
    # users 90 … 119 were not there on the day of the cutoff
    assert answers.test.users_B.max() < 90
    assert set(parts(traces)["test"]) > set(answers.test.users_B.tolist())


def test_users_without_a_history_are_left_out_and_the_unasked_too(traces: Traces) -> None:
    task = ask(sensitive(), traces, parts(traces))
    for answers in (*task.train, task.test):
        assert (Snapshot(traces, answers.cutoff, answers.users_B).lengths_U > 0).all()
        assert set(np.unique(answers.y_B)) <= {0.0, 1.0}


def test_answers_are_those_of_the_task(traces: Traces) -> None:
    task = ask(aisle(), traces, parts(traces))
    future = Future(traces, task.test.cutoff, 30 * 86_400, task.test.users_B)
    np.testing.assert_array_equal(task.test.y_B, aisle().task.labels(future))


def test_needed_users_are_all_of_a_cutoff_once_and_ascending(traces: Traces) -> None:
    tasks = [ask(dated, traces, parts(traces)) for dated in (aisle(0), aisle(1))]
    needed = users_by_cutoff(tasks)
    assert [format_time(t) for t in needed] == [
        "2020-03-01", "2020-04-01", "2020-05-01", "2020-06-01",
    ]  # fmt: skip
    for task in tasks:
        for answers in (*task.train, *task.valid, task.test):
            assert np.isin(answers.users_B, needed[answers.cutoff]).all()
    assert all((np.diff(users) > 0).all() for users in needed.values())


def test_labels_stand_one_cutoff_after_the_other(traces: Traces) -> None:
    task = ask(aisle(), traces, parts(traces))
    assert len(labels_of(task.train)) == sum(len(a.users_B) for a in task.train)


def test_one_answer_only_is_left_out_with_a_reason(traces: Traces) -> None:
    dated = asked("bird", kind="has", channel="aisle", values=["bird"])
    with pytest.raises(GuardError, match=r"'bird' is left out: among its train .* 0 times yes"):
        ask(dated, traces, parts(traces))


def test_too_few_answers_of_test_users_are_left_out(traces: Traces) -> None:
    yes = int(ask(inactive(), traces, parts(traces)).test.y_B.sum())
    ask(inactive(), traces, parts(traces), min_positive=yes)
    with pytest.raises(GuardError, match=f"is {yes} times yes .* at least {yes + 1} of each"):
        ask(inactive(), traces, parts(traces), min_positive=yes + 1)


def test_sensitive_tasks_need_permission() -> None:
    with pytest.raises(GuardError, match="taste: these tasks profile sensitive traits"):
        guard_sensitive([aisle(), sensitive()], allowed=False)
    guard_sensitive([aisle(), sensitive()], allowed=True)
    guard_sensitive([aisle()], allowed=False)


def test_a_model_that_saw_the_test_windows_is_stopped() -> None:
    split = UserSplit()
    guard_pretraining({"as_of": "2020-06-01", "split": split.to_dict()}, "2020-06-01", split)
    guard_pretraining({}, "2020-06-01", split)
    with pytest.raises(GuardError, match="up to 2020-06-02, after the test cutoff 2020-06-01"):
        guard_pretraining({"as_of": "2020-06-02"}, "2020-06-01", split)


def test_a_model_that_read_to_the_end_is_refused() -> None:
    with pytest.raises(GuardError, match="on all events, those after the test cutoff 2020-06-01"):
        guard_pretraining({"as_of": None, "preset": "ci"}, "2020-06-01", UserSplit())


def test_a_model_of_another_split_is_refused() -> None:
    run = {"as_of": "2020-06-01", "split": UserSplit(seed=1).to_dict()}
    with pytest.raises(GuardError, match="another split of the users"):
        guard_pretraining(run, "2020-06-01", UserSplit())


def test_a_question_for_numbers_needs_more_than_one_answer(traces: Traces) -> None:
    def events(days: int, channels: tuple[str, ...] = ()) -> DatedTask:
        entry = {"kind": "total", "name": "n", "question": "How much?", "horizon_days": days}
        task = number_task_from_config({**entry, "channels": channels})
        return replace(inactive(), task=task)

    dated = events(30)
    task = ask(dated, traces, parts(traces), min_positive=1)
    assert task.dated.is_number
    future = Future(traces, task.test.cutoff, 30 * 86_400, task.test.users_B)
    # The logarithm of one more than the events.
    np.testing.assert_allclose(task.test.y_B, np.log1p(future.num_events_U))
    counts = np.unique(task.test.y_B, return_counts=True)[1]
    others = len(task.test.y_B) - counts.max()
    ask(dated, traces, parts(traces), min_positive=int(others))
    with pytest.raises(GuardError, match=rf"'n' is left out: .* test users {others} differ from"):
        ask(dated, traces, parts(traces), min_positive=int(others) + 1)
