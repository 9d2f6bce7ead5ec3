"""Sub-populations: a world in which capacity matters by construction (SUPERMOE point 7, A-S23).

Each user belongs to one of ``G`` groups, which every event names. An event is a need and the remedy
that met it. In group ``g`` need ``v`` has a remedy of its own, ``π_g(v)``: it is taken with
probability ``follow``, else any remedy. Predicting a remedy from its need therefore takes ``G · V``
facts: 32 · 64 = 2,048 at the defaults, each of log₂ 16 = 4 bits, 8,192 bits in all. At the 2 bits
a weight that language models were measured to hold (Allen-Zhu and Li, "Physics of Language Models:
Part 3.3", 2024) that is 4,096 weights.

No need comes twice in a user's history, so that no fact can be looked up in it: it must be stored.
After the cutoff each user takes some offers, by what their group's map has for the needs of their
history, whatever remedies were taken. So counts see what decides through the noise of ``follow``,
and who knows the maps sees it as it is (:mod:`habitus.datasets.subpopulations_truth`).

Shapes: U users, B users of one block, T events of a user, G groups, V needs, R remedies, K offers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit

from habitus.config import Config
from habitus.data.columns import ChannelKind, TableName
from habitus.data.snapshot import parse_time
from habitus.data.split import DAY
from habitus.datasets.base import Dataset
from habitus.datasets.population import BLOCK, Flags, Floats, Ints
from habitus.errors import UsageError
from habitus.random import numpy_generator

if TYPE_CHECKING:
    from habitus.data.mapping import TracesMapping
    from habitus.data.traces import Traces

CHANNELS: Final[dict[str, ChannelKind]] = {
    "group": "category",
    "need": "category",
    "remedy": "category",
}
HORIZON_DAYS: Final = 30
"""Days after the cutoff, in which offers are answered."""


@dataclass(frozen=True, kw_only=True)
class SubpopulationsConfig(Config):
    """How many people and groups, and what decides.

    Raises:
        UsageError: a number that is out of its range.
    """

    num_users: int = 4_000
    num_groups: int = 32
    num_needs: int = 64
    num_remedies: int = 16
    """Even, so that half of them speak for an offer; each is the map's for as many needs."""
    events_per_user: int = 24
    """Before the cutoff, for everybody; a quarter as many follow in the 30 days after it."""
    follow: float = 0.7
    """Probability that a remedy is that of the group's map; otherwise any remedy is as likely."""
    num_offers: int = 4
    slope: float = 4.0
    shift: float = 2.0
    """An offer is taken with probability ``σ(slope · score - shift)``; the score has about mean 0
    and deviation 1."""
    start: str = "2023-01-01"
    cutoff: str = "2023-03-01"
    people: int = 0
    """Which people: worlds of one seed with different numbers here have the same maps and offers,
    and no user in common."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("num_users", "num_groups", "num_offers", "events_per_user"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if not 0 <= self.follow <= 1:
            raise UsageError(f"follow must be in [0, 1], got {self.follow}")
        if self.num_remedies < 2 or self.num_remedies % 2 or self.num_needs % self.num_remedies:
            raise UsageError(
                f"num_remedies must be 2, 4, 6 … and divide num_needs {self.num_needs}, "
                f"got {self.num_remedies}"
            )
        total = self.events_per_user + self.events_after
        if self.num_needs < total:
            raise UsageError(
                f"num_needs must be at least events_per_user and a quarter more, {total}, so that "
                f"no need comes twice; got {self.num_needs}"
            )
        if self.cutoff_time <= self.start_time:
            raise UsageError(f"cutoff must be after start {self.start}, got {self.cutoff}")

    @property
    def events_after(self) -> int:
        """Events of each user after the cutoff, which only tell that the data goes on."""
        return -(-self.events_per_user // 4)

    @property
    def start_time(self) -> int:
        """The first second."""
        return parse_time(self.start)

    @property
    def cutoff_time(self) -> int:
        """The second from which offers are answered."""
        return parse_time(self.cutoff)


class Maps(NamedTuple):
    """What all people of a world share."""

    remedy_GV: Ints
    """``π_g(v)``: each remedy is that of as many needs."""
    favours_KR: Flags
    """Which remedies speak for an offer: half of them, the others against it."""


class Histories(NamedTuple):
    """What some users did before the cutoff, and what they answered."""

    group_U: Ints
    need_UT: Ints
    """All different in a row."""
    remedy_UT: Ints
    """That was taken."""
    chance_UK: Floats
    """Probability of yes to each offer, to who knows the maps."""
    answer_UK: Flags


class Subpopulations(Dataset):
    """People of many groups, each with its own map from needs to remedies.

    Args:
        config: how many, and what decides.
    """

    name: ClassVar[str] = "subpopulations"
    description: ClassVar[str] = (
        "Made-up people of 32 groups, each with its own map from 64 needs to 16 remedies: 2,048 "
        "facts to store, offers that depend on them, and the best possible scores known (4,000 "
        "users unless you say otherwise)"
    )
    notices: ClassVar[tuple[str, ...]] = (
        "Made up by habitus from a seed: nobody in it is a real person, and no result on it says "
        "anything about real people.",
    )

    def __init__(self, config: SubpopulationsConfig | None = None) -> None:
        self.config = config or SubpopulationsConfig()

    def missing(self) -> str | None:
        """Return None: it is made on the spot."""
        return None

    def ingest(self, out: Path) -> Traces:
        """Make the people and their traces at ``out``."""
        from habitus.data.ingest import ingest
        from habitus.data.traces import Traces

        ingest(subpopulation_tables(self.config), subpopulation_mapping(), out)
        return Traces(out)


def make_maps(config: SubpopulationsConfig) -> Maps:
    """Return the maps and offers of a seed."""
    random = numpy_generator(config.seed, "subpopulations", "maps")
    whole_V = np.arange(config.num_needs) % config.num_remedies
    remedy_GV = random.permuted(np.tile(whole_V, (config.num_groups, 1)), axis=1)
    half_R = np.arange(config.num_remedies) % 2 == 0
    return Maps(remedy_GV, random.permuted(np.tile(half_R, (config.num_offers, 1)), axis=1))


def make_histories(config: SubpopulationsConfig) -> Histories:
    """Return every user's history before the cutoff, in the order of their ids."""
    drawn = [_draw(config, block) for block in range(_num_blocks(config))]
    whole = _Draws._make(map(np.concatenate, zip(*drawn, strict=True)))
    before = slice(0, config.events_per_user)
    return Histories(
        whole.group_B,
        whole.need_BT[:, before],
        whole.remedy_BT[:, before],
        whole.chance_BK,
        whole.answer_BK,
    )


