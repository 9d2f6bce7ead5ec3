"""The text graphs that a pasum run trains on: whole users, and the halves of their posts.

Where there is a folder they are built once, bucket by bucket, and mapped into memory; an
interrupted build goes on.

Shapes: U users of a snapshot, B users of a bucket.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np

from habitus.config import digest_of
from habitus.data.snapshot import Snapshot
from habitus.data.text_graph import TextGraphs
from habitus.data.text_graph_encoding import TextGraphEncoding
from habitus.data.text_graph_rows import GraphReader, half_of
from habitus.data.text_graph_store import TextGraphStore
from habitus.data.tokens import Tokens, relabel
from habitus.data.traces import Rows

Half = Literal["earlier", "later"]
View = Literal["whole", "earlier", "later"]
HALVES: Final[tuple[Half, Half]] = ("earlier", "later")
USERS_AT_ONCE: Final = 1_024
"""Users whose words are in memory."""


class GraphViews(NamedTuple):
    """Graphs of the users of a snapshot, by their place in it."""

    readers: tuple[GraphReader, ...]
    """Whole users; then, where halves are read, earlier and later halves."""
    half_users: Rows | None
    """Users with words in both halves, ascending; None where halves are not read."""


def graph_views(
    snapshot: Snapshot, encoding: TextGraphEncoding, work: Path | None, *, halves: bool
) -> GraphViews:
    """Return the graphs of a snapshot: in memory, or in stores below ``work``."""
    views: tuple[View, ...] = ("whole", *HALVES) if halves else ("whole",)
    readers = tuple(_reader(snapshot, encoding, work, view) for view in views)
    return GraphViews(readers, _half_users(snapshot, encoding) if halves else None)


def _reader(
    snapshot: Snapshot, encoding: TextGraphEncoding, work: Path | None, view: View
) -> GraphReader:
    build = partial(_build, snapshot, encoding, view)
    if work is None:
        return build(np.arange(snapshot.num_users, dtype=np.int64))
    source = {**encoding.source(snapshot), "view": view}
    folder = work / f"graphs-{digest_of([source, encoding.graph.to_dict()])}"
    return TextGraphStore.write(
        folder,
        snapshot.num_users,
        encoding.graph,
        build,
        source=source,
        users_at_once=USERS_AT_ONCE,
    )


def _build(
    snapshot: Snapshot, encoding: TextGraphEncoding, view: View, places_B: Rows
) -> TextGraphs:
    known = _known(snapshot, encoding, places_B)
    return encoding.build(known if view == "whole" else half_of(known, view))


def _half_users(snapshot: Snapshot, encoding: TextGraphEncoding) -> Rows:
    found = []
    for start in range(0, snapshot.num_users, USERS_AT_ONCE):
        places_B = np.arange(start, min(start + USERS_AT_ONCE, snapshot.num_users))
        known = _known(snapshot, encoding, places_B)
        earlier_B, later_B = (_lengths(half_of(known, half)) for half in HALVES)
        found.append(places_B[(earlier_B > 0) & (later_B > 0)])
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _lengths(tokens: Tokens) -> Rows:
    """Return the number of tokens of each user."""
    lengths: Rows = np.diff(tokens.post_ptr_P1[tokens.user_ptr_U1])
    return lengths


def _known(snapshot: Snapshot, encoding: TextGraphEncoding, places_B: Rows) -> Tokens:
    """Return the tokens of some users whose words the vocabulary holds."""
    part = Snapshot(snapshot.traces, snapshot.as_of, snapshot.users_U[places_B])
    tokens, words = encoding.text.read(part)
    return relabel(tokens, encoding.vocabulary.lookup(words))
