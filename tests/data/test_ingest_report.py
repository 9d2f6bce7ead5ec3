from pathlib import Path
from typing import Any

import pytest

from habitus.data.ingest_report import IngestConfig, IngestReport, TableCounts
from habitus.errors import UsageError


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_bad_share": 1.5}, r"max_bad_share must be in \[0, 1\], got 1.5"),
        ({"max_bad_share": -0.1}, "max_bad_share"),
        ({"duplicates": "drop"}, "'keep' or 'quarantine', got 'drop'"),
        ({"buckets": 0}, r"buckets must be in \[1, 65535\], got 0"),
        ({"buckets": 65536}, "buckets"),
        ({"earliest_time": "long ago"}, "'long ago' is no date: write 2017-10-01"),
        ({"latest_time": "2017-13-01"}, "'2017-13-01' is no date"),
        ({"memory_mib": 1}, "memory_mib must be 16 or more, got 1"),
    ],
)
def test_settings_that_mean_nothing_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        IngestConfig(**values)


def test_a_config_goes_to_a_dictionary_and_back() -> None:
    config = IngestConfig(duplicates="quarantine", buckets=3, latest_time="2020-01-01")
    assert IngestConfig.from_dict(config.to_dict()) == config


def test_the_summary_counts_people_who_opted_out_of_any_table() -> None:
    report = IngestReport(
        path=Path("x"),
        digest="",
        num_users=1,
        num_events=2,
        tables={
            "events": TableCounts(rows=9, kept=2, bad=3, duplicates=1, opted_out=4),
            "profiles": TableCounts(rows=2, kept=1, opted_out=1),
        },
        unknown_items=0,
        notices=(),
        quarantine=None,
        seconds=1.23456,
    )
    assert report.events.rows == 9
    assert report.summary() == {
        "rows": 9,
        "bad": 3,
        "duplicates": 1,
        "opted_out": 5,
        "seconds": 1.235,
    }
