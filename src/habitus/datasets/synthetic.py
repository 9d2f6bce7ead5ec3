"""What synthetic people do: five tables of any size, with the right answers beside them.

>>> config = SyntheticConfig(num_users=3, events_per_user=2.0)
>>> [table.num_rows > 0 for table in frames(config)]
[True]

Shapes: U users, L events, I items, K tastes, S services, B users of one block.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from habitus.data.columns import ChannelKind, TableName
from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.datasets.base import Dataset
from habitus.datasets.population import (
    BLOCK,
    Floats,
    Ints,
    People,
    SyntheticConfig,
    Truth,
    item_ids,
    make_block,
    make_catalogue,
    make_people,
    user_ids,
)
from habitus.random import numpy_generator

if TYPE_CHECKING:
    from habitus.data.mapping import TracesMapping

COUPON_REDEEMED = "coupon_redeemed"
KINDS = ("purchase", "view")
WORDS_PER_TASTE = 12
SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
CHANNELS: dict[str, ChannelKind] = {
    "service": "category",
    "kind": "category",
    "item_id": "id",
    "category": "category",
    "price": "dense",
}


class Synthetic(Dataset):
    """People with planted tastes, communities, services and drifts.

    Args:
        config: how many, and what is planted.
    """

    name: ClassVar[str] = "synthetic"
    description: ClassVar[str] = (
        "Made-up people with planted tastes, communities, services, drifts and churn: the right "
        "answers are known, at any size (2,000 users unless you say otherwise)"
    )
    notices: ClassVar[tuple[str, ...]] = (
        "Made up by habitus from a seed: nobody in it is a real person, and no result on it says "
        "anything about real people.",
    )

    def __init__(self, config: SyntheticConfig | None = None) -> None:
        self.config = config if config is not None else SyntheticConfig(num_users=2000)

    def missing(self) -> str | None:
        """Return None: it is made on the spot."""
        return None

    def ingest(self, out: Path) -> Traces:
        """Make the people and their traces at ``out``."""
        return make_traces(self.config, out)[0]


def make_traces(config: SyntheticConfig, out: str | Path) -> tuple[Traces, Truth]:
    """Make traces at ``out``, all in memory, and the right answers, row by row.

    For more events than memory holds, write :func:`frames` to files and ingest those.
    """
    from habitus.data.ingest import ingest

    ingest(make_tables(config), synthetic_mapping(), out)
    traces = Traces(out)
    truth = make_truth(config)
    rows = pc.index_in(traces.user_ids, value_set=truth.user_ids)
    return traces, truth.take(rows.to_numpy(zero_copy_only=False).astype(np.int64))


def make_truth(config: SyntheticConfig) -> Truth:
    """Return the right answers for all users, in the order of their ids."""
    rows_U = np.arange(config.num_users, dtype=np.int64)
    return Truth(config, user_ids(config, rows_U), make_people(config), make_catalogue(config))


def make_tables(config: SyntheticConfig) -> dict[TableName, pa.Table]:
    """Return all five tables."""
    events, labels = zip(*_blocks(config), strict=True)
    people = make_people(config)
    return {
        "events": pa.concat_tables(events),
        "items": _items(config),
        "follows": _follows(config, people.community_U),
        "profiles": _profiles(config, people),
        "labels": pa.concat_tables(labels),
    }


def synthetic_mapping() -> TracesMapping:
    """Return what the columns of :func:`make_tables` mean."""
    from habitus.data.mapping import ChannelMapping, EventsMapping, TableMapping, TracesMapping

    channels = {name: ChannelMapping(kind=kind) for name, kind in CHANNELS.items()}
    same = TableMapping()
    return TracesMapping(
        events=EventsMapping(channels=channels),
        items=same,
        follows=same,
        profiles=same,
        labels=same,
    )


def frames(config: SyntheticConfig, chunk: int = BLOCK) -> Iterator[pa.Table]:
    """Yield the events in tables of about ``chunk`` users each, ids as strings.

    The events, and their order, do not depend on ``chunk``; only one chunk is in memory.
    """
    waiting: list[pa.Table] = []
    for events, _ in _blocks(config):
        waiting.append(events)
        if len(waiting) * BLOCK >= chunk:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


class _Draws(NamedTuple):
    """The events of one block, before they get their names."""

    user_L: Ints
    time_L: Ints
    taste_L: Ints
    service_L: Ints
    item_L: Ints


def _blocks(config: SyntheticConfig) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield (events, labels) of each block of users, by time of arrival inside the block."""
    names = _Names(config)
    for block in range(config.num_blocks):
        people = make_block(config, block)
        random = numpy_generator(config.seed, "events", block)
        draws = _draw(config, people, random)
        first = block * BLOCK
        ids_B = user_ids(config, np.arange(first, first + len(people.rate_U), dtype=np.int64))
        yield names.tables(draws, ids_B, random)


