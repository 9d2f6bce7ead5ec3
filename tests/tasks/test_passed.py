"""A step of a funnel is asked of those who passed the steps before."""

from pathlib import Path

import numpy as np
import pytest

from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.tasks import task_from_config
from habitus.tasks.known_values import check_values
from habitus.tasks.passed import Passed, PassedConfig
from habitus.testing.hand_made import write_traces
from habitus.testing.tasks import TaskContract
from tests.tasks.people import CUTOFF, labels

NAN = np.nan


def sent(path: Path) -> Traces:
    """ann: all three; bob: sent alone; cid: redeemed, never sent; dan: nothing; eve: too late."""
    rows = [
        ("sent", "ann", 101, 26),
        ("redeemed", "ann", 103, 1),
        ("again", "ann", 104, 1),
        ("sent", "bob", 100, 5),
        ("redeemed", "cid", 105, 1),
        ("sent", "eve", 110, 2),
        ("redeemed", "eve", 130, 1),
        ("redeemed", "bob", 110, 0),
    ]
    task, user, day, value = zip(*rows, strict=True)
    table = {
        "task": list(task),
        "user_id": list(user),
        "time": [d * DAY for d in day],
        "value": list(value),
    }
    events = {name: [{"time": 200 * DAY}] for name in ("ann", "bob", "cid", "dan", "eve")}
    return write_traces(path, events, {}, tables={"labels": table})


@pytest.fixture
def people(tmp_path: Path) -> Traces:
    return sent(tmp_path / "traces")


def test_each_step_has_its_own_sample_space(people: Traces) -> None:
    assert labels(people, kind="passed", label="sent") == [1, 1, 0, 0, 1]
    # A value of 0, as bob's, is a no; eve redeemed after the window.
    got = labels(people, kind="passed", label="redeemed", given=["sent"])
    np.testing.assert_array_equal(got, [1, 0, NAN, NAN, 0])
    got = labels(people, kind="passed", label="again", given=["sent", "redeemed"])
    np.testing.assert_array_equal(got, [1, NAN, NAN, NAN, NAN])


def test_it_is_not_asked_of_itself(people: Traces) -> None:
    with pytest.raises(UsageError, match="asks for 'sent' among those who have it"):
        labels(people, kind="passed", label="sent", given=["sent"])


def test_a_label_that_never_occurs_is_told(people: Traces) -> None:
    about = {"name": "t", "question": "Yes?", "horizon_days": 30, "kind": "passed"}
    task = task_from_config({**about, "label": "redeemd", "given": ["sent"]})
    (sentence,) = check_values(task, people)
    assert "'redeemd' never occurs in the labels table; did you mean 'redeemed'" in sentence


class TestPassed(TaskContract):
    task = Passed
    config = PassedConfig(
        name="redeemed", question="Yes?", horizon_days=30, label="redeemed", given=("sent",)
    )
    cutoff = CUTOFF

    def make_traces(self, path: Path) -> Traces:
        return sent(path)
