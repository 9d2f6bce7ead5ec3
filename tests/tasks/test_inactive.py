"""Nothing happens."""

from pathlib import Path

from habitus.data.traces import Traces
from habitus.tasks import TaskConfig
from habitus.tasks.inactive import Inactive
from habitus.testing.tasks import TaskContract
from tests.tasks.people import CUTOFF, five_people, labels


def test_inactive_is_no_event_from_the_cutoff_to_the_last_second(tmp_path: Path) -> None:
    # ann on the first second, cid on the last, eve within; bob one second late, dan never
    assert labels(five_people(tmp_path / "traces"), kind="inactive") == [0, 1, 0, 1, 0]


class TestInactive(TaskContract):
    task = Inactive
    config = TaskConfig(name="t", question="Yes?", horizon_days=30)
    cutoff = CUTOFF

    def make_traces(self, path: Path) -> Traces:
        return five_people(path)
