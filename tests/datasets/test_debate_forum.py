from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from habitus.data.snapshot import Snapshot, parse_time
from habitus.data.traces import Traces
from habitus.datasets.debate_forum import (
    STANCE,
    TAGS_BEFORE,
    TOPICS,
    DebateForum,
    DebateForumInOrder,
)
from habitus.datasets.tables import file_digest
from habitus.errors import UsageError
from habitus.testing.datasets import DatasetContract

NOON = parse_time("2006-06-30T12:00")
"""Before the tags end."""


class TestDebateForum(DatasetContract):
    """The real one, where HABITUS_DATA is set."""

    @classmethod
    def make_dataset(cls) -> DebateForum:
        return DebateForum()

    def test_it_is_as_large_as_it_says(self, traces: Traces) -> None:
        assert (traces.num_users, traces.num_events) == (3_317, 171_038)
        assert traces.columns["forum"].num_values == 64
        assert table(traces, "follows").num_rows == 50_751

    def test_quotations_are_edges_too(self, dataset: DebateForum, tmp_path: Path) -> None:
        quoted = DebateForum(dataset.folder, edges="quotes").ingest(tmp_path / "quotes")
        assert table(quoted, "follows").num_rows == 35_580

    def test_stances_are_of_ten_topics(self, traces: Traces) -> None:
        labels = table(traces, "labels")
        assert set(labels["task"].to_pylist()) == {STANCE + topic for topic in TOPICS}
        # 2,243 judgements less 144 ties
        assert labels.num_rows == 2_099

    def test_half_of_all_posts_are_older_than_the_tags(self, traces: Traces) -> None:
        early = Snapshot(traces, TAGS_BEFORE).lengths_U.sum() / traces.num_events
        assert early == pytest.approx(0.5, abs=0.005)

    def test_tags_put_people_in_communities(
        self, dataset: DebateForum, traces: Traces, tmp_path: Path
    ) -> None:
        # Counted by hand in the file; the note that came with the data says 619, of all posts.
        whole = DebateForum(dataset.folder, tags_before="2012-01-01").ingest(tmp_path / "whole")
        assert sum(len(t) >= 2 for t in table(whole, "profiles")["tags"].to_pylist()) == 648
        assert sum(len(t) >= 2 for t in table(traces, "profiles")["tags"].to_pylist()) == 412


class TestDebateForumInOrder(DatasetContract):
    """The real one, where HABITUS_DATA is set."""

    @classmethod
    def make_dataset(cls) -> DebateForumInOrder:
        return DebateForumInOrder()

    def test_it_is_the_same_people_and_posts(self, traces: Traces) -> None:
        assert (traces.num_users, traces.num_events) == (3_317, 171_038)
        assert traces.manifest.time_unit == "order"
        assert table(traces, "labels").num_rows == 2_099


def table(traces: Traces, name: Any) -> Any:
    found = traces.table(name)
    assert found is not None
    return found


