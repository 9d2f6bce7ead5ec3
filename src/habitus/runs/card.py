"""What a model's card says of it, from what the model itself knows."""

from __future__ import annotations

import datetime as dt
from typing import Any

from habitus.evaluation.results import versions_entry
from habitus.representations.model import Model


def card_info(model: Model) -> dict[str, Any]:
    """Return the facts that :func:`habitus.reports.model_card` prints."""
    run = model.about.get("run", {})
    return {
        "name": f"{run.get('name', 'encoder')} ({run.get('preset', 'own settings')})",
        "encoder": model.encoder.name,
        "objective": "masked_channel",
        "representation_dim": model.representation_dim,
        "parameters": sum(p.numel() for p in model.encoder.parameters()),
        "as_of": run.get("as_of"),
        "seed": run.get("seed"),
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "data": model.about.get("data", {}),
        "config": run,
        "versions": versions_entry(),
    }
