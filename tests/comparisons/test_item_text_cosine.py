from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.item_scores import TextScores
from habitus.comparisons.item_text_cosine import ItemTextCosine
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import DataError
from habitus.testing.comparisons import ComparisonContract
from tests.comparisons.items import shop, with_item_texts


class TestItemTextCosine(ComparisonContract):
    comparison = ItemTextCosine

    def make_traces(self, path: Path, *, shuffle_future: bool = False) -> Traces:
        return with_item_texts(path, self.cutoff, shuffle_future=shuffle_future)


def test_it_is_the_cosine_of_texts(tmp_path: Path) -> None:
    everybody = Snapshot(shop(tmp_path / "t"))
    comparison = ItemTextCosine()
    with pytest.raises(DataError, match="has not been fitted"):
        comparison.score(everybody, np.array([1]))
    comparison.fit(everybody)
    items_I = np.array([4, 1])
    expected_UI = TextScores(everybody).score(everybody, items_I)
    np.testing.assert_array_equal(comparison.score(everybody, items_I), expected_UI)
    # Dee had d: its cosine with itself.
    assert comparison.score(everybody, items_I)[3, 0] == pytest.approx(1)
