"""Posts by hand: what is one, in which half it is, and that nothing later is there."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.columns import ChannelKind
from habitus.data.ingest import IngestConfig, ingest
from habitus.data.mapping import ChannelMapping, EventsMapping, TracesMapping
from habitus.data.posts import Documents, Posts, PostsConfig, read_posts
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import DataError, UsageError
from habitus.random import derive_seed
from habitus.testing.hand_made import write_traces

WRITTEN: Mapping[str, ChannelKind] = {"text": "text", "thread": "category", "mood": "dense"}


def written(path: Path, posts: Mapping[str, Sequence[tuple[int, str]]], **kwargs: Any) -> Traces:
    """Write users with (time, text); the thread is the first word of the text."""
    events = {
        user: [{"time": t, "text": text, **_thread(text)} for t, text in of_user]
        for user, of_user in posts.items()
    }
    return write_traces(path, events, WRITTEN, **kwargs)


def _thread(text: str) -> dict[str, str]:
    return {"thread": text.split()[0]} if text else {}


def bought(path: Path, baskets: Mapping[str, Sequence[tuple[int, str]]], **kwargs: Any) -> Traces:
    """Write users with (time, item), and items whose text is the name twice."""
    events = {u: [{"time": t, "item_id": i} if i else {"time": t} for t, i in b]
              for u, b in baskets.items()}  # fmt: skip
    items: dict[str, list[Any]] = {
        "item_id": ["tea", "milk", "rice"],
        "text": ["tea tea", "milk milk", None],
    }
    return write_traces(path, events, {"item_id": "id"}, tables={"items": items}, **kwargs)


def texts(snapshot: Snapshot, **config: Any) -> list[list[str]]:
    """Return the posts of each user, the documents of one joined by a plus."""
    settings = PostsConfig(**config)
    documents = Documents(snapshot.traces, settings.text)
    return unpacked(read_posts(snapshot, documents, settings), documents)


def unpacked(posts: Posts, documents: Documents) -> list[list[str]]:
    found = documents.texts(posts.document_N)
    of_post = [
        " + ".join(found[a:b])
        for a, b in zip(posts.post_ptr_P1, posts.post_ptr_P1[1:], strict=False)
    ]
    return [of_post[a:b] for a, b in zip(posts.user_ptr_U1, posts.user_ptr_U1[1:], strict=False)]


def test_an_event_with_text_is_a_post_and_one_without_is_none(tmp_path: Path) -> None:
    traces = written(
        tmp_path / "t", {"a": [(3, "c"), (1, "a"), (2, "")], "b": [], "c": [(1, ""), (9, "z")]}
    )
    assert texts(Snapshot(traces)) == [["a", "c"], [], ["z"]]
    # Users in the order in which they are asked for.
    assert texts(Snapshot(traces, users=np.array([2, 0]))) == [["z"], ["a", "c"]]
    posts = read_posts(Snapshot(traces), Documents(traces), PostsConfig())
    assert posts.time_P.tolist() == [1, 3, 9]
    assert posts.user_ptr_U1.tolist() == [0, 2, 2, 3]


def test_nothing_at_or_after_the_cutoff_is_a_post(tmp_path: Path) -> None:
    traces = written(tmp_path / "t", {"a": [(1, "a"), (5, "canary")], "b": [(5, "canary")]})
    assert texts(Snapshot(traces, 5)) == [["a"], []]
    assert texts(Snapshot(traces, 6)) == [["a", "canary"], ["canary"]]


def test_time_may_be_an_order(tmp_path: Path) -> None:
    posts = {"a": [(0, "a"), (1, "b"), (2, "c")], "b": [(0, "x")]}
    traces = written(tmp_path / "t", posts, time_unit="order")
    assert texts(Snapshot(traces, 1)) == [["a", "b"], []]
    assert texts(Snapshot(traces)) == [["a", "b", "c"], ["x"]]


def test_what_is_bought_at_one_time_is_one_post(tmp_path: Path) -> None:
    traces = bought(
        tmp_path / "t",
        {
            "a": [(1, "tea"), (1, "milk"), (2, "tea"), (2, "tea")],
            # Rice has no text, one event has no item: neither is in a post, and 3 is none.
            "b": [(2, "rice"), (2, "milk"), (2, ""), (3, "rice"), (4, "tea")],
        },
    )
    expected = [["tea tea + milk milk", "tea tea + tea tea"], ["milk milk", "tea tea"]]
    assert texts(Snapshot(traces)) == expected
    assert texts(Snapshot(traces), text="item") == expected
    # The last post of a user and the first of the next are two, although both are at time 2.
    assert texts(Snapshot(traces), max_posts=1) == [["tea tea + tea tea"], ["tea tea"]]
    assert texts(Snapshot(traces, 2)) == [["tea tea + milk milk"], []]


def test_an_order_may_cut_a_basket(tmp_path: Path) -> None:
    traces = bought(tmp_path / "t", {"a": [(0, "tea"), (0, "milk")]}, time_unit="order")
    assert texts(Snapshot(traces, 1)) == [["tea tea"]]


def test_the_latest_posts_are_kept(tmp_path: Path) -> None:
    traces = written(
        tmp_path / "t", {"a": [(i, str(i)) for i in range(5)], "b": [(0, "x")], "c": [(1, "")]}
    )
    assert texts(Snapshot(traces), max_posts=2) == [["3", "4"], ["x"], []]
    assert texts(Snapshot(traces, 3), max_posts=2) == [["1", "2"], ["x"], []]
    with pytest.raises(UsageError, match="max_posts must be at least 1, or None, got 0"):
        PostsConfig(max_posts=0)


def test_posts_in_turn_are_in_one_half_and_the_other(tmp_path: Path) -> None:
    # Place 2 has no text and takes no turn.
    posts = [(0, "0"), (1, "1"), (2, ""), (3, "3"), (4, "4"), (5, "5")]
    traces = written(tmp_path / "t", {"a": posts, "b": [(0, "x")]})
    assert texts(Snapshot(traces), part="first") == [["0", "3", "5"], ["x"]]
    assert texts(Snapshot(traces), part="second") == [["1", "4"], []]
    assert texts(Snapshot(traces), part="second", part_seed=1) == [["0", "3", "5"], ["x"]]
    # Halves first, then the latest.
    assert texts(Snapshot(traces), part="first", max_posts=2) == [["3", "5"], ["x"]]


@pytest.mark.parametrize("part_by", [None, "thread"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_halves_are_whole_and_later_posts_move_nothing(
    tmp_path: Path, part_by: str | None, seed: int
) -> None:
    rng = np.random.default_rng(0)
    posts = {
        f"u{u}": [(int(t), f"thread{rng.integers(12)} {u} {t}") for t in rng.choice(50, 9, False)]
        for u in range(20)
    }
    traces = written(tmp_path / "t", posts)

    def half(part: str, as_of: int) -> list[set[str]]:
        found = texts(Snapshot(traces, as_of), part=part, part_by=part_by, part_seed=seed)
        return [set(of_user) for of_user in found]

    whole = [set(of_user) for of_user in texts(Snapshot(traces))]
    first, second = half("first", 50), half("second", 50)
    assert [a | b for a, b in zip(first, second, strict=True)] == whole
    assert all(not a & b for a, b in zip(first, second, strict=True))
    for as_of in (20, 35):
        early = half("first", as_of) + half("second", as_of)
        assert all(a <= b for a, b in zip(early, first + second, strict=True))


def test_a_value_is_in_one_half_for_all_users(tmp_path: Path) -> None:
    threads = [f"thread{i}" for i in range(40)]
    traces = written(tmp_path / "t", {u: [(i, t) for i, t in enumerate(threads)] for u in "ab"})
    first = texts(Snapshot(traces), part="first", part_by="thread")
    assert first[0] == first[1]
    # The parity of a hash of the value, whatever else the traces hold.
    assert first[0] == [t for t in threads if derive_seed(0, "half", t) % 2 == 0]
    assert 10 < len(first[0]) < 30
    other = texts(Snapshot(traces), part="first", part_by="thread", part_seed=1)
    assert other != first


def test_a_basket_is_divided_by_the_value_of_its_events(tmp_path: Path) -> None:
    traces = bought(tmp_path / "t", {"a": [(1, "tea"), (1, "milk"), (2, "milk")]})
    halves = [
        texts(Snapshot(traces), part=part, part_by="item_id", part_seed=seed)[0]
        for seed in range(8)
        for part in ("first", "second")
    ]
    assert ["tea tea"] in halves
    assert ["milk milk", "milk milk"] in halves


@pytest.mark.parametrize("name", ["mood", "text", "nothing"])
def test_halves_need_a_channel_of_values(tmp_path: Path, name: str) -> None:
    traces = written(tmp_path / "t", {"a": [(1, "x")]})
    with pytest.raises(DataError, match=rf"got '{name}'; they are: thread"):
        texts(Snapshot(traces), part="first", part_by=name)


def test_absent_text_is_told_with_what_there_is(tmp_path: Path) -> None:
    channels: Mapping[str, ChannelKind] = {"title": "text", "body": "text", "city": "category"}
    one = write_traces(tmp_path / "1", {"a": [{"time": 1, "title": "x"}]}, channels)
    for text in ("auto", "text", "item", "city"):
        with pytest.raises(DataError, match=rf"no text '{text}': set text .* one of: title, body"):
            Documents(one, text)
    assert Documents(one, "title").texts(np.array([0])) == ["x"]
    none = write_traces(tmp_path / "2", {"a": [{"time": 1, "city": "x"}]}, {"city": "category"})
    with pytest.raises(DataError, match="ingest a text channel of the events, or an items table"):
        Documents(none)
    shop = bought(tmp_path / "3", {"a": [(1, "tea")]})
    with pytest.raises(DataError, match="one of: item"):
        Documents(shop, "text")
    # Events that name no item cannot have its text.
    lone = write_traces(tmp_path / "4", {"a": []}, {}, tables={"items": {"item_id": ["i"]}})
    with pytest.raises(DataError, match="no text 'auto'"):
        Documents(lone)


def test_a_text_of_the_events_goes_before_that_of_the_items(tmp_path: Path) -> None:
    items = {"item_id": ["i"], "text": ["from the item"]}
    events = {"a": [{"time": 1, "item_id": "i", "text": "from the event"}]}
    traces = write_traces(
        tmp_path / "t", events, {"item_id": "id", "text": "text"}, tables={"items": items}
    )
    assert texts(Snapshot(traces)) == [["from the event"]]
    assert texts(Snapshot(traces), text="item") == [["from the item"]]


def test_traces_of_nobody_and_of_nothing(tmp_path: Path) -> None:
    assert texts(Snapshot(written(tmp_path / "1", {}))) == []
    assert texts(Snapshot(written(tmp_path / "2", {"a": [], "b": []})), max_posts=1) == [[], []]
    assert texts(Snapshot(bought(tmp_path / "3", {"a": [], "b": []}))) == [[], []]


@given(st.data())
def test_baskets_equal_a_plain_twin(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    event = st.tuples(st.integers(0, 3), st.sampled_from(["tea", "milk", "rice", ""]))
    baskets = data.draw(st.dictionaries(st.sampled_from("abcd"), st.lists(event, max_size=8)))
    if not any(baskets.values()):
        return
    traces = bought(tmp_path_factory.mktemp("posts") / "t", baskets)
    as_of = data.draw(st.integers(traces.time_range[0] + 1, 5))
    most = data.draw(st.integers(1, 3))
    part = data.draw(st.sampled_from(["all", "first", "second"]))
    expected = []
    for _, events in sorted(baskets.items()):
        found: dict[int, list[str]] = {}
        for time, item in sorted(events, key=lambda e: e[0]):
            if time < as_of and item in ("tea", "milk"):
                found.setdefault(time, []).append(f"{item} {item}")
        posts = [" + ".join(found[time]) for time in sorted(found)]
        expected.append(posts[{"all": slice(None), "first": slice(0, None, 2),
                               "second": slice(1, None, 2)}[part]][-most:])  # fmt: skip
    assert texts(Snapshot(traces, as_of), part=part, max_posts=most) == expected


BAD = b"bad \xff words"


def ingested(source: Any, out: Path) -> list[str]:
    mapping = TracesMapping(events=EventsMapping(channels={"text": ChannelMapping(kind="text")}))
    ingest({"events": source}, mapping, out, config=IngestConfig(max_bad_share=1))
    return texts(Snapshot(Traces(out)))[0]


def test_text_that_is_not_utf8_is_set_aside_at_ingest(tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    file.write_bytes(b"user_id,time,text\na,2020-01-01,good words\na,2020-01-02," + BAD + b"\n")
    assert ingested(file, tmp_path / "out") == ["good words"]
    told = (tmp_path / "out/quarantine/events.csv").read_text().splitlines()[1:]
    assert told == ["2,text,bad \ufffd words,bytes that are not UTF-8,e.csv"]


@pytest.mark.parametrize("kind", ["parquet", "arrow", "jsonl"])
def test_sources_that_must_be_utf8_are_refused_where_they_are_not(
    tmp_path: Path, kind: str
) -> None:
    offsets = np.array([0, 4, 4 + len(BAD)], np.int32)
    buffers = pa.py_buffer(offsets), pa.py_buffer(b"good" + BAD)
    table = pa.table(
        {"user_id": ["a", "a"], "time": ["2020-01-01", "2020-01-02"],
         "text": pa.StringArray.from_buffers(2, *buffers)}
    )  # fmt: skip
    pq.write_table(table, tmp_path / "e.parquet")
    line = b'{"user_id": "a", "time": "2020-01-01", "text": "%b"}\n'
    (tmp_path / "e.jsonl").write_bytes(line % b"good" + line % BAD)
    source = table if kind == "arrow" else tmp_path / f"e.{kind}"
    with pytest.raises(DataError, match=r"(?i)utf-?8.*mend it or get it again"):
        ingested(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
