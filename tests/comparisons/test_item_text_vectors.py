from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.item_scores import TextScores
from habitus.comparisons.item_text_vectors import ItemTextVectors, ItemTextVectorsConfig
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import DataError, UsageError
from habitus.testing.comparisons import ComparisonContract
from habitus.testing.hand_made import Event, write_traces
from tests.comparisons.items import shop, with_item_texts


class TestItemTextVectors(ComparisonContract):
    comparison = ItemTextVectors
    config = ItemTextVectorsConfig(width=4)

    def make_traces(self, path: Path, *, shuffle_future: bool = False) -> Traces:
        return with_item_texts(path, self.cutoff, shuffle_future=shuffle_future)


def test_cosines_are_kept_and_a_user_is_the_mean(tmp_path: Path) -> None:
    everybody = Snapshot(shop(tmp_path / "t"))
    vectors = ItemTextVectors(ItemTextVectorsConfig(width=4))
    vectors.fit(everybody)
    item_IE = vectors.item_vectors(np.arange(1, 6))
    # Four axes hold four texts, so products are those of the words.
    text_IV = TextScores(everybody).weight_JV.toarray()
    np.testing.assert_allclose(item_IE @ item_IE.T, text_IV @ text_IV.T, atol=1e-5)
    assert not item_IE[4].any()
    # Ann had a and b, twice each; Cem b, c and e, which has no text.
    user_UE = vectors.represent(everybody)
    np.testing.assert_allclose(user_UE[0], item_IE[:2].mean(0), atol=1e-6)
    np.testing.assert_allclose(user_UE[2], (item_IE[1] + item_IE[2]) / 3, atol=1e-6)


def test_services_stand_side_by_side(tmp_path: Path) -> None:
    events: dict[str, list[Event]] = {
        "ann": [
            {"time": 0, "item_id": "a", "service": "x"},
            {"time": 1, "item_id": "b", "service": "y"},
        ],
        "bob": [{"time": 0, "item_id": "c", "service": "y"}],
    }
    items = {"item_id": [*"abc"], "text": ["red tea", "blue tea", "old cup"]}
    channels = {"item_id": "id", "service": "category"}
    traces = write_traces(tmp_path / "t", events, channels, tables={"items": items})  # type: ignore[arg-type]
    vectors = ItemTextVectors(ItemTextVectorsConfig(width=2))
    vectors.fit(Snapshot(traces))
    a_E, b_E, c_E = vectors.item_vectors(np.array([1, 2, 3]))
    expected = [[*a_E, *b_E], [0, 0, *c_E]]
    np.testing.assert_allclose(vectors.represent(Snapshot(traces)), expected, atol=1e-6)
    together = ItemTextVectors(ItemTextVectorsConfig(width=2, by_service=False))
    together.fit(Snapshot(traces))
    assert together.represent(Snapshot(traces)).shape == (2, 2)


def test_one_text_alone_has_one_axis(tmp_path: Path) -> None:
    events = {"ann": [{"time": 0, "item_id": "a"}]}
    items = {"item_id": ["a"], "text": ["tea"]}
    traces = write_traces(tmp_path / "t", events, {"item_id": "id"}, tables={"items": items})
    vectors = ItemTextVectors()
    vectors.fit(Snapshot(traces))
    assert vectors.represent(Snapshot(traces)).tolist() == [[1]]


def test_it_has_to_be_fitted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has not been fitted"):
        ItemTextVectors().represent(Snapshot(shop(tmp_path / "t")))
    with pytest.raises(UsageError, match="width must be at least 1, got 0"):
        ItemTextVectorsConfig(width=0)
