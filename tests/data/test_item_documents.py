"""An event's text is its own where it has one, else its item's."""

from pathlib import Path

import numpy as np
import pytest

from habitus.data.item_documents import ItemDocuments
from habitus.data.traces import Traces
from habitus.errors import DataError
from habitus.testing.hand_made import write_traces
from tests.data.items import CHANNELS, ITEMS, Events, shop_traces

EVENTS: Events = {
    "a": [
        {"time": 1, "item_id": "i01"},
        {"time": 2, "text": "green", "item_id": "i02"},
        {"time": 3, "item_id": "i99"},
    ],
    "b": [{"time": 1, "text": "ünder"}, {"time": 2}, {"time": 3, "item_id": "unlisted"}],
}
ROWS = np.arange(6)


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return shop_traces(tmp_path / "traces", EVENTS)


def read(documents: ItemDocuments) -> list[str | None]:
    """Return the text of each event, by way of the documents' numbers."""
    texts = documents.texts(np.arange(documents.num_documents))
    return [None if d < 0 else texts[d] for d in documents.document_of(ROWS)]


def test_both_kinds_of_text_are_read(traces: Traces) -> None:
    documents = ItemDocuments(traces)
    assert documents.names == ["item", "text"]
    # Codes 0 (missing), i01, i02, i99, unlisted; then six events.
    assert (documents.num_items, documents.num_documents) == (5, 11)
    assert read(documents) == [ITEMS["i01"], "green", None, "ünder", None, None]
    # "ü" has two bytes.
    assert documents.num_bytes(np.array([0, 1, 6, 8])).tolist() == [0, len(ITEMS["i01"]), 5, 6]
    assert documents.texts(np.array([1, 6])) == [ITEMS["i01"], "green"]


def test_one_kind_of_text_can_be_asked_for(traces: Traces) -> None:
    items, events = ItemDocuments(traces, "item"), ItemDocuments(traces, "text")
    assert (items.names, events.names) == (["item"], ["text"])
    assert read(items) == [ITEMS["i01"], ITEMS["i02"], None, None, None, None]
    assert read(events) == [None, "green", None, "ünder", None, None]


def test_texts_of_events_follow_those_of_documents(traces: Traces) -> None:
    documents = ItemDocuments(traces)
    text_D = np.arange(100, 111)
    text_D[[0, 3, 4]] = -1
    text_D[[5, 7, 9, 10]] = -1  # rows 0, 2, 4, 5 have no text of their own
    assert documents.text_of(ROWS, text_D).tolist() == [101, 106, -1, 108, -1, -1]
    assert documents.text_of(ROWS[::-1], text_D).tolist() == [-1, -1, 108, -1, 106, 101]


def test_traces_may_have_only_one_kind_of_text(tmp_path: Path) -> None:
    channels = {n: k for n, k in CHANNELS.items() if n != "text"}
    only_items = shop_traces(tmp_path / "items", EVENTS, channels=channels)
    assert ItemDocuments(only_items).names == ["item"]
    only_events = write_traces(tmp_path / "events", EVENTS, CHANNELS)
    assert ItemDocuments(only_events).names == ["text"]


@pytest.mark.parametrize("text", ["auto", "item", "text", "title"])
def test_traces_without_such_text_are_told(tmp_path: Path, text: str) -> None:
    traces = write_traces(tmp_path / "bare", EVENTS, {"item_id": "id"})
    with pytest.raises(DataError, match="no text"):
        ItemDocuments(traces, text)
