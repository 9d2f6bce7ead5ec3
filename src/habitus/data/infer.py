"""A mapping for sources whose columns already carry our names."""

from __future__ import annotations

from habitus.data.column_report import report_columns
from habitus.data.columns import DEFAULT_KINDS, REQUIRED
from habitus.data.guess import guess_kind
from habitus.data.mapping import ChannelMapping, EventsMapping, TracesMapping, check_name
from habitus.data.sources import Source, scan
from habitus.errors import DataError
from habitus.registry import did_you_mean


def infer_mapping(source: Source, name: str) -> TracesMapping:
    """Return a mapping of events in which every column is the channel of its name.

    Numbers with a fraction become dense, texts a category, or an ID when they have many values.
    Columns that say nothing (constants, row numbers, lists, dates) are left out.

    Args:
        source: the events.
        name: what messages call them.

    Raises:
        DataError: a column of ours is missing, so that a mapping is needed.
        UsageError: a column whose name no channel can have.
    """
    rows = scan(source)
    num_rows, columns = report_columns(rows, name)
    there = [c.name for c in columns]
    for ours in REQUIRED["events"]:
        if ours not in there:
            raise DataError(
                f"{name} has no column {ours!r}; {did_you_mean(ours, there)}; write a mapping: "
                f"'habitus check {name} --write-mapping mapping.yaml' proposes one"
            )
    channels = {}
    for column in columns:
        if column.name in REQUIRED["events"]:
            continue
        ours_or_none = column.name if column.name in DEFAULT_KINDS else None
        kind = guess_kind(column, num_rows, ours_or_none)
        if kind is not None:
            check_name(column.name)
            channels[column.name] = ChannelMapping(kind=kind)
    return TracesMapping(events=EventsMapping(channels=channels))
