"""What the routers of a pre-trained encoder do with the events of a snapshot (evaluation D9).

Shapes: E experts of a router.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from habitus.data.snapshot import Snapshot
from habitus.nn.routing import DEAD_SHARE, Router
from habitus.representations.model import Model
from habitus.runs.steps import Json


def routing_entries(model: Model, snapshot: Snapshot) -> list[Json]:
    """Return one entry for each router, in the order of the encoder; none of a dense encoder.

    Shares and entropies are means over all events: of each batch by its number of events.
    """
    paths = [path for path, module in model.encoder.named_modules() if isinstance(module, Router)]
    if not paths:
        return []
    sums: dict[str, np.ndarray] = {}
    num_events = 0
    device = next(model.encoder.parameters()).device
    with torch.inference_mode():
        for _, batch in model.encoding.batches(snapshot):
            found = model.encoder(batch.to(device)).aux
            num_events += batch.num_events
            for name in (f"{path}.{part}" for path in paths for part in ("share", "entropy")):
                value = found[name].double().cpu().numpy() * batch.num_events
                sums[name] = sums.get(name, 0.0) + value
    return [_entry(model, path, sums, num_events) for path in paths]


def _entry(model: Model, path: str, sums: dict[str, np.ndarray], num_events: int) -> Json:
    router = model.encoder.get_submodule(path)
    assert isinstance(router, Router)
    share_E = sums[f"{path}.share"] / max(1, num_events)
    return {
        "router": path,
        "share": share_E.tolist(),
        "entropy": float(sums[f"{path}.entropy"]) / max(1, num_events),
        "most_entropy": math.log(router.num_experts),
        "max_load": float(share_E.max() * len(share_E)),
        "num_dead": int((share_E < DEAD_SHARE).sum()),
        "top_k": router.top_k,
        "num_events": num_events,
    }
