"""What synthetic people do: five tables of any size, with the right answers beside them.

>>> config = SyntheticConfig(num_users=3, events_per_user=2.0)
>>> [table.num_rows > 0 for table in frames(config)]
[True]

Shapes: U users.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from habitus.data.columns import ChannelKind, TableName
from habitus.data.traces import Traces
from habitus.datasets.base import Dataset
from habitus.datasets.population import (
    BLOCK,
    SyntheticConfig,
    make_catalogue,
    make_people,
    user_ids,
)
from habitus.datasets.synthetic_events import event_blocks
from habitus.datasets.synthetic_items import make_items
from habitus.datasets.synthetic_social import make_follows, make_profiles
from habitus.datasets.truth import Truth

if TYPE_CHECKING:
    from habitus.data.mapping import TracesMapping

CHANNELS: Final[dict[str, ChannelKind]] = {
    "service": "category",
    "kind": "category",
    "item_id": "id",
    "category": "category",
    "price": "dense",
}

PLAIN: Final = SyntheticConfig(num_users=2000)
WITH_POSTS: Final = SyntheticConfig(
    num_users=2000,
    num_communities=6,
    communities_per_user=2,
    follows_per_user=8.0,
    words_per_post=12.0,
    traits=True,
)
"""As PASUM's data is built: six domains, each user in two, posts, follows, six attributes."""


class _MadeUp(Dataset):
    """Made on the spot, from a config."""

    notices: ClassVar[tuple[str, ...]] = (
        "Made up by habitus from a seed: nobody in it is a real person, and no result on it says "
        "anything about real people.",
    )
    config: SyntheticConfig

    def missing(self) -> str | None:
        """Return None: it is made on the spot."""
        return None

    def ingest(self, out: Path) -> Traces:
        """Make the people and their traces at ``out``."""
        return make_traces(self.config, out)[0]


class Synthetic(_MadeUp):
    """People with planted tastes, communities, services and drifts.

    Args:
        config: how many, and what is planted.
    """

    name: ClassVar[str] = "synthetic"
    description: ClassVar[str] = (
        "Made-up people with planted tastes, communities, services, drifts and churn: the right "
        "answers are known, at any size (2,000 users unless you say otherwise)"
    )

    def __init__(self, config: SyntheticConfig = PLAIN) -> None:
        self.config = config


class SyntheticPosts(_MadeUp):
    """The same people, who also write, are in several communities, and state six attributes.

    Args:
        config: how many, and what is planted.
    """

    name: ClassVar[str] = "synthetic_posts"
    description: ClassVar[str] = (
        "Made-up people who write: posts of made-up words by taste and community, follows, tags of "
        "two communities each, and six attributes named after the tasks of PASUM, their best "
        "possible accuracy known (2,000 users unless you say otherwise)"
    )

    def __init__(self, config: SyntheticConfig = WITH_POSTS) -> None:
        self.config = config


def make_traces(config: SyntheticConfig, out: str | Path) -> tuple[Traces, Truth]:
    """Make traces at ``out``, all in memory, and the right answers, row by row.

    For more events than memory holds, write :func:`frames` to files and ingest those.
    """
    from habitus.data.ingest import ingest

    ingest(make_tables(config), synthetic_mapping(config), out)
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
    events, labels = zip(*event_blocks(config), strict=True)
    people = make_people(config)
    return {
        "events": pa.concat_tables(events),
        "items": make_items(config),
        "follows": make_follows(config, people),
        "profiles": make_profiles(config, people),
        "labels": pa.concat_tables(labels),
    }


def synthetic_mapping(config: SyntheticConfig | None = None) -> TracesMapping:
    """Return what the columns of :func:`make_tables` mean, by default of a world without posts."""
    from habitus.data.mapping import ChannelMapping, EventsMapping, TableMapping, TracesMapping

    channels = {name: ChannelMapping(kind=kind) for name, kind in CHANNELS.items()}
    if config is not None and config.words_per_post:
        channels["text"] = ChannelMapping(kind="text")
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
    for events, _ in event_blocks(config):
        waiting.append(events)
        if len(waiting) * BLOCK >= chunk:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)
