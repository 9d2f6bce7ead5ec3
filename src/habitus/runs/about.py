"""What a model says of how it was made: its run, its data, its objective."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from habitus.data.snapshot import format_time
from habitus.data.traces import Traces

if TYPE_CHECKING:
    from habitus.runs.base import Run


def about_run(traces: Traces, run: Run, objective: str) -> dict[str, Any]:
    """Return plain values for :attr:`habitus.representations.model.Model.about`."""
    first, last = traces.time_range
    data = {
        "digest": traces.digest,
        "num_users": traces.num_users,
        "num_events": traces.num_events,
        "source": traces.manifest.source,
    }
    if traces.manifest.time_unit == "second":
        data |= {"first": format_time(first), "last": format_time(last)}
    return {"run": run.to_dict(), "objective": objective, "data": data}
