"""What a model's card says of it, from what the model itself knows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from habitus.evaluation.results import versions_entry
from habitus.representations.model import Model
from habitus.runs.sizes import size_entries


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
        **_sizes(model),
        "routers": routers_in_words(model.about.get("training", {}).get("curves") or {}),
        "as_of": run.get("as_of"),
        "seed": run.get("seed"),
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "data": {**model.about.get("data", {}), **named, "notices": list(notices)},
        "config": run,
        "versions": versions_entry(),
    }


def routers_in_words(curves: Mapping[str, Any]) -> str | None:
    """Return what the log tells of the routers at the end of a training; None where none are.

    >>> routers_in_words({"routing": {"r": {"max_load": [3.0, 1.5], "num_dead": [2, 0]}}})
    '1, the busiest expert at 1.5 × the mean load, 0 dead in the last 1,000 steps'
    """
    ends = [
        (one["max_load"][-1], one["num_dead"][-1]) for one in curves.get("routing", {}).values()
    ]
    if not ends:
        return None
    loads, dead = zip(*ends, strict=True)
    return (
        f"{len(ends)}, the busiest expert at {max(loads):.1f} × the mean load, {sum(dead)} dead in "
        f"the last 1,000 steps"
    )


def _sizes(model: Model) -> dict[str, Any]:
    sizes = size_entries(model)
    composed = [
        f"{one['channel']}, {one['num_tokens']:,} tokens in {one['num_rows']:,} rows"
        for one in sizes.pop("composed_channels", [])
    ]
    return {**sizes, "composed": "; ".join(composed) or None}
