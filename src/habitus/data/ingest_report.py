"""What ingest may be told, and what it tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from habitus.config import Config
from habitus.data.snapshot import parse_time
from habitus.errors import UsageError

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with a stage, rows done, and rows in all: an estimate for text files, 0 if unknown."""


@dataclass(frozen=True, kw_only=True)
class IngestConfig(Config):
    """How strict ingest is, and how much memory it may use."""

    max_bad_share: float = 0.01
    """Above this share of bad rows in a table the run stops."""
    duplicates: Literal["keep", "quarantine"] = "keep"
    """What becomes of events that equal an earlier one; they are counted either way."""
    latest_time: str | None = None
    """Later times are bad; None for what the mapping says, or else the time of the run."""
    earliest_time: str | None = None
    """Earlier times are bad; None for what the mapping says, or else to believe all."""
    buckets: int | None = None
    """Ranges of users to sort one after another, on disk; None for as few as memory allows."""
    memory_mib: int = 1024
    """Memory to aim at; distinct ids and values are held besides."""

    def __post_init__(self) -> None:
        if not 0 <= self.max_bad_share <= 1:
            raise UsageError(f"max_bad_share must be in [0, 1], got {self.max_bad_share:g}")
        if self.duplicates not in ("keep", "quarantine"):
            raise UsageError(f"duplicates must be 'keep' or 'quarantine', got {self.duplicates!r}")
        if self.buckets is not None and not 1 <= self.buckets <= 2**16 - 1:
            raise UsageError(f"buckets must be in [1, 65535], got {self.buckets}")
        for text in (self.earliest_time, self.latest_time):
            if text is not None:
                parse_time(text)
        if self.memory_mib < 16:
            raise UsageError(f"memory_mib must be 16 or more, got {self.memory_mib}")


@dataclass(frozen=True, kw_only=True)
class TableCounts(Config):
    """What became of the rows of one table."""

    rows: int
    kept: int
    bad: int = 0
    """Rows that are a fault of the source; they lie in the quarantine."""
    duplicates: int = 0
    """Events that equal an earlier one in all that is stored."""
    opted_out: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    """Problems by reason, also those that are no fault of the source."""


@dataclass(frozen=True, kw_only=True)
class IngestReport:
    """What came of an ingest."""

    path: Path
    digest: str
    num_users: int
    num_events: int
    tables: dict[str, TableCounts]
    unknown_items: int
    """Events whose item is not in the items table; 0 without one."""
    notices: tuple[str, ...]
    """What was decided without being asked."""
    quarantine: Path | None
    """Folder of the bad rows; None where there are none."""
    seconds: float

    @property
    def events(self) -> TableCounts:
        """Counts of the events."""
        return self.tables["events"]

    def summary(self) -> dict[str, Any]:
        """Return the counts that a results file shows."""
        return {
            "rows": self.events.rows,
            "bad": self.events.bad,
            "duplicates": self.events.duplicates,
            "opted_out": sum(table.opted_out for table in self.tables.values()),
            "seconds": round(self.seconds, 3),
        }
