"""What results say of the run that made ours: which model it is, and whether it was a quick one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

LABELS: Final = {
    "channel": "channel encoder",
    "pasum": "text graph encoder",
    "clue": "item text encoder",
    "supermoe": "channel encoder with experts",
}
"""Name of a run → what its model is called; the labels of :data:`habitus.runs.RUNS`."""
QUICK: Final = "preset quick: shows that everything runs; the scores mean nothing."


def run_config(results: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the config of the run, alone in the results or as that of ours; else nothing."""
    config = results.get("config")
    run = config.get("ours", config) if isinstance(config, Mapping) else {}
    return run if isinstance(run, Mapping) else {}


def model_label(results: Mapping[str, Any]) -> str | None:
    """Return what the model is called, None where the results name no known run.

    >>> model_label({"config": {"name": "pasum"}}), model_label({"config": None})
    ('text graph encoder', None)
    """
    name = run_config(results).get("name")
    return LABELS.get(name) if isinstance(name, str) else None


def quick_warning(results: Mapping[str, Any]) -> str | None:
    """Return what a page must say first of a run of a few steps, None for any other."""
    for preset in (results.get("preset"), run_config(results).get("preset")):
        if isinstance(preset, str) and preset.startswith("quick"):
            return QUICK
    return None
