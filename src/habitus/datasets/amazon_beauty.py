"""Amazon Beauty, 5-core: the set of which the most-popular answers are known."""

from __future__ import annotations

from typing import ClassVar

from habitus.datasets.shared import AMAZON_TERMS, OrderedDataset


class AmazonBeauty(OrderedDataset):
    """Reviews in order; items have attribute numbers and no text."""

    name: ClassVar[str] = "amazon_beauty"
    description: ClassVar[str] = (
        "Amazon Beauty 5-core: 198,502 reviews of 12,101 items by 22,363 users, in order"
    )
    notices: ClassVar[tuple[str, ...]] = (
        "Amazon review data 2014: R. He and J. McAuley, Ups and Downs (WWW 2016); attributes as "
        "prepared for S3-Rec (Zhou et al., CIKM 2020).",
        AMAZON_TERMS,
    )
    folder_name = "amazon-beauty"
    service = "beauty"
    digests: ClassVar[dict[str, str]] = {
        "events.parquet": "c608e850d1959c3f06814a2a77c97a4d",
        "items.parquet": "dc0655b984dc93d3db65389865e08c0b",
    }