def _draw(config: SyntheticConfig, people: People, random: np.random.Generator) -> _Draws:
    seconds_B = people.end_U - config.start_time
    count_B = random.poisson(people.rate_U * seconds_B / DAY)
    user_L = np.repeat(np.arange(len(count_B)), count_B)
    time_L = config.start_time + (random.random(len(user_L)) * seconds_B[user_L]).astype(np.int64)
    order_L = np.argsort(time_L, kind="stable")
    user_L, time_L = user_L[order_L], time_L[order_L]
    early_L = _choose(random, people.taste_UK, user_L)
    late_L = _choose(random, people.later_taste_UK, user_L)
    taste_L = np.where(time_L < config.drift_time, early_L, late_L)
    service_L = _choose(random, people.service_US, user_L)
    item_L = _choose_items(config, random, taste_L, service_L)
    return _Draws(user_L, time_L, taste_L, service_L, item_L)


def _choose(random: np.random.Generator, share_BK: Floats, user_L: Ints) -> Ints:
    """Return one choice for each event, by the shares of its user."""
    edges_BK = share_BK.cumsum(axis=1)[:, :-1]
    uniform_L = random.random(len(user_L))
    chosen_L = np.zeros(len(user_L), np.int64)
    for edge_B in edges_BK.T:
        chosen_L += uniform_L >= edge_B[user_L]
    return chosen_L


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


class _Names:
    """Rows into strings: the values that events point at, made once."""

    def __init__(self, config: SyntheticConfig) -> None:
        self.config = config
        self.items = item_ids(config)
        self.services = pa.array([f"service-{s}" for s in range(config.num_services)])
        self.tastes = pa.array([f"taste-{k}" for k in range(config.num_tastes)])
        self.price_I = _prices(config)

    def tables(
        self, draws: _Draws, ids_B: pa.StringArray, random: np.random.Generator
    ) -> tuple[pa.Table, pa.Table]:
        """Return events and labels."""
        num_events = len(draws.user_L)
        view_L = (random.random(num_events) >= self.config.purchase_share).astype(np.int8)
        coupon_L = (view_L == 0) & (draws.taste_L == 0)
        coupon_L &= random.random(num_events) < self.config.coupon_share
        unpriced_L = random.random(num_events) < self.config.missing_share
        events = pa.table(
            {
                "user_id": ids_B.take(pa.array(draws.user_L)),
                "time": draws.time_L,
                "service": self.services.take(pa.array(draws.service_L)),
                "kind": pa.array(KINDS).take(pa.array(view_L)),
                "item_id": self.items.take(pa.array(draws.item_L)),
                "category": self.tastes.take(pa.array(draws.taste_L)),
                "price": pa.array(self.price_I[draws.item_L], mask=unpriced_L),
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


def _items(config: SyntheticConfig) -> pa.Table:
    catalogue = make_catalogue(config)
    names = _Names(config)
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


def word(number: int) -> str:
    """Return a made-up word, another one for each number.

    >>> word(0), word(1), word(70)
    ('baba', 'bebe', 'babe')
    """
    first, rest = number % len(SYLLABLES), number // len(SYLLABLES)
    second, more = (first + rest) % len(SYLLABLES), rest // len(SYLLABLES)
    return SYLLABLES[first] + SYLLABLES[second] + (word(more - 1) if more else "")


def _prices(config: SyntheticConfig) -> npt.NDArray[np.float32]:
    random = numpy_generator(config.seed, "prices")
    level_K = np.exp(random.normal(2.0, 0.7, config.num_tastes))
    noise_I = np.exp(random.normal(0.0, 0.3, config.num_items))
    return (level_K[np.arange(config.num_items) % config.num_tastes] * noise_I).astype(np.float32)


def _follows(config: SyntheticConfig, community_U: Ints) -> pa.Table:
    """Return who follows whom, mostly inside a community; never oneself, nobody twice."""
    random = numpy_generator(config.seed, "follows")
    U = config.num_users
    source_E = np.repeat(np.arange(U), random.poisson(config.follows_per_user, U))
    order_U = np.argsort(community_U, kind="stable")
    start_C = np.searchsorted(community_U[order_U], np.arange(config.num_communities + 1))
    home_E = community_U[source_E]
    size_E = start_C[home_E + 1] - start_C[home_E]
    near_E = order_U[start_C[home_E] + (random.random(len(source_E)) * size_E).astype(np.int64)]
    far_E = random.integers(U, size=len(source_E))
    target_E = np.where(random.random(len(source_E)) < config.same_community, near_E, far_E)
    pairs_E = np.unique((source_E * U + target_E)[source_E != target_E])
    since_E = random.integers(config.days * DAY, size=len(pairs_E))
    return pa.table(
        {
            "user_id": user_ids(config, pairs_E // U),
            "follows_id": user_ids(config, pairs_E % U),
            "time": config.start_time + since_E,
        }
    )


def _profiles(config: SyntheticConfig, people: People) -> pa.Table:
    """Return tags and a group that is "a" with the probability of the user's even tastes."""
    random = numpy_generator(config.seed, "profiles")
    in_a_U = random.random(config.num_users) < people.taste_UK[:, ::2].sum(axis=1)
    names = pa.array([f"community-{c}" for c in range(config.num_communities)])
    return pa.table(
        {
            "user_id": user_ids(config, np.arange(config.num_users, dtype=np.int64)),
            "tags": names.take(pa.array(people.community_U)),
            "group": pa.array(["b", "a"]).take(pa.array(in_a_U.astype(np.int8))),
        }
    )
