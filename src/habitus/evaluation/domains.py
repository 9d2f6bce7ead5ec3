"""How alike services are in what their items say (CLUE C28, A-C26, evaluation D7).

Tokens are words; a text that a user meets again on a service counts once, as in pre-training.
Intervals are two-sided normal ones around the value, from users drawn anew: percentiles would be
off centre, since fewer people know fewer rare words. Services of one set share the draw.

Shapes: U users of a set, W words of a domain, V words of all domains, D domains, R resamples, S
sources, T targets, M orders of the sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from habitus.comparisons.service_words import service_words
from habitus.data.posts import AUTO
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.errors import DataError, GuardError, UsageError
from habitus.metrics.arrays import Floats
from habitus.metrics.permutation import MIN_CASES, orders
from habitus.metrics.similarity import jensen_shannon, kendall
from habitus.random import numpy_generator

TOP: Final = 1_000
"""Words of the variant that rare ones have no part in."""
NORMAL: Final = 1.96
"""Standard errors on either side of a 95 % interval."""


@dataclass(frozen=True)
class Domain:
    """One service of one set, and the words of its users."""

    source: str
    """Users of one source are drawn together."""
    service: str
    words: tuple[str, ...]
    count_UW: csr_array

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"{self.source}, {self.service}" if self.service else self.source


class Between(NamedTuple):
    """A value with its interval."""

    value: float
    low: float
    high: float


class Similarity(NamedTuple):
    """How alike two domains are."""

    kendall: Between
    """τ-b over the words that occur in either; the ties of rare words weigh much in it."""
    kendall_top: Between
    """The same over the :data:`TOP` words with the largest shares."""
    jensen_shannon: Between
    """In bits: 0 for the same shares, 1 where no word is in both."""


class GainCorrelation(NamedTuple):
    """Whether likeness and gain go together, over sources within each target."""

    value: float
    """The mean of :attr:`each_T`."""
    p: float
    """Two-sided: the share of orders of the sources with as strong a mean or a stronger one, the
    order that was found among them."""
    each_T: tuple[float, ...]
    """Spearman's correlation of each target."""
    num_orders: int


def domains_of(
    source: str,
    snapshot: Snapshot,
    *,
    text: str = AUTO,
    segmentation: SegmentationConfig | None = None,
) -> list[Domain]:
    """Return the services of a snapshot whose items have words.

    Raises:
        DataError: the traces have no texts.
        GuardError: no item that anybody met has a word.
    """
    found = service_words(snapshot, text=text, segmentation=segmentation)
    num_services = len(found.services)
    domains = []
    for k, service in enumerate(found.services):
        count_UW = csr_array(found.count_SW[np.arange(k, len_of(found.count_SW), num_services)])
        if count_UW.nnz:
            domains.append(Domain(source, service, found.words, count_UW))
    if not domains:
        raise GuardError(f"no item of {source} that somebody met has a text with words")
    return domains


def similarities(
    domains: Sequence[Domain], num_resamples: int = 100, seed: int = 0, top: int = TOP
) -> dict[tuple[int, int], Similarity]:
    """Return how alike each two domains are, by their places.

    Args:
        domains: of any sets.
        num_resamples: how often users are drawn anew for the intervals.
        seed: of these draws.
        top: words of the variant.

    Raises:
        GuardError: fewer than two domains.
        UsageError: fewer than two resamples.
    """
    if len(domains) < 2:
        raise GuardError(
            f"likeness is of two services, and there is {len(domains)}: give sets with more"
        )
    if num_resamples < 2:
        raise UsageError(f"num_resamples must be at least 2, got {num_resamples}")
    aligned = _aligned(domains)
    whole = _measures([np.asarray(d.count_UW.sum(axis=0)).ravel() for d in aligned], top)
    drawn = np.stack(
        [_measures(_drawn(aligned, seed, place), top) for place in range(num_resamples)]
    )
    found = {}
    for place, pair in enumerate(combinations(range(len(domains)), 2)):
        errors = [_spread(drawn[:, place, m]) for m in range(3)]
        ends = zip(whole[place].tolist(), errors, strict=True)
        found[pair] = Similarity(*(Between(v, v - NORMAL * e, v + NORMAL * e) for v, e in ends))
    return found


