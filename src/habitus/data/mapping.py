"""TracesMapping: which column of a source is which column of the open schema; a YAML file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import yaml

from habitus.config import Config, read_yaml
from habitus.config.base import parse_config
from habitus.data.columns import (
    CHANNEL_KINDS,
    DEFAULT_KINDS,
    ITEM_ID,
    TIME,
    USER_ID,
    ChannelKind,
    TableName,
    TimeUnit,
)
from habitus.errors import DataError, UsageError
from habitus.registry import did_you_mean


@dataclass(frozen=True, kw_only=True)
class ChannelMapping(Config):
    """One channel of the events."""

    kind: ChannelKind
    column: str | None = None
    """Name in the source; None where it is the channel's own."""

    def __post_init__(self) -> None:
        if self.kind not in CHANNEL_KINDS:
            raise UsageError(
                f"no channel kind is called {self.kind!r}; {did_you_mean(self.kind, CHANNEL_KINDS)}"
            )


@dataclass(frozen=True, kw_only=True)
class EventsMapping(Config):
    """The events table."""

    user_id: str = USER_ID
    time: str = TIME
    time_unit: TimeUnit = "second"
    time_format: str | None = None
    """Such as ``"%d.%m.%Y %H:%M"``; None for date columns, ISO text, or seconds since 1970."""
    earliest_time: str | None = None
    """A date such as ``"2015-01-01"``: rows of earlier times are set aside; None to believe all."""
    latest_time: str | None = None
    """Rows of later times are set aside; None for the time of the run."""
    constants: dict[str, str] = field(default_factory=dict)
    """Channels with one value for the whole source, such as ``{"service": "shop"}``."""
    channels: dict[str, ChannelMapping] = field(default_factory=dict)
    item_channels: tuple[str, ...] = ()
    """Those of ``channels`` that are attributes of the items table, found by ``item_id``."""

    def __post_init__(self) -> None:
        for name in (*self.channels, *self.constants):
            check_name(name)
        if both := sorted(set(self.channels) & set(self.constants)):
            raise UsageError(f"{', '.join(both)}: give a column or a constant, not both")
        for name in self.item_channels:
            self._check_item_channel(name)

    def _check_item_channel(self, name: str) -> None:
        if name not in self.channels:
            raise UsageError(f"item channel {name!r} needs a kind: add it to channels")
        if ITEM_ID not in self.channels:
            raise UsageError(f"item channel {name!r} is found by {ITEM_ID}: map that channel too")
        if name == ITEM_ID or self.channels[name].kind == "text":
            raise UsageError(
                f"{name!r} cannot be an item channel: choose an attribute of kind category, id or "
                f"dense (the text of items is read from the items table)"
            )

    def kind_of(self, name: str) -> ChannelKind:
        """Return the kind of a channel or constant."""
        if name in self.channels:
            return self.channels[name].kind
        return "id" if DEFAULT_KINDS.get(name) == "id" else "category"

    def column_of(self, name: str) -> str:
        """Return the column that a channel is read from."""
        return self.channels[name].column or name

    @property
    def event_channels(self) -> tuple[str, ...]:
        """Names of the channels that stand in the source of the events itself."""
        return tuple(name for name in self.channels if name not in self.item_channels)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all channels, constants included, sorted."""
        return tuple(sorted((*self.channels, *self.constants)))


@dataclass(frozen=True, kw_only=True)
class TableMapping(Config):
    """A side table: our name → column of the source.

    Empty takes every column under its own name; where columns are named, only these are read.
    """

    columns: dict[str, str] = field(default_factory=dict)

    def column_of(self, name: str) -> str:
        """Return the column of the source that holds ``name``."""
        return self.columns.get(name, name)


@dataclass(frozen=True, kw_only=True)
class TracesMapping(Config):
    """All five tables; None where a table's columns already carry our names."""

    events: EventsMapping = field(default_factory=EventsMapping)
    items: TableMapping | None = None
    follows: TableMapping | None = None
    profiles: TableMapping | None = None
    labels: TableMapping | None = None

    def table(self, name: TableName) -> TableMapping:
        """Return the mapping of a side table."""
        found: TableMapping | None = getattr(self, name)
        return found or TableMapping()

    @classmethod
    def from_yaml(cls, path: str | Path) -> Self:
        """Read a mapping.

        Raises:
            DataError: the file is missing or no YAML.
            UsageError: an unknown key or a value of the wrong type.
        """
        try:
            values = read_yaml(Path(path).read_text(encoding="utf8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise DataError(
                f"{path} cannot be read as a mapping ({error}); 'habitus check' proposes one"
            ) from error
        try:
            return parse_config(cls, values or {}, "")
        except UsageError as error:
            raise UsageError(f"{path}: {error}; 'habitus check' proposes a mapping") from error

    def to_yaml(self) -> str:
        """Return what :meth:`from_yaml` reads, defaults left out."""
        values = {k: _without_defaults(v) for k, v in self.to_dict().items() if v is not None}
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def check_name(name: str) -> None:
    """Refuse a channel name that cannot name a file or means something else.

    Raises:
        UsageError: the name.
    """
    if name in (USER_ID, TIME):
        raise UsageError(f"{name!r} is no channel: set events.{name} to its column instead")
    if not name or not all(c.isalnum() or c in "_-" for c in name):
        raise UsageError(
            f"{name!r} cannot name a channel: use letters, digits, '_' and '-', and give the "
            f"source's name as 'column'"
        )


def _without_defaults(values: dict[str, object]) -> dict[str, object]:
    defaults = EventsMapping().to_dict()
    return {k: v for k, v in values.items() if k not in defaults or defaults[k] != v}
