"""Amazon Arts and Office: the same people on two services."""

from __future__ import annotations

from typing import ClassVar

from habitus.datasets.shared import AMAZON_TERMS, OrderedDataset


class ArtOffice(OrderedDataset):
    """Reviews on two services; the order between the services is partly artificial."""

    name: ClassVar[str] = "art_office"
    description: ClassVar[str] = (
        "Amazon Arts and Office: 208,541 reviews of 38,396 titled items by 9,577 users on both, in "
        "order (between the services the order is partly artificial); the last two events of a "
        "user are targets"
    )
    notices: ClassVar[tuple[str, ...]] = (
        "Amazon review data 2018: J. Ni, J. Li and J. McAuley, Justifying Recommendations using "
        "Distantly-Labeled Reviews and Fine-Grained Aspects (EMNLP 2019).",
        AMAZON_TERMS,
    )
    folder_name = "art-office"
    digests: ClassVar[dict[str, str]] = {
        "events.parquet": "deb623b76a84b89727a6f331ec93e8da",
        "items.parquet": "2b02d2c1e226c778f267639bbd867d91",
    }
