"""A store gives back, to the byte, what was written, whoever was killed in between."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data import text_graph_files
from habitus.data.blocks import write_all
from habitus.data.text_graph import TextGraphConfig, TextGraphs, build_text_graphs, join_users
from habitus.data.text_graph_files import StoreManifest
from habitus.data.text_graph_store import TextGraphStore
from habitus.data.traces import Rows
from habitus.errors import DataError, UsageError
from tests.data.plain_text_graph import tokens_of

BINARY, WEIGHTED = TextGraphConfig(max_nodes=40), TextGraphConfig(edge_weight="ppmi")


def posts(num_users: int, seed: int = 0) -> list[list[list[int]]]:
    """Return users of whom every third has no post."""
    generator = np.random.default_rng(seed)
    return [
        [generator.zipf(1.4, generator.integers(0, 30)).clip(max=99).tolist() for _ in range(u % 3)]
        for u in range(num_users)
    ]


def graphs_of(users: list[list[list[int]]], config: TextGraphConfig = BINARY) -> TextGraphs:
    return build_text_graphs(tokens_of(users), config)


def equal(a: TextGraphs, b: TextGraphs) -> bool:
    held = [[(x.dtype.str, x.tobytes()) for x in graphs if x is not None] for graphs in (a, b)]
    return held[0] == held[1]


def write(folder: Path, graphs: TextGraphs, config: TextGraphConfig = BINARY, **kwargs: Any) -> Any:
    number = graphs.num_users
    return TextGraphStore.write(
        folder, number, config, graphs.read, users_at_once=4, source={"traces": "abc"}, **kwargs
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


@pytest.mark.parametrize("config", [BINARY, WEIGHTED])
def test_what_was_written_is_read(tmp_path: Path, config: TextGraphConfig) -> None:
    graphs, told = graphs_of(posts(10), config), list[tuple[int, int]]()
    store = write(tmp_path / "g", graphs, config, progress=lambda *done: told.append(done))
    assert told == [(4, 10), (8, 10), (10, 10)]
    for opened in (store, TextGraphStore(tmp_path / "g")):
        assert equal(opened.read(np.arange(10)), graphs)
        rows = np.array([7, 2, 2, 0])
        assert equal(opened.read(rows), graphs.read(rows))
        assert opened.read(np.empty(0, np.int64)).num_users == 0
        assert (opened.num_users, opened.num_holes, opened.graph) == (10, 0, config)


def test_nobody(tmp_path: Path) -> None:
    store = write(tmp_path / "g", graphs_of([]))
    assert store.num_users == 0
    assert store.read(np.empty(0, np.int64)).num_users == 0
    assert write(tmp_path / "h", graphs_of([[], []])).read(np.arange(2)).num_users == 2


def test_the_same_store_is_left_and_another_refused(tmp_path: Path) -> None:
    graphs = graphs_of(posts(5))
    write(tmp_path / "g", graphs)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "g").iterdir()}
    write(tmp_path / "g", graphs)
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "g").iterdir()}
    weighted = graphs_of(posts(5), WEIGHTED)
    with pytest.raises(UsageError, match="exists: choose another place"):
        write(tmp_path / "g", weighted, WEIGHTED)
    with pytest.raises(UsageError, match="exists: choose another place"):
        TextGraphStore.write(tmp_path / "g", 5, BINARY, graphs.read, source={"traces": "abd"})
    assert equal(
        write(tmp_path / "g", weighted, WEIGHTED, overwrite=True).read(np.arange(5)), weighted
    )


def killed(graphs: TextGraphs, row: int) -> Callable[[Rows], TextGraphs]:
    """Return what a run asks that is killed when it comes to a row."""

    def read(rows_U: Rows) -> TextGraphs:
        if row in rows_U:
            raise KeyboardInterrupt
        return graphs.read(rows_U)

    return read


@pytest.mark.parametrize("config", [BINARY, WEIGHTED])
def test_a_killed_write_is_gone_on_with(tmp_path: Path, config: TextGraphConfig) -> None:
    graphs = graphs_of(posts(10), config)
    write(tmp_path / "whole", graphs, config)
    with pytest.raises(KeyboardInterrupt):
        TextGraphStore.write(
            tmp_path / "g", 10, config, killed(graphs, 5), users_at_once=4, source={"traces": "abc"}
        )
    with pytest.raises(DataError, match="no store of text graphs"):
        TextGraphStore(tmp_path / "g")
    # As if it had been killed between the files and its state.
    file = tmp_path / ".g.partial" / "col.0"
    file.write_bytes(file.read_bytes() + b"left over")
    asked = list[int]()

    def read(rows_U: Rows) -> TextGraphs:
        asked.extend(rows_U.tolist())
        return graphs.read(rows_U)

    TextGraphStore.write(
        tmp_path / "g", 10, config, read, users_at_once=4, source={"traces": "abc"}
    )
    assert asked == [4, 5, 6, 7, 8, 9]
    assert contents(tmp_path / "g") == contents(tmp_path / "whole")


@pytest.mark.parametrize("damage", ["settings", "file"])
def test_what_cannot_be_gone_on_with_is_begun_anew(tmp_path: Path, damage: str) -> None:
    graphs = graphs_of(posts(10))
    first = WEIGHTED if damage == "settings" else BINARY
    with pytest.raises(KeyboardInterrupt):
        TextGraphStore.write(
            tmp_path / "g", 10, first, killed(graphs_of(posts(10), first), 5), users_at_once=4
        )
    if damage == "file":
        (tmp_path / ".g.partial" / "word.0").write_bytes(b"")
    store = TextGraphStore.write(tmp_path / "g", 10, BINARY, graphs.read, users_at_once=4)
    assert equal(store.read(np.arange(10)), graphs)
    assert not (tmp_path / "g" / "weight.0").exists()


@pytest.mark.parametrize("config", [BINARY, WEIGHTED])
def test_a_new_post_changes_one_user(tmp_path: Path, config: TextGraphConfig) -> None:
    users = posts(10)
    store = write(tmp_path / "g", graphs_of(users, config), config)
    for row, post in [(7, [1, 2, 3]), (0, [4, 5]), (7, [9, 9, 8, 1])]:
        users[row].append(post)
        before = (tmp_path / "g" / "col.0").read_bytes()
        store.update(np.array([row]), graphs_of([users[row]], config))
        assert (tmp_path / "g" / "col.0").read_bytes().startswith(before)
    expected = graphs_of(users, config)
    for opened in (store, TextGraphStore(tmp_path / "g")):
        assert equal(opened.read(np.arange(10)), expected)
    # The first two graphs of user 7; that of user 0 had no edge.
    old = [graphs_of([users[7][:-k]], config).edge_col_E for k in (1, 2)]
    assert store.num_holes == sum(map(len, old)) > 0


def test_compact_drops_the_holes(tmp_path: Path) -> None:
    users = posts(10)
    store = write(tmp_path / "g", graphs_of(users, WEIGHTED), WEIGHTED)
    reader = TextGraphStore(tmp_path / "g")
    old = reader.read(np.arange(10))
    users[3:6] = posts(3, seed=1)
    store.update(np.array([5, 3, 4]), graphs_of([users[5], users[3], users[4]], WEIGHTED))
    (tmp_path / "g" / "word.1").write_bytes(b"of one that was killed before")
    store.compact(users_at_once=3)
    fresh = write(tmp_path / "fresh", graphs_of(users, WEIGHTED), WEIGHTED)
    assert equal(store.read(np.arange(10)), fresh.read(np.arange(10)))
    assert store.num_holes == 0
    found = {k.removesuffix(".1"): v for k, v in contents(tmp_path / "g").items()}
    wanted = {k.removesuffix(".0"): v for k, v in contents(tmp_path / "fresh").items()}
    assert found.keys() == wanted.keys()
    assert all(found[k] == wanted[k] for k in found if k != "manifest.json")
    # Who had it open still reads what was there then.
    assert equal(reader.read(np.arange(10)), old)
    store.update(np.array([0]), graphs_of([[[1, 2], [3]]], WEIGHTED))
    assert TextGraphStore(tmp_path / "g").read(np.array([0])).word_V.tolist() == [1, 2, 3]


@pytest.mark.parametrize("what", ["update", "compact"])
@pytest.mark.parametrize("step", range(1, 14))
def test_a_killed_writer_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, step: int
) -> None:
    graphs = graphs_of(posts(9))
    store = write(tmp_path / "g", graphs)
    store.update(np.array([8]), graphs_of([[[1, 2], [3]]]))
    before = store.read(np.arange(9))
    written, real = [0], write_all

    def torn(file: Any, values: Any) -> None:
        written[0] += 1
        if written[0] == step:
            file.write(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data[:3])
            raise KeyboardInterrupt
        real(file, values)

    def change() -> None:
        if what == "update":
            store.update(np.array([2, 4]), graphs_of([[[5, 6], [7]], []]))
        else:
            store.compact(users_at_once=4)

    with monkeypatch.context() as patched:
        patched.setattr(text_graph_files, "write_all", torn)
        try:
            change()
        except KeyboardInterrupt:
            assert equal(TextGraphStore(tmp_path / "g").read(np.arange(9)), before)
            store = TextGraphStore(tmp_path / "g")
    # The next writer is not disturbed by what was left.
    change()
    again = TextGraphStore(tmp_path / "g").read(np.arange(9))
    if what == "compact":
        assert equal(again, before)
    else:
        others = np.array([0, 1, 3, 5, 6, 7, 8])
        assert equal(again.read(others), before.read(others))
        assert again.read(np.array([2])).word_V.tolist() == [5, 6, 7]


def test_a_manifest_that_was_not_replaced_is_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs = graphs_of(posts(9))
    store = write(tmp_path / "g", graphs)

    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(StoreManifest, "write", fail)
        with pytest.raises(KeyboardInterrupt):
            store.update(np.array([2]), graphs_of([[[5, 6], [7]]]))
    store = TextGraphStore(tmp_path / "g")
    assert equal(store.read(np.arange(9)), graphs)
    sizes = {p.name: p.stat().st_size for p in (tmp_path / "g").iterdir()}
    store.update(np.empty(0, np.int64), graphs_of([]))
    assert (tmp_path / "g" / "word.0").stat().st_size < sizes["word.0"]


@pytest.mark.parametrize("name", ["users", "word", "count", "degree", "col", "weight"])
def test_a_truncated_file_is_told(tmp_path: Path, name: str) -> None:
    write(tmp_path / "g", graphs_of(posts(9), WEIGHTED), WEIGHTED)
    file = tmp_path / "g" / f"{name}.0"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(
        DataError, match=rf"{name}\.0 has \d+ bytes, not \d+.*write the store again"
    ):
        TextGraphStore(tmp_path / "g")
    file.unlink()
    with pytest.raises(DataError, match="is missing"):
        TextGraphStore(tmp_path / "g")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged"),
        ('{"format": 1}', "is damaged"),
        (None, "has format 99, this version reads 1"),
    ],
)
def test_a_damaged_manifest_is_told(tmp_path: Path, text: str | None, message: str) -> None:
    write(tmp_path / "g", graphs_of(posts(3)))
    file = tmp_path / "g" / "manifest.json"
    file.write_text(text or json.dumps(json.loads(file.read_text()) | {"format": 99}))
    with pytest.raises(DataError, match=message):
        TextGraphStore(tmp_path / "g")


def test_numbers_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    write(tmp_path / "g", graphs_of([[[1, 2], [3]], [[4, 5], [6]]]))
    file = tmp_path / "g" / "users.0"
    places = np.frombuffer(file.read_bytes(), np.int64).copy()
    places[3] += 1
    file.write_bytes(places.tobytes())
    store = TextGraphStore(tmp_path / "g")
    assert store.read(np.array([1])).word_V.tolist() == [4, 5, 6]
    with pytest.raises(DataError, match="edges are missing"):
        store.read(np.array([0]))


def test_wrong_questions(tmp_path: Path) -> None:
    store = write(tmp_path / "g", graphs_of(posts(4)))
    one, two = graphs_of([[[1]]]), graphs_of([[[1]], []])
    for rows in ([4], [-1]):
        with pytest.raises(UsageError, match=r"rows must be in \[0, 4\)"):
            store.read(np.array(rows))
        with pytest.raises(UsageError, match=r"rows must be in \[0, 4\)"):
            store.update(np.array(rows), one)
    with pytest.raises(UsageError, match="stands twice"):
        store.update(np.array([1, 1]), two)
    with pytest.raises(UsageError, match="2 rows need as many graphs, got 1"):
        store.update(np.array([1, 2]), one)
    with pytest.raises(UsageError, match="graphs of this store are binary"):
        store.update(np.array([1]), graphs_of([[[1]]], WEIGHTED))


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    store = write(tmp_path / "g", graphs_of(posts(4)))
    other = TextGraphStore(tmp_path / "g")
    with store._only_writer(), pytest.raises(UsageError, match="another process writes"):
        other.update(np.array([1]), graphs_of([[[1]]]))
    # What another has changed meanwhile is taken up.
    store.update(np.array([1]), graphs_of([[[1]]]))
    other.update(np.array([2]), graphs_of([[[2]]]))
    assert other.read(np.array([1, 2])).word_V.tolist() == [1, 2]


def test_joined_buckets_are_the_store(tmp_path: Path) -> None:
    graphs = graphs_of(posts(9))
    store = write(tmp_path / "g", graphs)
    parts = [store.read(np.arange(a, min(a + 2, 9))) for a in range(0, 9, 2)]
    assert equal(join_users(parts, weighted=False), graphs)