def scores(config: SubpopulationsConfig, remedy_UT: Ints) -> Floats:
    """Return how much remedies speak for each offer, ``(U, K)``.

    Those for it less those against it, over √T.
    """
    favours_KR = make_maps(config).favours_KR
    for_UK = favours_KR.T[remedy_UT].sum(axis=1)
    found_UK: Floats = (2 * for_UK - remedy_UT.shape[1]) / np.sqrt(remedy_UT.shape[1])
    return found_UK


def probability_of_answer(config: SubpopulationsConfig, score: Floats) -> Floats:
    """Return ``σ(slope · score - shift)``, in the shape of the scores."""
    found: Floats = expit(config.slope * score - config.shift)
    return found


def offer_names(config: SubpopulationsConfig) -> list[str]:
    """Return the names of the labels, one an offer."""
    return [f"offer_{k}" for k in range(config.num_offers)]


def subpopulation_tables(config: SubpopulationsConfig) -> dict[TableName, pa.Table]:
    """Return events and labels, all in memory."""
    made = [_tables(config, block) for block in range(_num_blocks(config))]
    events, labels = zip(*made, strict=True)
    return {"events": pa.concat_tables(events), "labels": pa.concat_tables(labels)}


def subpopulation_mapping() -> TracesMapping:
    """Return what the columns of :func:`subpopulation_tables` mean."""
    from habitus.data.mapping import ChannelMapping, EventsMapping, TableMapping, TracesMapping

    channels = {name: ChannelMapping(kind=kind) for name, kind in CHANNELS.items()}
    return TracesMapping(events=EventsMapping(channels=channels), labels=TableMapping())


