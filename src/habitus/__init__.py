"""Universal user representations: one vector per person, learned from the traces they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from habitus.data.ingest import IngestConfig, ingest
    from habitus.data.mapping import ChannelMapping, EventsMapping, TableMapping, TracesMapping
    from habitus.data.snapshot import Snapshot
    from habitus.data.sources import Sql
    from habitus.data.split import UserSplit
    from habitus.data.traces import Traces
    from habitus.errors import DataError, GuardError, HabitusError, UsageError
    from habitus.representations.model import load

_PLACES = {
    "ChannelMapping": "habitus.data.mapping:ChannelMapping",
    "DataError": "habitus.errors:DataError",
    "EventsMapping": "habitus.data.mapping:EventsMapping",
    "GuardError": "habitus.errors:GuardError",
    "HabitusError": "habitus.errors:HabitusError",
    "IngestConfig": "habitus.data.ingest:IngestConfig",
    "Snapshot": "habitus.data.snapshot:Snapshot",
    "Sql": "habitus.data.sources:Sql",
    "TableMapping": "habitus.data.mapping:TableMapping",
    "Traces": "habitus.data.traces:Traces",
    "TracesMapping": "habitus.data.mapping:TracesMapping",
    "UsageError": "habitus.errors:UsageError",
    "UserSplit": "habitus.data.split:UserSplit",
    "ingest": "habitus.data.ingest:ingest",
    "load": "habitus.representations.model:load",
}
"""Where each public name lives: imported when it is first used, so that importing costs nothing."""

__all__ = [
    "ChannelMapping",
    "DataError",
    "EventsMapping",
    "GuardError",
    "HabitusError",
    "IngestConfig",
    "Snapshot",
    "Sql",
    "TableMapping",
    "Traces",
    "TracesMapping",
    "UsageError",
    "UserSplit",
    "__version__",
    "ingest",
    "load",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever lives there
    import importlib

    if name not in _PLACES:
        from habitus.registry import did_you_mean

        message = f"module 'habitus' has no attribute {name!r}; {did_you_mean(name, _PLACES)}"
        raise AttributeError(message, name=name, obj=None)
    module, _, attribute = _PLACES[name].partition(":")
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
