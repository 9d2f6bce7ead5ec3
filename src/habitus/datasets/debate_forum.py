"""The Internet Argument Corpus: people who debate in forums, whom they answer, where they stand."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Literal, get_args

from habitus.data.columns import ChannelKind, TableName, TimeUnit
from habitus.data.snapshot import parse_time
from habitus.datasets.shared import SharedDataset
from habitus.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from habitus.data.mapping import TracesMapping
    from habitus.data.sources import Source

Edges = Literal["replies", "quotes"]

TAGS_BEFORE: Final = "2006-07-01"
"""By this day half of all posts had been written."""
HELD_OUT: Final = 20
"""Last posts of each user."""
POSTS_PER_TAG: Final = 5
STANCE: Final = "stance: "
"""Labels of a topic are called this and the topic; 1 is pro, -1 is anti."""
TOPICS: Final = (
    "abortion",
    "climate change",
    "communism vs capitalism",
    "death penalty",
    "evolution",
    "existence of god",
    "gay marriage",
    "gun control",
    "healthcare",
    "marijuana legalization",
)
CHANNELS: Final[dict[str, ChannelKind]] = {
    "forum": "category",
    "discussion": "id",
    "text": "text",
}


class _Debates(SharedDataset):
    """Posts, who answered whom, tags made of early posts, and stances; heirs say what time is."""

    notices: ClassVar[tuple[str, ...]] = (
        "Internet Argument Corpus v1, for research. Citation: M. Walker, J. Fox Tree, P. Anand, "
        "R. Abbott and J. King (2012), A Corpus for Research on Deliberation and Debate, LREC.",
        "Users are pseudonymous and did not write to be profiled: use it to compare methods, not "
        "to find anything out about a person. Some of the text is offensive.",
    )
    folder_name = "debate-forum"
    digests: ClassVar[dict[str, str]] = {
        "posts.parquet": "f8236f96bcbe644a6052c8096f6c8c0f",
        "quotes.parquet": "2a8f6a78aed3607672f61de677fa84b1",
        "replies.parquet": "4f3dfa937ab81c601977af2812cfc3ed",
        "stance.parquet": "a6517723a9ebff3f82fab4fddb48946a",
    }
    time_unit: ClassVar[TimeUnit]

    def __init__(self, folder: Path | None, edges: Edges) -> None:
        super().__init__(folder)
        if edges not in get_args(Edges):
            raise UsageError(f"edges must be one of {', '.join(get_args(Edges))}, got {edges!r}")
        self.edges = edges

    @abstractmethod
    def posts(self, posts: pl.DataFrame) -> pl.DataFrame:
        """Return posts with ``time``, and with ``early`` where they may make a tag."""

    def read(self, folder: Path) -> dict[TableName, Source]:
        """Return events, follows, profiles and labels."""
        import polars as pl

        posts = self.posts(pl.read_parquet(folder / "posts.parquet"))
        follows = pl.read_parquet(folder / f"{self.edges}.parquet")
        return {
            "events": posts.drop("early").rename({"discussion_id": "discussion"}),
            "follows": follows.rename({"other_id": "follows_id"}),
            "profiles": _tags(posts),
            "labels": _stances(pl.read_parquet(folder / "stance.parquet"), posts),
        }

    def mapping(self) -> TracesMapping:
        """Return forum, discussion and text."""
        from habitus.data.mapping import (
            ChannelMapping,
            EventsMapping,
            TableMapping,
            TracesMapping,
        )

        same = TableMapping()
        return TracesMapping(
            events=EventsMapping(
                time_unit=self.time_unit,
                constants={"service": "debate-forum", "kind": "post"},
                channels={name: ChannelMapping(kind=kind) for name, kind in CHANNELS.items()},
            ),
            follows=same,
            profiles=same,
            labels=same,
        )


class DebateForum(_Debates):
    """Dated posts, who answered whom, tags made of early posts, and stances.

    Follows are directed counts without dates: they tell of the whole period, so a hold-out by
    time holds out text and not edges.

    A user's tags are the forums in which they wrote at least five posts before ``tags_before``.
    They are not self-reported but made of posts, and the main forum of a user is a task: tags of
    all posts would hold its answer. Tags say nothing of what came after ``tags_before``; a task
    that holds out posts in another way meets its answer in them, and must do without.

    A stance is what most of a user's judged posts on a topic say, pro or anti; ties and users whose
    posts are all judged "other" have none. Judgements are undated: a label carries the time of the
    user's last post, by which all that it rests on had been written.

    Args:
        folder: where the files lie; None for the sub-folder of ``HABITUS_DATA``.
        edges: what makes a follow: an answer, or a quotation.
        tags_before: a date.

    Raises:
        UsageError: other edges, or no date.
    """

    name: ClassVar[str] = "debate_forum"
    description: ClassVar[str] = (
        "Internet Argument Corpus v1: 171,038 dated posts of 3,317 users in 64 forums, 2003 to "
        "2011 (the latest 600 posts of a user, each cut at 4,000 characters), 50,751 reply edges, "
        "stances of 1,030 users on ten topics; some of the text is offensive"
    )
    time_unit: ClassVar[TimeUnit] = "second"

    def __init__(
        self,
        folder: Path | None = None,
        *,
        edges: Edges = "replies",
        tags_before: str = TAGS_BEFORE,
    ) -> None:
        super().__init__(folder, edges)
        self.tags_before = parse_time(tags_before)

    def posts(self, posts: pl.DataFrame) -> pl.DataFrame:
        """Return posts with their seconds; those before the day make tags."""
        import polars as pl

        dated = posts.rename({"timestamp": "time"})
        return dated.with_columns(early=pl.col("time") < self.tags_before)


class DebateForumInOrder(_Debates):
    """The same without dates: a cutoff leaves out each user's last posts.

    People come and go: of the users who write after any one day, few wrote before it. 87 have five
    posts before 2006-07-01 and five in the six largest forums after it; counted back from
    everybody's last 20 posts there are 606.

    Args:
        folder: where the files lie; None for the sub-folder of ``HABITUS_DATA``.
        edges: what makes a follow: an answer, or a quotation.
        held_out: last posts of a user that make no tag: for tasks with a cutoff of at most so many.

    Raises:
        UsageError: other edges, or a negative number.
    """

    name: ClassVar[str] = "debate_forum_in_order"
    description: ClassVar[str] = (
        "Internet Argument Corpus v1, time as an order: 171,038 posts of 3,317 users in 64 forums, "
        "50,751 reply edges, stances of 1,030 users on ten topics; some of the text is offensive"
    )
    time_unit: ClassVar[TimeUnit] = "order"

    def __init__(
        self, folder: Path | None = None, *, edges: Edges = "replies", held_out: int = HELD_OUT
    ) -> None:
        super().__init__(folder, edges)
        if held_out < 0:
            raise UsageError(f"held_out must be 0 or more last posts, got {held_out}")
        self.held_out = held_out

    def posts(self, posts: pl.DataFrame) -> pl.DataFrame:
        """Return posts with their places; all but the last of each user make tags."""
        import polars as pl

        # Posts of one second keep the order of the file.
        ordered = posts.sort("user_id", "timestamp", maintain_order=True)
        place = pl.int_range(pl.len()).over("user_id")
        return ordered.drop("timestamp").with_columns(
            time=place, early=place < pl.len().over("user_id").cast(pl.Int64) - self.held_out
        )


def _tags(posts: pl.DataFrame) -> pl.DataFrame:
    """Return the tags of every user, in the order of the alphabet; a user may have none."""
    import polars as pl

    forums = (
        posts.filter("early")
        .group_by("user_id", "forum")
        .len()
        .filter(pl.col("len") >= POSTS_PER_TAG)
        .sort("user_id", "forum")
        .group_by("user_id", maintain_order=True)
        .agg(tags="forum")
    )
    users = posts.select("user_id").unique().sort("user_id")
    return users.join(forums, on="user_id", how="left", maintain_order="left")


def _stances(judged: pl.DataFrame, posts: pl.DataFrame) -> pl.DataFrame:
    """Return one label for each user and topic without a tie."""
    import polars as pl

    last = posts.group_by("user_id").agg(pl.max("time"))
    return (
        judged.filter(pl.col("pro") != pl.col("anti"))
        .join(last, on="user_id", maintain_order="left")
        .select(
            "user_id",
            "time",
            task=pl.lit(STANCE) + pl.col("topic"),
            value=(pl.col("pro") - pl.col("anti")).sign().cast(pl.Float64),
        )
    )
