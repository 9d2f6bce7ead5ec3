"""Amazon Industrial and Scientific: titled items on one service, for transfer."""

from __future__ import annotations

from typing import ClassVar

from habitus.datasets.shared import AMAZON_TERMS, OrderedDataset


class AmazonScientific(OrderedDataset):
    """Reviews in order; the text of an item is its title, category and brand."""

    name: ClassVar[str] = "amazon_scientific"
    description: ClassVar[str] = (
        "Amazon Scientific: 59,384 reviews of 4,385 titled items by 8,442 users, in order; 708 of "
        "the users are also in art_office, unlinked"
    )
    notices: ClassVar[tuple[str, ...]] = (
        "Amazon review data 2018: J. Ni, J. Li and J. McAuley, Justifying Recommendations using "
        "Distantly-Labeled Reviews and Fine-Grained Aspects (EMNLP 2019).",
        AMAZON_TERMS,
    )
    folder_name = "amazon-scientific"
    service = "scientific"
    digests: ClassVar[dict[str, str]] = {
        "events.parquet": "d103fcec72b77151294d5d10a8b1ff0b",
        "items.parquet": "658bfca7e56eec90de09ab1fb4a90417",
    }
