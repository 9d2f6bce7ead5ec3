from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.item_cooccurrence import ItemCooccurrence, ItemCooccurrenceConfig
from habitus.comparisons.item_scores import CountScores
from habitus.data.snapshot import Snapshot
from habitus.errors import DataError, UsageError
from habitus.probes.targets import Targets
from habitus.testing.comparisons import ComparisonContract
from habitus.testing.hand_made import Event, write_traces
from tests.comparisons.items import shop


class TestItemCooccurrence(ComparisonContract):
    comparison = ItemCooccurrence
    config = ItemCooccurrenceConfig(damping=0.5)


def test_it_is_the_counts_with_its_damping(tmp_path: Path) -> None:
    everybody = Snapshot(shop(tmp_path / "t"))
    comparison = ItemCooccurrence(ItemCooccurrenceConfig(damping=0.4))
    comparison.fit(everybody)
    items_I = np.array([2, 5])
    expected_UI = CountScores(everybody).score(everybody, items_I, 0.4)
    np.testing.assert_array_equal(comparison.score(everybody, items_I), expected_UI)


def test_it_chooses_the_damping_that_finds_more(tmp_path: Path) -> None:
    # With a, ten people had the hit h, whom 90 others had too; three had r, and nobody else.
    people = {f"a{i:02d}": "ahr" if i < 3 else "ah" for i in range(10)}
    people |= {f"h{i:02d}": "h" for i in range(90)} | {"test": "a"}
    events: dict[str, list[Event]] = {
        user: [{"time": t, "item_id": item} for t, item in enumerate(items)]
        for user, items in people.items()
    }
    traces = write_traces(tmp_path / "t", events, {"item_id": "id"}, time_unit="order")
    history, items_I = Snapshot(traces, None, traces.rows_of(["test"])), np.array([1, 2, 3])
    for target, damping in ((2, 0.0), (3, 0.5)):
        # Counts: h 10, r 3. Cosines: h 10 / √(11 · 100) = .30, r 3 / √(11 · 3) = .52.
        comparison = ItemCooccurrence()
        comparison.fit(Snapshot(traces))
        asked = Targets.of(history, np.array([target]), items_I, "item_id")
        comparison.tune(history, asked, items_I)
        assert comparison.damping == damping


def test_it_has_to_be_fitted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has not been fitted"):
        ItemCooccurrence().score(Snapshot(shop(tmp_path / "t")), np.array([1]))
    with pytest.raises(UsageError, match="dampings must be 0 or more"):
        ItemCooccurrenceConfig(dampings=())
