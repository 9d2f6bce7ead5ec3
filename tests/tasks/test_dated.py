"""When tasks are asked, and the file that says so."""

import json
from pathlib import Path

import pytest

from habitus.data.snapshot import format_time, parse_time
from habitus.data.split import Cutoffs
from habitus.data.traces import Traces
from habitus.errors import DataError, UsageError
from habitus.tasks.dated import DatedTask, default_cutoffs, read_tasks
from habitus.tasks.inactive import Inactive, InactiveConfig
from habitus.testing.hand_made import write_traces

INACTIVE = """
- kind: inactive
  name: inactive
  question: Will nothing happen in 30 days?
  horizon_days: 30
"""


def spanning(path: Path, first: str, last: str) -> Traces:
    return write_traces(
        path, {"ann": [{"time": parse_time(first)}], "bob": [{"time": parse_time(last)}]}, {}
    )


@pytest.fixture
def year(tmp_path: Path) -> Traces:
    return spanning(tmp_path / "traces", "2017-01-01", "2018-01-01")


@pytest.mark.parametrize(("days", "test"), [(30, "2017-12-01"), (90, "2017-10-01")])
def test_the_test_cutoff_is_the_last_month_whose_window_fits(
    days: int, test: str, year: Traces
) -> None:
    # 2017-12-01 + 30 days = 12-31; 2017-10-01 + 90 = 12-30, and 11-01 + 90 = 2018-01-30 is too late
    assert default_cutoffs(year, days) == Cutoffs(first="2017-02-01", test=test, horizon_days=days)


def test_training_windows_end_by_the_test_cutoff(year: Traces) -> None:
    times = default_cutoffs(year, 90).train_times()
    # 07-01 + 90 days = 09-29 ends in time, 08-01 + 90 = 10-30 does not
    assert [format_time(t) for t in times] == [f"2017-0{month}-01" for month in range(2, 8)]


def test_data_that_is_too_short_says_so(tmp_path: Path) -> None:
    short = spanning(tmp_path / "traces", "2017-01-10", "2017-01-20")
    with pytest.raises(DataError, match="spans 10 days"):
        default_cutoffs(short, 30)


def test_ordered_data_has_no_dates(tmp_path: Path) -> None:
    events = {"ann": [{"time": 0}, {"time": 1}]}
    traces = write_traces(tmp_path / "traces", events, {}, time_unit="order")
    with pytest.raises(DataError, match="only an order"):
        default_cutoffs(traces, 30)


def test_a_file_may_leave_the_cutoffs_to_the_data(year: Traces, tmp_path: Path) -> None:
    file = tmp_path / "tasks.yaml"
    file.write_text(INACTIVE)
    [task] = read_tasks(file, year)
    assert task.name == "inactive"
    assert task.cutoffs == default_cutoffs(year, 30)


def test_a_file_may_name_the_cutoffs(year: Traces, tmp_path: Path) -> None:
    file = tmp_path / "tasks.yaml"
    file.write_text(INACTIVE + "  cutoffs: {first: 2017-03-01, test: 2017-06-01}\n")
    [task] = read_tasks(file, year)
    assert task.cutoffs == Cutoffs(first="2017-03-01", test="2017-06-01", horizon_days=30)
    assert read_tasks_again(task, year, tmp_path) == task.to_dict()


def read_tasks_again(task: DatedTask, traces: Traces, folder: Path) -> object:
    """What a written task says after it is read: YAML holds JSON."""
    file = folder / "again.yaml"
    file.write_text(json.dumps([task.to_dict()]))
    return read_tasks(file, traces)[0].to_dict()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (INACTIVE + INACTIVE, "'inactive' twice"),
        ("kind: inactive", "must hold a list"),
        ("- 3", "must be a mapping"),
        (INACTIVE + "  cutoffs: soon\n", "first and test"),
        (INACTIVE + "  cutoffs: {first: soon, test: 2017-06-01}\n", "'soon' is no date: write"),
        (INACTIVE + "  cutoffs: {first: 2017-03-01, test: 2017-13-01}\n", "'2017-13-01' is no"),
        (INACTIVE + "  cutoffs: {frist: 2017-03-01, test: 2017-06-01}\n", "did you mean 'first'"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(
    text: str, message: str, year: Traces, tmp_path: Path
) -> None:
    file = tmp_path / "tasks.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_tasks(file, year)


def test_a_file_that_cannot_be_read_is_named(year: Traces, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(DataError, match=r"broken\.yaml cannot be read"):
        read_tasks(tmp_path / "broken.yaml", year)
    with pytest.raises(DataError, match=r"nowhere\.yaml"):
        read_tasks(tmp_path / "nowhere.yaml", year)


def test_windows_of_task_and_cutoffs_must_agree() -> None:
    task = Inactive(InactiveConfig(name="t", question="Yes?", horizon_days=30))
    with pytest.raises(UsageError, match="asks about 30 days, its cutoffs leave 90"):
        DatedTask(
            task=task, cutoffs=Cutoffs(first="2017-01-01", test="2017-06-01", horizon_days=90)
        )


HAS = """
- {kind: has, name: pets, question: "Yes?", horizon_days: 30, channel: aisle, values: %s}
"""


def test_a_value_that_never_occurs_is_told_or_refused(tmp_path: Path) -> None:
    first, last = parse_time("2017-01-01"), parse_time("2018-01-01")
    ann: list[dict[str, object]] = [{"time": first, "aisle": "cat"}, {"time": last}]
    traces = write_traces(tmp_path / "traces", {"ann": ann}, {"aisle": "category"})
    file, notes = tmp_path / "tasks.yaml", list[str]()
    file.write_text(HAS % "[cat, cats]")
    [task] = read_tasks(file, traces, notes.append)
    assert task.name == "pets"
    assert notes == ["task 'pets': 'cats' never occurs in channel 'aisle'; did you mean 'cat'?"]
    assert [again.name for again in read_tasks(file, traces)] == ["pets"]
    file.write_text(HAS % "[cats]")
    with pytest.raises(DataError, match="no for everybody"):
        read_tasks(file, traces)