class _Draws(NamedTuple):
    """What the users of a block do, before and after the cutoff, events by time."""

    group_B: Ints
    need_BT: Ints
    remedy_BT: Ints
    chance_BK: Floats
    answer_BK: Flags


def _num_blocks(config: SubpopulationsConfig) -> int:
    return -(-config.num_users // BLOCK)


def _draw(config: SubpopulationsConfig, block: int) -> _Draws:
    """Return the users of a block: the same ones in worlds of any size."""
    random = numpy_generator(config.seed, "subpopulations", "people", config.people, block)
    before, total = config.events_per_user, config.events_per_user + config.events_after
    shape = BLOCK, total
    group_B = random.integers(config.num_groups, size=BLOCK)
    need_BT = random.random((BLOCK, config.num_needs)).argsort(axis=1)[:, :total]
    own_BT = make_maps(config).remedy_GV[group_B[:, None], need_BT]
    any_BT = random.integers(config.num_remedies, size=shape)
    remedy_BT = np.where(random.random(shape) < config.follow, own_BT, any_BT)
    chance_BK = probability_of_answer(config, scores(config, own_BT[:, :before]))
    answer_BK = random.random(chance_BK.shape) < chance_BK
    draws = _Draws(group_B, need_BT, remedy_BT, chance_BK, answer_BK)
    return _Draws._make(a[: min(BLOCK, config.num_users - block * BLOCK)] for a in draws)


def event_times(config: SubpopulationsConfig) -> Ints:
    """Return the seconds of everybody's events: at even distances, so that time tells nothing."""
    before, after = config.events_per_user, config.events_after
    past = config.cutoff_time - config.start_time
    # The data lasts until the horizon: otherwise answers in it would not be known to be complete.
    times = config.start_time + np.arange(before) * past // before
    later = config.cutoff_time + np.arange(1, after + 1) * HORIZON_DAYS * DAY // after - 1
    return np.concatenate([times, later])


def _tables(config: SubpopulationsConfig, block: int) -> tuple[pa.Table, pa.Table]:
    """Return (events, labels) of a block."""
    draws = _draw(config, block)
    ids_B = _ids(config, block * BLOCK, len(draws.group_B))
    num_events, names = draws.need_BT.shape[1], _names(config)
    group_L = np.repeat(draws.group_B, num_events)
    events = pa.table(
        {
            "user_id": ids_B.take(pa.array(np.repeat(np.arange(len(ids_B)), num_events))),
            "time": np.tile(event_times(config), len(ids_B)),
            "group": names["group"].take(pa.array(group_L)),
            "need": names["need"].take(pa.array(draws.need_BT.ravel())),
            "remedy": names["remedy"].take(pa.array(draws.remedy_BT.ravel())),
        }
    )
    num_offers = config.num_offers
    labels = pa.table(
        {
            "task": pa.array(offer_names(config) * len(ids_B)),
            "user_id": ids_B.take(pa.array(np.repeat(np.arange(len(ids_B)), num_offers))),
            "time": np.full(len(ids_B) * num_offers, config.cutoff_time + DAY),
            "value": draws.answer_BK.ravel().astype(np.float64),
        }
    )
    return events, labels


def _ids(config: SubpopulationsConfig, first: int, number: int) -> pa.StringArray:
    """Return ids of one width, so that they sort like the rows."""
    rows = pc.cast(pa.array(np.arange(first, first + number)), pa.string())
    digits = pc.utf8_lpad(rows, 9, "0")
    found: pa.StringArray = pc.binary_join_element_wise(f"p{config.people}u", digits, "")
    return found


def _names(config: SubpopulationsConfig) -> dict[str, pa.StringArray]:
    sizes = {
        "group": config.num_groups,
        "need": config.num_needs,
        "remedy": config.num_remedies,
    }
    return {
        name: pa.array([f"{name}-{i:0{len(str(size))}d}" for i in range(size)])
        for name, size in sizes.items()
    }
