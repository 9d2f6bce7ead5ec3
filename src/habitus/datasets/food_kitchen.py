"""Amazon Grocery and Kitchen: people on both services, and people on one."""

from __future__ import annotations

from typing import ClassVar

from habitus.datasets.shared import AMAZON_TERMS, OrderedDataset


class FoodKitchen(OrderedDataset):
    """Reviews on two services in natural order."""

    name: ClassVar[str] = "food_kitchen"
    description: ClassVar[str] = (
        "Amazon Grocery and Kitchen: 436,127 reviews of 36,298 titled items by 9,398 users on both "
        "and 43,663 on one, in order"
    )
    notices: ClassVar[tuple[str, ...]] = (
        "Amazon review data 2014: R. He and J. McAuley, Ups and Downs (WWW 2016).",
        AMAZON_TERMS,
    )
    folder_name = "food-kitchen"
    digests: ClassVar[dict[str, str]] = {
        "events.parquet": "54fd119a4cfcac3de8d75df8436c6496",
        "items.parquet": "755183ec34acd20676733768d883e402",
    }
