"""The share of yes, for everybody."""

from pathlib import Path

import numpy as np

from habitus.comparisons.majority import Majority
from habitus.data.snapshot import Snapshot
from habitus.testing.comparisons import ComparisonContract
from habitus.testing.hand_made import write_traces


class TestMajority(ComparisonContract):
    comparison = Majority


def test_everybody_gets_the_share_of_yes(tmp_path: Path) -> None:
    traces = write_traces(tmp_path / "traces", {"ann": [{"time": 0}], "bob": []}, {})
    said = Majority().predict(np.array([1.0, 0.0, 0.0, 1.0]), Snapshot(traces))
    np.testing.assert_array_equal(said, [0.5, 0.5])
