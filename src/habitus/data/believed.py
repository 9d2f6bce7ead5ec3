"""Which times of a source are believed, and which lie so far from the rest that one should look.

Shapes: L events.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.data.mapping import EventsMapping
from habitus.data.snapshot import format_time, parse_time
from habitus.data.split import DAY
from habitus.errors import UsageError
from habitus.random import numpy_generator

FEWEST: Final = 20
"""Of fewer events none is told to be far: there is no rest that it could be far from."""
OUTSIDE: Final = 1000
"""One event in so many, and at least one, may be far on either side of the rest."""
REACH_DAYS: Final = 30
"""Nearer than this is never far, however short the rest is."""
SAMPLE: Final = 2**18


class Believed(NamedTuple):
    """The first and the last second that a time may be."""

    earliest: int | None
    """None where any time is early enough."""
    latest: int


def believed_times(
    mapping: EventsMapping, now: int, *, earliest: str | None = None, latest: str | None = None
) -> Believed:
    """Return which times are believed: what is given, else what the mapping says, else up to now.

    Raises:
        UsageError: something that is no date, a range that is empty, or times that are an order.
    """
    first, last = earliest or mapping.earliest_time, latest or mapping.latest_time
    found = Believed(
        None if first is None else parse_time(first), now if last is None else parse_time(last)
    )
    if first is not None and mapping.time_unit == "order":
        raise UsageError(
            f"the time of these events is an order, of which {first!r} is no part: leave out the "
            f"earliest time"
        )
    if found.earliest is not None and found.earliest > found.latest:
        raise UsageError(
            f"the earliest time {first} lies after the latest, {last or format_time(now)}: no "
            f"event could be kept; give an earlier one"
        )
    return found


def far_times(time_L: npt.NDArray[np.int64]) -> tuple[str, ...]:
    """Return what is told of events that lie very far from the rest, a sentence a side.

    The rest are the events from the 0.1 % to the 99.9 % quantile, but for at least one on either
    side. Far is what lies further from it than it is long itself, and than 30 days: one such event
    makes more months of training cutoffs than all others together. Quantiles are of a sample where
    there are many events.

    Args:
        time_L: seconds in any order.
    """
    if len(time_L) < FEWEST:
        return ()
    # At random: every n-th event might be the first of each user.
    rng = numpy_generator(0, "far times")
    many = len(time_L) > SAMPLE
    sample = time_L[np.sort(rng.integers(0, len(time_L), SAMPLE))] if many else time_L
    outside = max(1, len(sample) // OUTSIDE)
    place = (outside, len(sample) - 1 - outside)
    low, high = np.partition(sample, place)[[*place]].tolist()
    reach = max(high - low, REACH_DAYS * DAY)
    found = []
    if (first := int(time_L.min())) < low - reach:
        far = time_L < low - reach
        last, begin = int(time_L[far].max()), int(time_L[~far].min()) // DAY * DAY
        option = f"--earliest-time {format_time(begin)}"
        found.append(_sentence(int(far.sum()), (first, last), "before", (low, high), option))
    if (last := int(time_L.max())) > high + reach:
        far = time_L > high + reach
        first, end = int(time_L[far].min()), (int(time_L[~far].max()) // DAY + 1) * DAY
        option = f"--latest-time {format_time(end)}"
        found.append(_sentence(int(far.sum()), (first, last), "after", (low, high), option))
    return tuple(found)


def _sentence(
    number: int, far: tuple[int, int], side: str, rest: tuple[int, int], option: str
) -> str:
    when = " to ".join(dict.fromkeys(_day(t) for t in far))
    return (
        f"{number:,} event{'s' if number > 1 else ''} of {when}, far {side} nearly all others, of "
        f"{_day(rest[0])} to {_day(rest[1])}: months are asked about from the first event to the "
        f"last; if that is a mistake, {option} sets such rows aside"
    )


def _day(seconds: int) -> str:
    return format_time(seconds // DAY * DAY)
