"""Traces of the contract with texts of items, and a world that is small enough to count."""

from pathlib import Path

from habitus.data.traces import Traces
from habitus.testing.comparisons import CHANNELS, NUM_ITEMS, _events
from habitus.testing.hand_made import Event, write_traces

WORDS = ("red", "green", "blue", "tea", "cup")


def with_item_texts(path: Path, cutoff: int, *, shuffle_future: bool) -> Traces:
    """Return the traces of the contract; each item has a text of three words but the last."""
    names = [f"item{i:02d}" for i in range(NUM_ITEMS)]
    texts = [" ".join(WORDS[(i * k) % 5] for k in (1, 2, 3)) for i in range(NUM_ITEMS - 1)]
    items: dict[str, list[str | None]] = {"item_id": [*names], "text": [*texts, None]}
    events = _events(cutoff, shuffle_future=shuffle_future)
    return write_traces(path, events, CHANNELS, tables={"items": items})


def shop(path: Path) -> Traces:
    """Four users in order; codes of a … e are 1 … 5; e has no text, and an event no item."""
    bought = {"ann": "abab", "bob": "abc", "cem": "bce", "dee": "d"}
    events: dict[str, list[Event]] = {
        user: [{"time": t, "item_id": item} for t, item in enumerate(items)]
        for user, items in bought.items()
    }
    events["dee"].append({"time": 5})
    items = {
        "item_id": [*"abcde"],
        "text": ["red tea", "red cup", "green tea", "blue cup cup", None],
    }
    return write_traces(path, events, {"item_id": "id"}, tables={"items": items}, time_unit="order")
