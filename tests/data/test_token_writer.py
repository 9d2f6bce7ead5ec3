"""A killed build goes on, and what comes out is the same to the byte."""

import filecmp
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data import token_writer
from habitus.data.ingest_state import SCRATCH, IngestState
from habitus.data.posts import PostsConfig
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot
from habitus.data.token_store import TokenStore
from habitus.data.traces import Traces
from habitus.testing.hand_made import write_traces

WHOLE, PLAIN = PostsConfig(), SegmentationConfig()


@pytest.fixture(autouse=True)
def _small_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_writer, "BUCKET_BYTES", 40)


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    rng = np.random.default_rng(0)
    words = ["cat", "dog", "中国", "@x", "", "😀", "long" * 20]
    events = {
        f"u{u}": [{"time": t, "text": " ".join(rng.choice(words, 3)) + f" w{u}"} for t in range(4)]
        for u in range(6)
    }
    return write_traces(tmp_path / "traces", events, {"text": "text"})


class Stopped(BaseException):
    """As a kill: no handler of errors sees it."""


def stop_after(buckets: int) -> token_writer.Progress:
    def progress(*_: int) -> None:
        nonlocal buckets
        buckets -= 1
        if buckets == 0:
            raise Stopped

    return progress


def build(
    traces: Traces, out: Path, stops: Sequence[int] = (), config: SegmentationConfig = PLAIN
) -> list[tuple[int, int]]:
    """Build, stopped after some numbers of buckets; return what the last run told."""
    for buckets in stops:
        with pytest.raises(Stopped):
            TokenStore.build(traces, WHOLE, config, out, stop_after(buckets))
        assert not out.exists()
    told: list[tuple[int, int]] = []
    TokenStore.build(traces, WHOLE, config, out, lambda *x: told.append(x))
    return told


def same(one: Path, other: Path) -> bool:
    names = sorted(p.name for p in one.iterdir())
    assert names == sorted(p.name for p in other.iterdir())
    assert names == ["ids.npy", "manifest.json", "pointers.npy", "words.parquet"]
    return all(filecmp.cmp(one / n, other / n, shallow=False) for n in names)


def test_progress_goes_to_the_end_in_buckets(tmp_path: Path, traces: Traces) -> None:
    told = build(traces, tmp_path / "store")
    assert told[-1] == (24, 24)
    assert len(told) > 6
    assert sorted(told) == told
    assert {total for _, total in told} == {24}


@pytest.mark.parametrize("stops", [[1], [4], [2, 1, 3]])
def test_a_stopped_build_goes_on_to_the_same_bytes(
    tmp_path: Path, traces: Traces, stops: list[int]
) -> None:
    whole = build(traces, tmp_path / "whole")
    rest = build(traces, tmp_path / "stopped", stops)
    assert rest == whole[sum(stops) :]
    assert same(tmp_path / "whole", tmp_path / "stopped")


def test_the_size_of_buckets_changes_nothing(
    tmp_path: Path, traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(traces, tmp_path / "small")
    monkeypatch.setattr(token_writer, "BUCKET_BYTES", 2**20)
    assert build(traces, tmp_path / "large") == [(24, 24)]
    assert same(tmp_path / "small", tmp_path / "large")


@pytest.mark.parametrize(
    "name", ["ids.npy", "pointers.npy", f"{SCRATCH}/words.bytes.npy", f"{SCRATCH}/state.json"]
)
@pytest.mark.parametrize("how", ["gone", "cut", "changed"])
def test_what_is_torn_is_made_again(tmp_path: Path, traces: Traces, name: str, how: str) -> None:
    whole = build(traces, tmp_path / "whole")
    with pytest.raises(Stopped):
        TokenStore.build(traces, WHOLE, PLAIN, tmp_path / "store", stop_after(3))
    file = tmp_path / ".store.partial" / name
    data = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(data[:-2] if how == "cut" else data[:-2] + b"\x07\x07")
    assert build(traces, tmp_path / "store") == whole
    assert same(tmp_path / "whole", tmp_path / "store")


def test_bytes_after_the_state_are_cut_off(tmp_path: Path, traces: Traces) -> None:
    # A kill between the write of a bucket and that of the state.
    whole = build(traces, tmp_path / "whole")
    with pytest.raises(Stopped):
        TokenStore.build(traces, WHOLE, PLAIN, tmp_path / "store", stop_after(3))
    for name in ("ids.npy", "pointers.npy", f"{SCRATCH}/words.bytes.npy"):
        with (tmp_path / ".store.partial" / name).open("ab") as file:
            file.write(b"\x07" * 16)
    assert build(traces, tmp_path / "store") == whole[3:]
    assert same(tmp_path / "whole", tmp_path / "store")


def test_a_kill_before_the_state_is_written_costs_one_bucket(
    tmp_path: Path, traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = build(traces, tmp_path / "whole")
    calls = 0
    save = IngestState.save

    def stop_at_fourth(self: IngestState, **values: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise Stopped
        save(self, **values)

    # The first call says that nothing is done: the third bucket's files are there, unsaid.
    monkeypatch.setattr(IngestState, "save", stop_at_fourth)
    with pytest.raises(Stopped):
        TokenStore.build(traces, WHOLE, PLAIN, tmp_path / "store")
    assert build(traces, tmp_path / "store") == whole[2:]
    assert same(tmp_path / "whole", tmp_path / "store")


def test_other_settings_do_not_go_on_from_what_is_left(tmp_path: Path, traces: Traces) -> None:
    with pytest.raises(Stopped):
        TokenStore.build(traces, WHOLE, PLAIN, tmp_path / "store", stop_after(3))
    cased = SegmentationConfig(max_chars=5)
    whole = build(traces, tmp_path / "whole", config=cased)
    assert build(traces, tmp_path / "store", config=cased) == whole
    assert same(tmp_path / "whole", tmp_path / "store")


def test_cleaning_is_counted_once_over_a_stop(tmp_path: Path, traces: Traces) -> None:
    build(traces, tmp_path / "whole")
    build(traces, tmp_path / "stopped", [5])
    mentions = [TokenStore(tmp_path / n).manifest.cleaned["mention"] for n in ("whole", "stopped")]
    texts = traces.texts("text", np.arange(24))
    assert mentions == [sum(t.count("@x") for t in texts)] * 2


def test_one_document_larger_than_a_bucket_and_none_at_all(tmp_path: Path) -> None:
    large = write_traces(
        tmp_path / "1", {"a": [{"time": t, "text": "word " * 50} for t in (1, 2)]}, {"text": "text"}
    )
    assert build(large, tmp_path / "s1") == [(1, 2), (2, 2)]
    nothing = write_traces(tmp_path / "2", {"a": []}, {"text": "text"})
    assert build(nothing, tmp_path / "s2") == []
    assert TokenStore(tmp_path / "s2").read(Snapshot(nothing)).num_posts == 0
