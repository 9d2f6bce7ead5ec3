"""People who buy along two lines of goods, so that the next item can be known from the last ones.

Shapes: U users.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from habitus.data.traces import Traces
from habitus.random import numpy_generator
from habitus.testing.hand_made import Event, write_traces

NUM_USERS, NUM_ITEMS = 120, 24
SERVICES = ("food", "home")


def item_world(path: Path, *, split: bool = True) -> Traces:
    """Return 120 people in order on two services; each item of a line follows the one before it.

    Items 0 … 11 are food, the others home; item ``i`` says which line it is of, even or odd.
    """
    generator = numpy_generator(0, "item world")
    events: dict[str, list[Event]] = {}
    for u in range(NUM_USERS):
        rows: list[Event] = []
        line = u % 2
        for service, first in ((0, 0), (1, NUM_ITEMS // 2)):
            start = int(generator.integers(0, 3))
            for step in range(int(generator.integers(2, 4))):
                item = first + 2 * ((start + step) % 6) + line
                rows.append({"item_id": f"i{item:02d}", "service": SERVICES[service]})
        order = generator.permutation(len(rows))
        events[f"u{u:03d}"] = [{**rows[i], "time": t} for t, i in enumerate(np.sort(order))]
    names = [f"i{i:02d}" for i in range(NUM_ITEMS)]
    texts = [f"{'even' if i % 2 == 0 else 'odd'} thing {i // 2}" for i in range(NUM_ITEMS)]
    tables = {"items": {"item_id": names, "text": texts}}
    if split:
        part = ["test" if u % 6 == 0 else "valid" if u % 6 == 1 else "other" for u in range(120)]
        tables["profiles"] = {"user_id": sorted(events), "split": part}
    channels = {"item_id": "id", "service": "category"}
    return write_traces(path, events, channels, tables=tables, time_unit="order")  # type: ignore[arg-type]
