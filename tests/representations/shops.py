"""People on two services whose items have texts, and models that read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from habitus.data.byte_bpe import ByteBPEConfig
from habitus.data.item_batches import ItemTextEncoding
from habitus.data.item_sequence import ItemSequenceConfig
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.encoders.item_text import ItemTextEncoder
from habitus.encoders.item_text_config import ItemTextEncoderConfig
from habitus.random import numpy_generator
from habitus.representations.model import Model
from habitus.testing.hand_made import Event, write_traces

DAY = 86_400
CHANNELS = {"item_id": "id", "service": "category", "kind": "category"}
NUM_USERS, NUM_ITEMS, WITHOUT_TEXT = 40, 30, 7


def shops(path: Path, *, seed: int = 0) -> Traces:
    """Return 40 dated people: one without events, some on one service, one item without text."""
    generator = numpy_generator(seed, "shops")
    events: dict[str, list[Event]] = {}
    for u in range(NUM_USERS):
        events[f"u{u:02d}"] = [
            {
                "time": int(generator.integers(1, 90 * DAY)),
                "item_id": f"i{int(generator.integers(0, NUM_ITEMS)):02d}",
                "service": "food" if u % 5 == 0 else str(generator.choice(["food", "home"])),
                "kind": str(generator.choice(["buy", "look"])),
            }
            for _ in range(0 if u == 3 else int(generator.integers(1, 14)))
        ]
    texts = [f"thing {i} of {'wool' if i % 3 else 'glass and stone'}" for i in range(NUM_ITEMS)]
    items: dict[str, list[str | None]] = {
        "item_id": [f"i{i:02d}" for i in range(NUM_ITEMS)],
        "text": [None if i == WITHOUT_TEXT else text for i, text in enumerate(texts)],
    }
    return write_traces(path, events, CHANNELS, tables={"items": items})  # type: ignore[arg-type]


def item_model(traces: Traces, *, max_items: int = 512, **config: Any) -> Model:
    """Return an untrained model, fitted on everybody in the first 60 days."""
    encoding = ItemTextEncoding.fit(
        Snapshot(traces, 60 * DAY),
        ByteBPEConfig(vocab_size=320),
        ItemSequenceConfig(token_budget=64, max_items=max_items),
    )
    sizes = {"width": 8, "item_layers": 1, "service_layers": 1, "num_heads": 2, **config}
    if sizes.pop("single", False):
        sizes |= {"single": True, "service_layers": 0}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = ItemTextEncoder(
            ItemTextEncoderConfig(
                vocab_size=encoding.bpe.num_tokens,
                num_services=encoding.num_slots,
                max_items=max_items,
                **sizes,
            )
        )
        # Weights that differ, as training makes them.
        if encoder.log_weights is not None:
            torch.nn.init.normal_(encoder.log_weights.weight)
    return Model(encoder, encoding)


def everybody(traces: Traces) -> np.ndarray:
    """Return all rows of users, in another order."""
    return numpy_generator(0, "order").permutation(traces.num_users)
