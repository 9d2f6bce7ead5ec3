"""Events of the synthetic world, block by block of users.

Shapes: L events, B users of one block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from habitus.data.split import DAY
from habitus.datasets.population import (
    BLOCK,
    Ints,
    People,
    SyntheticConfig,
    choose,
    make_block,
    user_ids,
)
from habitus.datasets.synthetic_items import Names
from habitus.datasets.synthetic_text import post_texts
from habitus.random import numpy_generator

COUPON_REDEEMED = "coupon_redeemed"
KINDS = ("purchase", "view")


class _Draws(NamedTuple):
    """The events of one block, before they get their names."""

    user_L: Ints
    time_L: Ints
    taste_L: Ints
    service_L: Ints
    item_L: Ints


def event_blocks(config: SyntheticConfig) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield (events, labels) of each block of users, by time of arrival inside the block."""
    names = Names(config)
    for block in range(config.num_blocks):
        people = make_block(config, block)
        random = numpy_generator(config.seed, "events", block)
        draws = _draw(config, people, random)
        first = block * BLOCK
        ids_B = user_ids(config, np.arange(first, first + len(people.rate_U), dtype=np.int64))
        events, labels = _named(config, names, draws, ids_B, random)
        if config.words_per_post:
            writing = numpy_generator(config.seed, "posts", block)
            of = people.community_UC, draws.user_L, draws.taste_L
            events = events.append_column("text", post_texts(config, writing, *of))
        yield events, labels


def _draw(config: SyntheticConfig, people: People, random: np.random.Generator) -> _Draws:
    seconds_B = people.end_U - config.start_time
    count_B = random.poisson(people.rate_U * seconds_B / DAY)
    user_L = np.repeat(np.arange(len(count_B)), count_B)
    time_L = config.start_time + (random.random(len(user_L)) * seconds_B[user_L]).astype(np.int64)
    order_L = np.argsort(time_L, kind="stable")
    user_L, time_L = user_L[order_L], time_L[order_L]
    early_L = choose(random, people.taste_UK, user_L)
    late_L = choose(random, people.later_taste_UK, user_L)
    taste_L = np.where(time_L < config.drift_time, early_L, late_L)
    service_L = choose(random, people.service_US, user_L)
    item_L = _choose_items(config, random, taste_L, service_L)
    return _Draws(user_L, time_L, taste_L, service_L, item_L)


def _choose_items(
    config: SyntheticConfig, random: np.random.Generator, taste_L: Ints, service_L: Ints
) -> Ints:
    """Return items by popularity within taste and service, as the catalogue deals them out."""
    K, S = config.num_tastes, config.num_services
    first_L = service_L * K + taste_L
    size_L = (config.num_items - first_L + K * S - 1) // (K * S)
    weights = np.cumsum(1.0 / np.arange(1, config.num_items // (K * S) + 2))
    uniform_L = random.random(len(taste_L)) * weights[size_L - 1]
    rank_L = np.searchsorted(weights, uniform_L, side="right").astype(np.int64)
    item_L: Ints = rank_L * (K * S) + first_L
    return item_L


def _named(
    config: SyntheticConfig,
    names: Names,
    draws: _Draws,
    ids_B: pa.StringArray,
    random: np.random.Generator,
) -> tuple[pa.Table, pa.Table]:
    """Return events and labels."""
    num_events = len(draws.user_L)
    view_L = (random.random(num_events) >= config.purchase_share).astype(np.int8)
    coupon_L = (view_L == 0) & (draws.taste_L == 0)
    coupon_L &= random.random(num_events) < config.coupon_share
    unpriced_L = random.random(num_events) < config.missing_share
    events = pa.table(
        {
            "user_id": ids_B.take(pa.array(draws.user_L)),
            "time": draws.time_L,
            "service": names.services.take(pa.array(draws.service_L)),
            "kind": pa.array(KINDS).take(pa.array(view_L)),
            "item_id": names.items.take(pa.array(draws.item_L)),
            "category": names.tastes.take(pa.array(draws.taste_L)),
            "price": pa.array(names.price_I[draws.item_L], mask=unpriced_L),
        }
    )
    rows = pa.array(np.flatnonzero(coupon_L))
    labels = pa.table(
        {
            "task": pa.array([COUPON_REDEEMED] * len(rows), pa.string()),
            "user_id": events["user_id"].take(rows),
            "time": events["time"].take(rows),
            "value": pa.array(np.ones(len(rows))),
        }
    )
    return events, labels
