"""Known answers about rankings: most popular, on people by arithmetic and on Amazon Beauty.

Leave the last event out: popularity counts all but a user's last two events, the history that is
masked is all but the last, and the last is the target. Counting the targets too is the leak that
was published (spec finding 10); it is recomputed as a control.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from habitus.comparisons.base import Matrix
from habitus.comparisons.most_popular import MostPopular
from habitus.data.columns import ITEM_ID, TIME, USER_ID
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows, Traces
from habitus.evaluation.candidates import sample_candidates
from habitus.evaluation.known_answers import Answer, NotRunError
from habitus.evaluation.ranking import Ranking, evaluate_ranking
from habitus.metrics.arrays import Floats


class LastOut(NamedTuple):
    """Traces whose time is an order, cut for leaving the last event out."""

    traces: Traces
    history: Snapshot
    targets_U: Rows

    @classmethod
    def of(cls, traces: Traces) -> LastOut:
        """Cut every user's last event off as the target."""
        codes_L = traces.column(ITEM_ID)
        return cls(traces, Snapshot(traces, 1), codes_L[traces.offsets_U1[1:] - 1].astype(np.int64))

    def popular(self, *, leave_out: int) -> MostPopular:
        """Return most-popular fitted on all but the last ``leave_out`` events of each user."""
        comparison = MostPopular()
        comparison.fit(Snapshot(self.traces, leave_out))
        return comparison

    def rank(self, *, leave_out: int) -> Ranking:
        """Rank the targets by popularity among all items."""
        return evaluate_ranking(self.popular(leave_out=leave_out), self.history, self.targets_U)


class OneTieOrder:
    """Most-popular with its ties broken by one random order of the items, the same for all users.

    That is what most published evaluations do; ours takes the expectation over all orders.
    """

    def __init__(self, counts_I: Rows, order_I: Floats) -> None:
        place_I = np.empty(len(counts_I), np.float32)
        place_I[np.lexsort((order_I, counts_I))] = np.arange(len(counts_I))
        self.place_I = place_I

    def score(self, snapshot: Snapshot, items_I: Rows) -> Matrix:
        """Return places that respect the counts, ``(U, I)``."""
        return np.broadcast_to(self.place_I[items_I - 1], (snapshot.num_users, len(items_I)))


def most_popular_twin() -> Iterable[Answer]:
    """Ten people whose ranks are arithmetic, so that the code runs where no data is."""
    with TemporaryDirectory() as folder:
        last_out = LastOut.of(_twin(Path(folder) / "traces"))
        honest = last_out.rank(leave_out=2).metrics()
        leaky = last_out.rank(leave_out=0).metrics()
    discount = 1 / np.log2(1 + np.arange(1, 11))
    ndcg = (8 * discount[1] + discount[1:].sum() / 9 + discount[:9].sum() / 9) / 10
    reciprocal = 1 / np.arange(1, 11)
    mrr = (8 / 2 + reciprocal[1:].sum() / 9 + reciprocal[:9].sum() / 9) / 10
    source = "arithmetic: 8 people at rank 2, one on 2 … 10, one on 1 … 9"
    yield Answer("HR@1", honest["HR@1"], 1 / 90, 1e-9, source)
    yield Answer("HR@5", honest["HR@5"], (8 + 4 / 9 + 5 / 9) / 10, 1e-9, source)
    yield Answer("NDCG@10", honest["NDCG@10"], float(ndcg), 1e-9, source)
    yield Answer("MRR", honest["MRR"], float(mrr), 1e-9, source)
    source = "arithmetic: counting the targets lifts three people to a tie for rank 1"
    expected = (1 / 2 + 1 / 3 + 1 / 2) / 10
    yield Answer("HR@1, targets counted (a leak)", leaky["HR@1"], expected, 1e-9, source)


