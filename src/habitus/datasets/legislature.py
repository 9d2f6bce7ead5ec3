"""Taiwan's Legislative Yuan: what its members said and asked, and who voted with whom."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Literal, get_args

from habitus.data.columns import ChannelKind, TableName
from habitus.datasets.shared import SharedDataset
from habitus.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from habitus.data.mapping import TracesMapping
    from habitus.data.sources import Source

Edges = Literal["votes", "dialogue"]

PARTY_NAMES: Final = (
    "中國國民黨",
    "國民黨",
    "國民兩黨",
    "國、民兩黨",
    "國、民、親",
    "民主進步黨",
    "民進黨",
    "親民黨",
    "國親兩黨",
    "國、親",
    "國親",
    "台灣團結聯盟",
    "臺灣團結聯盟",
    "台聯黨",
    "臺聯黨",
    "台聯",
    "臺聯",
    "新黨",
    "建國黨",
    "無黨團結聯盟",
    "無黨籍聯盟",
    "無黨聯盟",
    "無黨籍",
    "無盟",
    "ＰＦＰ",
    "泛藍",
    "泛綠",
    "藍營",
    "綠營",
    "藍軍",
    "綠軍",
    "藍綠",
    "藍、綠",
    "綠色執政",
)
"""Leak list of the task "party" (A-P2): parties in full and in short, and their two camps.

As written in these texts; KMT, DPP, TSU and NSU never occur as such. A few other words fall with
them, such as 國親 in 我國親屬法. What still tells sides, and stays: 本黨, 貴黨, 執政黨, 在野黨,
馬政府, 扁政府, the colours alone, and the names of people.
"""
ANY_PARTY: Final = "|".join(sorted(map(re.escape, PARTY_NAMES), key=len, reverse=True))
"""A regular expression; the longer name first, so that no piece of it is left."""

LEAST_VOTES: Final = 20
CHANNELS: Final[dict[str, ChannelKind]] = {"kind": "category", "term": "category", "text": "text"}


class Legislature(SharedDataset):
    """Turns and written questions in order, who voted alike, and what is public of the members.

    The names of parties are taken out of every text before anything else sees it; see
    :data:`PARTY_NAMES`.

    Time is an order: gazettes are numbered through, so a user's turns stand by (gazette, position),
    which is also the order of the terms. Ten gazettes do not say their term; it is missing there.

    A follow is two members who agreed in at least nine of ten of at least twenty roll calls, one
    row in each direction: 27,418 pairs. (The note that came with the data says 27,806, which no
    reading of that rule gives.) Tags are committees, which 123 members have, and terms served.

    Args:
        folder: where the files lie; None for the sub-folder of ``HABITUS_DATA``.
        edges: what makes a follow: votes, or one who spoke to the other.

    Raises:
        UsageError: other edges.
    """

    name: ClassVar[str] = "legislature"
    description: ClassVar[str] = (
        "Gazettes of Taiwan's Legislative Yuan, terms 4 to 8, in Traditional Chinese: the first "
        "lines of 227,147 turns and written questions of 470 members, in order, with 16,002 "
        "mentions of parties and camps taken out; 27,418 pairs who vote alike; party, region, "
        "gender and committees"
    )
    notices: ClassVar[tuple[str, ...]] = (
        "Legislative Yuan, Taiwan: gazettes and roll calls, public records of public officials in "
        "their office.",
    )
    folder_name = "legislature"
    digests: ClassVar[dict[str, str]] = {
        "dialogue.parquet": "ac89a8ab99fa5e5fd496a55fca821626",
        "posts.parquet": "ae10237a03233ae8ccda20330ce1e4bf",
        "profiles.parquet": "3cdadb61b601329b7f35fab2d8219d3b",
        "votes.parquet": "588351ad26bfeeb06f59cbf61d7f6de7",
    }

    def __init__(self, folder: Path | None = None, *, edges: Edges = "votes") -> None:
        super().__init__(folder)
        if edges not in get_args(Edges):
            raise UsageError(f"edges must be one of {', '.join(get_args(Edges))}, got {edges!r}")
        self.edges = edges

    def read(self, folder: Path) -> dict[TableName, Source]:
        """Return events, follows and profiles."""
        import polars as pl

        edges = pl.read_parquet(folder / f"{self.edges}.parquet")
        return {
            "events": _turns(pl.read_parquet(folder / "posts.parquet")),
            "follows": _alike(edges) if self.edges == "votes" else _spoke(edges),
            "profiles": _profiles(pl.read_parquet(folder / "profiles.parquet")),
        }

    def mapping(self) -> TracesMapping:
        """Return kind, term and text, in order."""
        from habitus.data.mapping import (
            ChannelMapping,
            EventsMapping,
            TableMapping,
            TracesMapping,
        )

        same = TableMapping()
        return TracesMapping(
            events=EventsMapping(
                time="place",
                time_unit="order",
                constants={"service": "legislature"},
                channels={name: ChannelMapping(kind=kind) for name, kind in CHANNELS.items()},
            ),
            follows=same,
            profiles=same,
        )


def without_parties(texts: pl.Series) -> tuple[pl.Series, int]:
    """Return texts in which no party is named, and how many mentions were taken out.

    Taking one out may bring the halves of another together, so it is done until none is left.
    """
    count = 0
    while found := int(texts.str.count_matches(ANY_PARTY).sum()):
        count += found
        texts = texts.str.replace_all(ANY_PARTY, "")
    return texts, count


def _turns(posts: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    order = posts.sort("user_id", "gazette", "position")
    return order.select(
        "user_id",
        "kind",
        "term",
        without_parties(order["text"])[0].alias("text"),
        place=pl.int_range(pl.len()).over("user_id"),
    )


def _alike(votes: pl.DataFrame) -> pl.DataFrame:
    """Return both directions of each pair who mostly agreed."""
    import polars as pl

    # Whole numbers: 18 of 20 is nine tenths, and 0.9 × 20 need not be 18.
    together = pl.col("agree") + pl.col("disagree")
    pairs = votes.filter(together >= LEAST_VOTES, 10 * pl.col("agree") >= 9 * together)
    one = pairs.select("user_id", follows_id="other_id")
    other = pairs.select(user_id="other_id", follows_id="user_id")
    return pl.concat([one, other])


def _spoke(dialogue: pl.DataFrame) -> pl.DataFrame:
    return dialogue.rename({"other_id": "follows_id"})


def _profiles(members: pl.DataFrame) -> pl.DataFrame:
    """Return attributes, and tags: committees and terms."""
    import polars as pl

    terms = pl.col("terms").cast(pl.List(pl.String))
    return members.select(
        "user_id",
        "party",
        "region",
        "gender",
        "terms",
        tags=pl.concat_list("committees", terms.list.eval(pl.lit("term ") + pl.element())),
    )
