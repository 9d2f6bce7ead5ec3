"""UCI Online Retail: a year of a gift shop, with dates, prices and returns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from habitus.data.columns import ChannelKind, TableName
from habitus.datasets.shared import SharedDataset

if TYPE_CHECKING:
    import polars as pl

    from habitus.data.mapping import TracesMapping
    from habitus.data.sources import Source

CHANNELS: Final[dict[str, ChannelKind]] = {
    "item_id": "id",
    "kind": "category",
    "country": "category",
    "quantity": "dense",
    "price": "dense",
}


class OnlineRetail(SharedDataset):
    """Purchases and returns of known customers; times are the shop's, read as UTC.

    135,080 of the 541,909 rows name no customer and are left out.
    """

    name: ClassVar[str] = "online_retail"
    description: ClassVar[str] = (
        "A British gift shop: 406,829 dated purchases and returns of 4,372 customers, 2010-12-01 "
        "to 2011-12-09, with descriptions and prices"
    )
    notices: ClassVar[tuple[str, ...]] = (
        "Online Retail, D. Chen (2015), UCI Machine Learning Repository, "
        "https://doi.org/10.24432/C5BW33, CC BY 4.0; rows without a customer left out.",
    )
    folder_name = "online-retail"
    digests: ClassVar[dict[str, str]] = {"transactions.parquet": "80b19a372fa88185adad0a9b165a1193"}

    def read(self, folder: Path) -> dict[TableName, Source]:
        """Return events and items."""
        import polars as pl

        rows = pl.read_parquet(folder / "transactions.parquet").drop_nulls("CustomerID")
        return {"events": _events(rows), "items": _items(rows)}

    def mapping(self) -> TracesMapping:
        """Return five channels; a negative quantity is a return."""
        from habitus.data.mapping import (
            ChannelMapping,
            EventsMapping,
            TableMapping,
            TracesMapping,
        )

        return TracesMapping(
            events=EventsMapping(
                constants={"service": "shop"},
                channels={name: ChannelMapping(kind=kind) for name, kind in CHANNELS.items()},
            ),
            items=TableMapping(),
        )


def _events(rows: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    returned = pl.col("Quantity") < 0
    return rows.select(
        user_id=pl.col("CustomerID").cast(pl.Int64),
        time=pl.col("InvoiceDate").dt.epoch("s"),
        item_id="StockCode",
        kind=pl.when(returned).then(pl.lit("return")).otherwise(pl.lit("purchase")),
        country="Country",
        quantity=pl.col("Quantity").cast(pl.Float32),
        price=pl.col("UnitPrice").cast(pl.Float32),
    )


def _items(rows: pl.DataFrame) -> pl.DataFrame:
    """Return each item with the description that was written most often, ties by the alphabet."""
    import polars as pl

    return (
        rows.group_by(item_id="StockCode", text=pl.col("Description").str.strip_chars())
        .len()
        .sort(["item_id", "len", "text"], descending=[False, True, False], nulls_last=True)
        .unique("item_id", keep="first", maintain_order=True)
        .select("item_id", "text")
    )