def most_popular_beauty() -> Iterable[Answer]:
    """Most popular on Amazon Beauty, 22,363 users and 12,101 items (B-14)."""
    from habitus.datasets import DATASETS

    dataset = DATASETS["amazon_beauty"]()
    if reason := dataset.missing():
        raise NotRunError(reason)
    with TemporaryDirectory() as folder:
        yield from _beauty(LastOut.of(dataset.ingest(Path(folder) / "traces")))


def _beauty(last_out: LastOut) -> Iterable[Answer]:
    names = ("HR@5", "HR@10", "HR@20", "NDCG@10")
    popular = last_out.popular(leave_out=2)
    assert popular.counts_I is not None
    numbers_I = [int(value) for value in last_out.traces.dictionary(ITEM_ID).to_pylist()]
    draw_I = np.random.default_rng(0).random(max(numbers_I) + 1)[numbers_I]
    one_order = OneTieOrder(popular.counts_I, draw_I)
    ours = evaluate_ranking(one_order, last_out.history, last_out.targets_U).metrics()
    published = (0.0075, 0.0115, 0.0199, 0.0055)
    source = "one random order of tied items; to the digits"
    yield from _rows(names, ours, published, [5e-5] * 4, "one tie order", source)
    # The tolerance is the spread that 200 random tie orders had.
    ours = last_out.rank(leave_out=2).metrics()
    source = "the same; tolerance from the spread over 200 tie orders"
    yield from _rows(names, ours, published, (1e-4, 1e-4, 5e-4, 1e-4), "expected", source)
    ours = last_out.rank(leave_out=0).metrics()
    source = "the published figures, which counted the targets; a control"
    yield from _rows(names, ours, (0.0080, 0.0152, 0.0217, 0.0068), [5e-5] * 4, "leaky", source)
    yield from _sampled(last_out, popular)


def _sampled(last_out: LastOut, popular: MostPopular) -> Iterable[Answer]:
    assert popular.counts_I is not None
    history, targets_U = last_out.history, last_out.targets_U
    candidates = sample_candidates("uniform", history, targets_U, popular.counts_I, num=99)
    ours = evaluate_ranking(popular, history, targets_U, candidates=candidates).metrics()
    expected = (0.053, 0.173, 0.287)
    errors = [3 * np.sqrt(2 * p * (1 - p) / len(targets_U)) for p in expected]
    source = "B-14; at most 3 standard errors between two draws of negatives"
    yield from _rows(("HR@1", "HR@5", "HR@10"), ours, expected, errors, "99 negatives", source)


def _rows(
    names: Sequence[str],
    ours: dict[str, float],
    expected: Sequence[float],
    tolerances: Sequence[float],
    what: str,
    source: str,
) -> Iterable[Answer]:
    for name, value, tolerance in zip(names, expected, tolerances, strict=True):
        yield Answer(f"{name}, {what}", ours[name], value, float(tolerance), source)


def _twin(path: Path) -> Traces:
    """Write ten people: person ``u`` had items 0 … u, then item 10 + u, and at last the target.

    Item ``j`` of 0 … 9 counts 10 − j in training, items 10 … 19 count 0. Person ``u`` ≤ 7 has the
    target u + 2 and one better item left, u + 1. The targets of 8 and 9 are items 10 and 11, tied
    with eight others: item 9 is better for person 8, nothing for person 9.
    """
    from habitus.data.ingest import ingest
    from habitus.data.mapping import ChannelMapping, EventsMapping, TracesMapping

    people = [[*range(u + 1), 10 + u, u + 2] for u in range(10)]
    events = [
        {USER_ID: f"person{u}", TIME: place, ITEM_ID: f"item{item:02d}"}
        for u, items in enumerate(people)
        for place, item in enumerate(items)
    ]
    channels = {ITEM_ID: ChannelMapping(kind="id")}
    mapping = TracesMapping(events=EventsMapping(time_unit="order", channels=channels))
    ingest({"events": pa.Table.from_pylist(events)}, mapping, path)
    return Traces(path)
