"""Words of users by service, against a loop over events."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.service_words import service_texts, service_words
from habitus.data.segmentation import Segmenter
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import DataError
from habitus.testing.hand_made import write_traces
from tests.data.items import CUTOFF, ITEMS, Events, shop_events, shop_traces


@pytest.fixture
def events() -> Events:
    return shop_events(40)


@pytest.fixture
def traces(tmp_path: Path, events: Events) -> Traces:
    return shop_traces(tmp_path / "traces", events)


def plain(events: Events, users: list[str], *, unique: bool) -> dict[tuple[int, str], Counter[str]]:
    """Count the words of each user and service, event by event."""
    found: dict[tuple[int, str], Counter[str]] = {}
    met = set()
    for place, user in enumerate(users):
        for event in events[user]:
            own = event.get("text", "")
            text = own if own.strip() else ITEMS.get(event.get("item_id", ""), "")
            key = (place, event.get("service"), text)
            if event["time"] >= CUTOFF or "service" not in event or not text.strip():
                continue
            if not (unique and key in met):
                met.add(key)
                counts = found.setdefault((place, event["service"]), Counter())
                counts.update(Segmenter().words(text))
    return found


@pytest.mark.parametrize("unique", [True, False])
def test_words_equal_a_loop_over_events(traces: Traces, events: Events, *, unique: bool) -> None:
    users_U = np.array([7, 3, 21, 0, 39])
    snapshot = Snapshot(traces, CUTOFF, users_U)
    found = service_words(snapshot, unique=unique)
    names = sorted(events)
    expected = plain(events, [names[u] for u in users_U], unique=unique)
    # Two items have one text, and people search for the same thing twice.
    again = service_words(snapshot, unique=not unique).count_SW.sum()
    assert (again > found.count_SW.sum()) == unique
    assert found.services == ("arts", "food", "search")
    assert found.count_SW.shape == (5 * 3, len(found.words))
    for place in range(5):
        for k, service in enumerate(found.services):
            row = found.count_SW[[3 * place + k]].toarray().ravel()
            ours = {word: int(n) for word, n in zip(found.words, row, strict=True) if n}
            assert ours == expected.get((place, service), {})


def test_services_come_in_the_order_asked_for(traces: Traces) -> None:
    snapshot = Snapshot(traces, CUTOFF)
    ours, other = service_texts(snapshot), service_texts(snapshot, ("search", "music", "arts"))
    assert other.services == ("search", "music", "arts")
    np.testing.assert_array_equal(other.present_UK[:, 2], ours.present_UK[:, 0])
    np.testing.assert_array_equal(other.present_UK[:, 0], ours.present_UK[:, 2])
    assert not other.present_UK[:, 1].any()
    assert ours.present_UK.any(axis=0).all()
    assert not ours.present_UK.all()


def test_who_left_nothing_has_no_words(traces: Traces) -> None:
    nobody = service_words(Snapshot(traces, CUTOFF, np.zeros(0, np.int64)), ("arts", "food"))
    assert nobody.count_SW.shape == (0, 0)


def test_traces_without_services_are_one_without_a_name(tmp_path: Path) -> None:
    events = {"a": [{"time": 1, "text": "tea"}]}
    traces = write_traces(tmp_path / "one", events, {"text": "text"})
    found = service_texts(Snapshot(traces))
    assert found.services == ("",)
    assert found.present_UK.tolist() == [[True]]


def test_traces_without_texts_are_refused(tmp_path: Path) -> None:
    events = {"a": [{"time": 1, "service": "arts"}]}
    traces = write_traces(tmp_path / "mute", events, {"service": "category"})
    with pytest.raises(DataError, match="no text"):
        service_texts(Snapshot(traces))
