"""The aggregates as a whole."""

from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.aggregates import Aggregates, AggregatesConfig
from habitus.data.columns import TimeUnit
from habitus.data.snapshot import Snapshot
from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.testing.comparisons import ComparisonContract
from habitus.testing.hand_made import write_traces


class TestAggregates(ComparisonContract):
    comparison = Aggregates


def two(path: Path, time_unit: TimeUnit = "second") -> Traces:
    return write_traces(
        path,
        {
            "ann": [
                {"time": 1 * DAY, "aisle": "cat", "shop": "x", "price": 1.0, "note": "hi"},
                {"time": 2 * DAY, "aisle": "dog", "shop": "y", "price": 3.0},
            ],
            "bob": [{"time": 1 * DAY, "aisle": "cat", "shop": "x"}],
        },
        {"aisle": "category", "shop": "id", "price": "dense", "note": "text"},
        time_unit=time_unit,
    )


def fitted(traces: Traces, **config: object) -> Aggregates:
    aggregates = Aggregates(AggregatesConfig.from_dict(config))
    aggregates.fit(Snapshot(traces))
    return aggregates


def test_every_feature_has_a_name_and_no_two_the_same(tmp_path: Path) -> None:
    traces = two(tmp_path / "traces")
    aggregates = fitted(traces)
    x_UF = aggregates.represent(Snapshot(traces))
    assert x_UF.shape == (2, len(aggregates.feature_names))
    assert len(set(aggregates.feature_names)) == len(aggregates.feature_names)


def test_channels_are_counted_by_their_kind(tmp_path: Path) -> None:
    names = fitted(two(tmp_path / "traces"), top_category=1, top_id=2, top_recent=0).feature_names
    assert [n for n in names if n.startswith("aisle.1")] == ["aisle.1.all"]
    assert [n for n in names if n.startswith("shop") and n.endswith("all")] == [
        "shop.distinct.all", "shop.entropy.all", "shop.1.all", "shop.2.all",
    ]  # fmt: skip
    assert "price.sum.30d" in names
    assert not any(n.startswith("note") for n in names)


def test_ordered_time_leaves_out_what_needs_dates(tmp_path: Path) -> None:
    traces = two(tmp_path / "traces", "order")
    aggregates = fitted(traces)
    assert not [n for n in aggregates.feature_names if "days" in n or n.endswith("d")]
    x_UF = aggregates.represent(Snapshot(traces, 1))
    events = x_UF[:, aggregates.feature_names.index("events.all")]
    # all but the last event: ann has 1 left, bob 0
    np.testing.assert_allclose(events, np.log1p([1, 0]), rtol=1e-6)


def test_only_training_users_decide_what_is_counted(tmp_path: Path) -> None:
    traces = two(tmp_path / "traces")
    aggregates = Aggregates()
    aggregates.fit(Snapshot(traces, users=np.array([1])))
    # bob knows cat and shop x only
    assert aggregates.top_values == {"aisle": [1], "shop": [1]}


def test_it_must_be_fitted(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fit the aggregates"):
        Aggregates().represent(Snapshot(two(tmp_path / "traces")))


@pytest.mark.parametrize("config", [{"top_id": -1}, {"windows_days": [0]}])
def test_negative_sizes_are_an_error(config: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="or more"):
        AggregatesConfig.from_dict(config)