def gain_correlation(like_ST: Floats, gain_ST: Floats, seed: int = 0) -> GainCorrelation:
    """Return the rank correlation of likeness and gain within targets, and its p-value.

    Pairs share sources and targets, so the whole rows of sources are permuted, as in a Mantel test;
    a target on which all gain more has no part in it.

    Args:
        like_ST: of each source and target.
        gain_ST: of the same.
        seed: of the orders, where there are too many to try all.

    Raises:
        DataError: of another shape, or a number that is not finite.
        GuardError: fewer than four sources, or no difference between them on some target.
    """
    from scipy.stats import rankdata

    if like_ST.shape != gain_ST.shape or like_ST.ndim != 2:
        raise DataError(f"likeness is of {like_ST.shape} pairs, and gain of {gain_ST.shape}")
    if not (np.isfinite(like_ST).all() and np.isfinite(gain_ST).all()):
        raise DataError("likeness and gain must be finite")
    num_sources, num_targets = like_ST.shape
    if num_sources < MIN_CASES or min(map(_spread_of, (*like_ST.T, *gain_ST.T))) == 0:
        raise GuardError(
            f"a correlation needs {MIN_CASES} sources that differ on every target, got "
            f"{num_sources}"
        )
    unit_2ST = [rankdata(x, axis=0) for x in (like_ST, gain_ST)]
    unit_2ST = [x - x.mean(axis=0) for x in unit_2ST]
    like, gain = (x / np.linalg.norm(x, axis=0) for x in unit_2ST)
    order_MS, all_tried = orders(num_sources, seed)
    value_M = np.einsum("mst,st->m", like[order_MS], gain) / num_targets
    each_T = (like * gain).sum(axis=0)
    # Sums of the same numbers in another order may differ in the last digits.
    as_strong = int((np.abs(value_M) >= abs(each_T.mean()) - 1e-9).sum())
    drawn = int(not all_tried)
    p = (as_strong + drawn) / (len(order_MS) + drawn)
    each = tuple(round(float(v), 12) for v in each_T)
    return GainCorrelation(round(float(each_T.mean()), 12), p, each, len(order_MS))


def len_of(matrix: csr_array) -> int:
    """Return the number of rows."""
    return int(matrix.shape[0])


def _aligned(domains: Sequence[Domain]) -> list[Domain]:
    """Return the domains with the words of all of them as columns."""
    place_of = dict[str, int]()
    columns = [
        np.array([place_of.setdefault(word, len(place_of)) for word in domain.words], np.int64)
        for domain in domains
    ]
    words = tuple(place_of)
    return [
        replace(domain, words=words, count_UW=_moved(domain.count_UW, column_W, len(words)))
        for domain, column_W in zip(domains, columns, strict=True)
    ]


def _moved(count_UW: csr_array, column_W: Rows, num_words: int) -> csr_array:
    parts = (count_UW.data, column_W[count_UW.indices], count_UW.indptr)
    return csr_array(parts, shape=(len_of(count_UW), num_words))


def _drawn(domains: Sequence[Domain], seed: int, place: int) -> list[Floats]:
    """Return the counts of each domain with the users of each source drawn anew."""
    counts = []
    for domain in domains:
        num_users = len_of(domain.count_UW)
        generator = numpy_generator(seed, "domains", domain.source, place)
        weight_U = np.bincount(generator.integers(0, num_users, num_users), minlength=num_users)
        counts.append(np.asarray(domain.count_UW.T @ weight_U.astype(np.float64)))
    return counts


def _measures(counts: Sequence[Floats], top: int) -> Floats:
    """Return the three measures of each pair, ``(P, 3)``; NaN where a side has no word."""
    found = []
    for a, b in combinations(counts, 2):
        if not a.any() or not b.any():
            found.append([np.nan] * 3)
            continue
        found.append([kendall(a, b), kendall(a, b, top), jensen_shannon(a, b)])
    return np.array(found)


def _spread_of(value_S: Floats) -> float:
    return float(np.ptp(value_S))


def _spread(value_R: Floats) -> float:
    """Return the standard deviation of the values that there are; NaN for one or none."""
    known = value_R[~np.isnan(value_R)]
    return float(known.std(ddof=1)) if len(known) > 1 else float("nan")
