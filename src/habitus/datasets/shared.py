"""Sets that lie in a folder of one's own, named by the variable ``HABITUS_DATA``."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from habitus.data.columns import TableName
from habitus.datasets.tables import TablesDataset, check_release

if TYPE_CHECKING:
    import polars as pl

    from habitus.data.mapping import TracesMapping
    from habitus.data.sources import Source

VARIABLE = "HABITUS_DATA"
AMAZON_TERMS = (
    "The Amazon review sets carry no licence file: research by convention, do not publish them."
)


class SharedDataset(TablesDataset):
    """A set in a sub-folder of ``HABITUS_DATA``.

    Args:
        folder: where its files lie; None for the sub-folder.
    """

    folder_name: ClassVar[str]
    """The sub-folder."""
    digests: ClassVar[Mapping[str, str]]
    """BLAKE2b (128 bits) of its files."""

    def __init__(self, folder: Path | None = None) -> None:
        root = os.environ.get(VARIABLE)
        self.folder = folder or (Path(root) / self.folder_name if root else None)

    def missing(self) -> str | None:
        """Return None where the folder is there, else what to set."""
        if self.folder is None:
            return (
                f"{self.name} is read from a folder: set {VARIABLE} to the one that holds "
                f"{self.folder_name}/"
            )
        if not self.folder.is_dir():
            return f"{self.folder} is no folder: set {VARIABLE} to the one that holds it"
        return None

    def tables(self) -> dict[TableName, Source]:
        """Return the tables, after a look at the release of the files."""
        assert self.folder is not None
        check_release(self.folder, self.digests)
        return self.read(self.folder)

    @abstractmethod
    def read(self, folder: Path) -> dict[TableName, Source]:
        """Return the tables in files that are known to be the right ones."""


class OrderedDataset(SharedDataset):
    """Amazon purchases in order, without dates: ``position`` within the user stands for time.

    A cutoff is "all but a user's last k events". ``split``, where the set has one, becomes an
    attribute of the profiles; ``is_target`` is left out, since it marks a user's last two events.
    """

    service: ClassVar[str | None] = None
    """The one service of the set; None where its events name theirs."""

    def read(self, folder: Path) -> dict[TableName, Source]:
        """Return events, items and, where people are split, profiles."""
        import polars as pl

        events = pl.read_parquet(folder / "events.parquet")
        tables: dict[TableName, Source] = {
            "events": events.drop("split", "is_target", strict=False),
            "items": _flat(pl.read_parquet(folder / "items.parquet")),
        }
        if "split" in events.columns:
            tables["profiles"] = events.select("user_id", "split").unique().sort("user_id")
        return tables

    def mapping(self) -> TracesMapping:
        """Return items and services, in order."""
        from habitus.data.mapping import (
            ChannelMapping,
            EventsMapping,
            TableMapping,
            TracesMapping,
        )

        channels = {"item_id": ChannelMapping(kind="id")}
        constants = {"kind": "review"}
        if self.service is None:
            channels["service"] = ChannelMapping(kind="category")
        else:
            constants["service"] = self.service
        return TracesMapping(
            events=EventsMapping(
                time="position", time_unit="order", constants=constants, channels=channels
            ),
            items=TableMapping(),
            profiles=TableMapping(),
        )


def _flat(items: pl.DataFrame) -> pl.DataFrame:
    """Return items whose lists of attribute numbers are text."""
    import polars as pl

    if "attribute_ids" not in items.columns:
        return items
    joined = pl.col("attribute_ids").cast(pl.List(pl.String)).list.join(" ")
    return items.select("item_id", attributes=joined)