POSTS: list[tuple[int, int, str, int]] = [
    # User 1: five early posts on guns, four early and five late ones on fun.
    *[(1, 10, "Guns", NOON + n) for n in range(5)],
    *[(1, 11, "Fun", NOON + 10 + n) for n in range(4)],
    *[(1, 12, "Fun", parse_time("2007-01-01") + n) for n in range(5)],
    # User 2 wrote on the very second at which tags end.
    *[(2, 10, "Guns", parse_time(TAGS_BEFORE))] * 5,
    (3, 13, "Art", NOON),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A twin of three people."""
    names = ["user_id", "discussion_id", "forum", "timestamp"]
    posts = pl.DataFrame(POSTS, schema=names, orient="row")
    texts = pl.Series("text", [f"post {n}" for n in range(len(POSTS))])
    posts.with_columns(texts).write_parquet(tmp_path / "posts.parquet")
    edges = {"user_id": [1, 2], "other_id": [2, 1], "count": [7, 1]}
    pl.DataFrame(edges).write_parquet(tmp_path / "replies.parquet")
    pl.DataFrame(edges).head(1).write_parquet(tmp_path / "quotes.parquet")
    pl.DataFrame(
        {
            "user_id": [1, 2, 3, 1],
            "topic": ["gun control", "gun control", "gun control", "evolution"],
            "pro": [5, 1, 0, 2],
            "anti": [1, 4, 0, 2],
            "other": [9, 0, 3, 0],
        }
    ).write_parquet(tmp_path / "stance.parquet")
    digests = {name: file_digest(tmp_path / name) for name in DebateForum.digests}
    for kind in (DebateForum, DebateForumInOrder):
        monkeypatch.setattr(kind, "digests", digests)
    return tmp_path


def tags(traces: Traces) -> dict[str, list[str]]:
    rows = table(traces, "profiles").to_pylist()
    return {row["user_id"]: row["tags"] for row in rows}


def test_a_post_is_an_event_with_forum_discussion_and_text(folder: Path) -> None:
    traces = DebateForum(folder).ingest(folder / "out")
    assert set(traces.columns) == {"service", "kind", "forum", "discussion", "text"}
    assert traces.columns["forum"].kind == "category"
    assert traces.columns["discussion"].kind == "id"
    assert traces.time_L[0] == NOON
    assert traces.texts("text", Snapshot(traces).latest(1)[0])[0] == "post 13"


def test_tags_are_forums_with_five_posts_before_the_day(folder: Path) -> None:
    # Nine posts of user 1 on fun, of which four are early: no tag.
    assert tags(DebateForum(folder).ingest(folder / "out")) == {"1": ["Guns"], "2": [], "3": []}


def test_a_later_day_makes_more_tags(folder: Path) -> None:
    later = DebateForum(folder, tags_before="2008-01-01").ingest(folder / "out")
    assert tags(later) == {"1": ["Fun", "Guns"], "2": ["Guns"], "3": []}


def test_what_is_written_after_the_day_changes_no_tag(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tags(DebateForum(folder).ingest(folder / "before"))
    file = folder / "posts.parquet"
    late = pl.col("timestamp") >= parse_time(TAGS_BEFORE)
    other = pl.when(late).then(pl.lit("Art")).otherwise("forum").alias("forum")
    pl.read_parquet(file).with_columns(other).write_parquet(file)
    digests = {**DebateForum.digests, file.name: file_digest(file)}
    monkeypatch.setattr(DebateForum, "digests", digests)
    assert tags(DebateForum(folder).ingest(folder / "after")) == before


def test_a_stance_is_what_most_judged_posts_say_and_ties_are_left_out(folder: Path) -> None:
    labels = table(DebateForum(folder).ingest(folder / "out"), "labels").to_pylist()
    # 5 pro against 1; 1 against 4; the others are 0 : 0 and 2 : 2.
    assert [(row["task"], row["user_id"], row["value"]) for row in labels] == [
        ("stance: gun control", "1", 1.0),
        ("stance: gun control", "2", -1.0),
    ]
    # Dated by the last post of each.
    last = [parse_time("2007-01-01") + 4, parse_time(TAGS_BEFORE)]
    assert [row["time"] for row in labels] == last


def test_follows_are_directed_and_counted(folder: Path) -> None:
    replies = table(DebateForum(folder).ingest(folder / "r"), "follows").to_pylist()
    assert replies == [
        {"user_id": "1", "follows_id": "2", "count": 7},
        {"user_id": "2", "follows_id": "1", "count": 1},
    ]
    quotes = table(DebateForum(folder, edges="quotes").ingest(folder / "q"), "follows")
    assert Counter(quotes["user_id"].to_pylist()) == {"1": 1}


def test_in_order_posts_are_counted_through_by_time(folder: Path) -> None:
    traces = DebateForumInOrder(folder).ingest(folder / "out")
    # 14 of user 1, 5 of user 2, 1 of user 3; the file has them by time already.
    assert traces.time_L.tolist() == [*range(14), *range(5), 0]
    names = [None, *traces.dictionary("forum").to_pylist()]
    forums = [names[code] for code in traces.column("forum")[:14]]
    assert forums == ["Guns"] * 5 + ["Fun"] * 9
    # A label carries the last place of its user.
    assert table(traces, "labels")["time"].to_pylist() == [13, 4]


def test_in_order_posts_of_a_shuffled_file_stand_by_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "posts.parquet"
    pl.read_parquet(file).reverse().write_parquet(file)
    digests = {**DebateForum.digests, file.name: file_digest(file)}
    monkeypatch.setattr(DebateForumInOrder, "digests", digests)
    traces = DebateForumInOrder(folder).ingest(folder / "out")
    assert traces.texts("text", Snapshot(traces).latest(14)[0][:14]) == [
        f"post {n}" for n in range(14)
    ]


def test_in_order_the_last_posts_make_no_tag(folder: Path) -> None:
    def made(held_out: int) -> dict[str, list[str]]:
        dataset = DebateForumInOrder(folder, held_out=held_out)
        return tags(dataset.ingest(folder / f"out{held_out}"))

    # Of 14 posts of user 1 the first 5 are on guns; the next 9 on fun.
    assert made(0) == {"1": ["Fun", "Guns"], "2": ["Guns"], "3": []}
    assert made(4) == {"1": ["Fun", "Guns"], "2": [], "3": []}
    assert made(5) == {"1": ["Guns"], "2": [], "3": []}
    assert made(10) == {"1": [], "2": [], "3": []}


def test_edges_and_days_that_do_not_exist_are_refused() -> None:
    with pytest.raises(UsageError, match="edges must be one of replies, quotes, got 'likes'"):
        DebateForum(edges="likes")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="'soon' is no date"):
        DebateForum(tags_before="soon")
    with pytest.raises(UsageError, match="held_out must be 0 or more last posts, got -1"):
        DebateForumInOrder(held_out=-1)
