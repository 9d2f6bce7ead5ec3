"""What a model's card says of it, from what the model itself knows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from habitus.evaluation.results import versions_entry
from habitus.representations.model import Model


def card_info(
    model: Model, data_name: str | None = None, notices: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the facts that :func:`habitus.reports.model_card` prints.

    Args:
        model: trained by a run.
        data_name: what people call the data.
        notices: licences and citations of the data, to be quoted.
    """
    named = {} if data_name is None else {"name": data_name}
    run = model.about.get("run", {})
    return {
        "name": f"{run.get('name', 'encoder')} ({run.get('preset', 'own settings')})",
        "encoder": model.encoder.name,
        "objective": model.about.get("objective"),
        "representation_dim": model.representation_dim,
        "parameters": sum(p.numel() for p in model.encoder.parameters()),
        "as_of": run.get("as_of"),
        "seed": run.get("seed"),
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "data": {**model.about.get("data", {}), **named, "notices": list(notices)},
        "config": run,
        "versions": versions_entry(),
    }
