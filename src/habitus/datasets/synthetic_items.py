"""Items of the synthetic world: what they are called, what they cost, and the words of their names.

Shapes: I items, K tastes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from habitus.datasets.population import Ints, SyntheticConfig, item_ids, make_catalogue
from habitus.datasets.synthetic_text import WORDS_PER_TASTE, word
from habitus.random import numpy_generator


class Names:
    """Rows into strings: the values that events point at, made once."""

    def __init__(self, config: SyntheticConfig) -> None:
        self.config = config
        self.items = item_ids(config)
        self.services = pa.array([f"service-{s}" for s in range(config.num_services)])
        self.tastes = pa.array([f"taste-{k}" for k in range(config.num_tastes)])
        self.price_I = prices(config)


def make_items(config: SyntheticConfig) -> pa.Table:
    """Return the items table."""
    catalogue = make_catalogue(config)
    names = Names(config)
    return pa.table(
        {
            "item_id": names.items,
            "text": _texts(config, catalogue.taste_I, catalogue.service_I),
            "service": names.services.take(pa.array(catalogue.service_I)),
            "category": names.tastes.take(pa.array(catalogue.taste_I)),
            "price": names.price_I,
        }
    )


def _texts(config: SyntheticConfig, taste_I: Ints, service_I: Ints) -> pa.StringArray:
    """Return three words of the item's taste and one of its service."""
    random = numpy_generator(config.seed, "texts")
    tastes = pa.array([word(n) for n in range(config.num_tastes * WORDS_PER_TASTE)])
    services = pa.array([word(len(tastes) + s) for s in range(config.num_services)])
    parts = [
        tastes.take(pa.array(taste_I * WORDS_PER_TASTE + place))
        for place in random.integers(WORDS_PER_TASTE, size=(3, config.num_items))
    ]
    return pc.binary_join_element_wise(*parts, services.take(pa.array(service_I)), " ")


def prices(config: SyntheticConfig) -> npt.NDArray[np.float32]:
    """Return the price of each item, around a level of its taste, ``(I)``."""
    random = numpy_generator(config.seed, "prices")
    level_K = np.exp(random.normal(2.0, 0.7, config.num_tastes))
    noise_I = np.exp(random.normal(0.0, 0.3, config.num_items))
    return (level_K[np.arange(config.num_items) % config.num_tastes] * noise_I).astype(np.float32)
