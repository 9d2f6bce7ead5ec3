"""Texts are tokenised once each, the same in memory, on disk, and after a kill."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data import item_text_writer
from habitus.data.byte_bpe import ByteBPE, ByteBPEConfig
from habitus.data.item_documents import ItemDocuments
from habitus.data.item_texts import ItemTexts
from habitus.data.traces import Traces
from habitus.errors import DataError, UsageError
from tests.data.items import ITEMS, shop_events, shop_traces

BPE = ByteBPE.fit(ITEMS.values(), ByteBPEConfig(vocab_size=300))
FILES = ("documents.npy", "tokens.npy", "pointers.npy", "manifest.json")


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return shop_traces(tmp_path / "traces")


def texts_of(texts: ItemTexts, traces: Traces) -> list[str | None]:
    """Return the text that the tokens of each document spell."""
    rows = [
        BPE.decode(texts.token_T[start:stop].astype(np.int32))
        for start, stop in zip(texts.ptr_I1[:-1], texts.ptr_I1[1:], strict=True)
    ]
    assert len(set(rows)) == len(rows) == texts.num_texts
    assert len(texts.text_D) == ItemDocuments(traces).num_documents
    return [rows[place] if place >= 0 else None for place in texts.text_D]


def test_the_tokens_of_each_document_spell_its_text(traces: Traces) -> None:
    texts = ItemTexts.build(traces, BPE, max_tokens=1_000)
    documents = ItemDocuments(traces)
    expected = documents.texts(np.arange(documents.num_documents))
    assert texts_of(texts, traces) == [text if text.strip() else None for text in expected]
    assert texts.manifest.num_cut == 0


def test_long_texts_are_cut_and_counted(tmp_path: Path) -> None:
    # Every "知 " is at least one token of its own: 10,000 tokens and more.
    long = "知 " * 10_000
    traces = shop_traces(tmp_path / "t", {"a": [{"time": 1, "text": long}, {"time": 2}]})
    texts = ItemTexts.build(traces, BPE, text="text", max_tokens=30)
    whole_T, _ = BPE.encode([long])
    assert len(whole_T) >= 10_000
    assert texts.token_T.tolist() == whole_T[:30].tolist()
    assert texts.manifest.num_cut == 1
    assert texts.text_D.tolist() == [0, -1]


def test_white_space_is_no_text(tmp_path: Path) -> None:
    events = {"a": [{"time": 1, "text": "  \n"}, {"time": 2, "text": "x"}]}
    texts = ItemTexts.build(shop_traces(tmp_path / "t", events), BPE, text="text")
    assert texts.text_D.tolist() == [-1, 0]


def test_traces_without_any_event_have_no_texts(tmp_path: Path) -> None:
    texts = ItemTexts.build(shop_traces(tmp_path / "t", {"a": []}), BPE, text="text")
    assert (texts.num_texts, len(texts.token_T), texts.ptr_I1.tolist()) == (0, 0, [0])


@pytest.mark.parametrize("bucket", [1, 40, 2**20])
def test_a_folder_holds_the_same_whatever_the_buckets(
    traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: int
) -> None:
    memory = ItemTexts.build(traces, BPE)
    monkeypatch.setattr(item_text_writer, "BUCKET_BYTES", bucket)
    told: list[tuple[int, int]] = []
    disk = ItemTexts.build(traces, BPE, tmp_path / "texts", progress=lambda *d: told.append(d))
    for name in ("text_D", "token_T", "ptr_I1"):
        assert isinstance(getattr(disk, name), np.memmap)
        assert getattr(disk, name).tolist() == getattr(memory, name).tolist()
    assert told[-1] == (len(memory.text_D),) * 2
    assert disk.token_T.dtype == memory.token_T.dtype == np.uint16
    made, other = disk.manifest.to_dict(), memory.manifest.to_dict()
    assert made.pop("digest") != other.pop("digest")
    assert made == other
    assert sorted(p.name for p in (tmp_path / "texts").iterdir()) == sorted(FILES)


class Killed(BaseException):
    pass


def killed(after: int) -> Any:
    """Return a progress that ends the build after some buckets."""
    calls = []

    def progress(done: int, total: int) -> None:
        calls.append((done, total))
        if len(calls) == after:
            raise Killed

    return progress


@pytest.mark.parametrize("after", [1, 5])
def test_a_killed_build_goes_on(
    traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(item_text_writer, "BUCKET_BYTES", 60)
    ItemTexts.build(traces, BPE, tmp_path / "whole")
    with pytest.raises(Killed):
        ItemTexts.build(traces, BPE, tmp_path / "texts", progress=killed(after))
    assert not (tmp_path / "texts").exists()
    # What stands after the last state is what a kill inside a bucket leaves.
    for name in ("tokens.npy", "pointers.npy", ".scratch/hashes.npy"):
        with (tmp_path / ".texts.partial" / name).open("ab") as file:
            file.write(b"half a value")
    told: list[int] = []
    ItemTexts.build(traces, BPE, tmp_path / "texts", progress=lambda done, _: told.append(done))
    first: list[int] = []
    ItemTexts.build(traces, BPE, tmp_path / "third", progress=lambda done, _: first.append(done))
    assert told == first[after:]
    for name in FILES:
        assert (tmp_path / "texts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_what_a_killed_build_left_is_not_used_where_it_is_torn_or_of_others(
    traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_text_writer, "BUCKET_BYTES", 60)
    ItemTexts.build(traces, BPE, tmp_path / "whole")
    with pytest.raises(Killed):
        ItemTexts.build(traces, BPE, tmp_path / "texts", progress=killed(4))
    torn = tmp_path / ".texts.partial/tokens.npy"
    torn.write_bytes(torn.read_bytes()[:-1])
    ItemTexts.build(traces, BPE, tmp_path / "texts")
    with pytest.raises(Killed):
        ItemTexts.build(traces, BPE, tmp_path / "other", max_tokens=2, progress=killed(4))
    ItemTexts.build(traces, BPE, tmp_path / "other")
    for name in FILES:
        whole = (tmp_path / "whole" / name).read_bytes()
        assert (tmp_path / "texts" / name).read_bytes() == whole
        assert (tmp_path / "other" / name).read_bytes() == whole


def test_texts_that_fit_are_left_and_others_are_not_overwritten(
    traces: Traces, tmp_path: Path
) -> None:
    folder = tmp_path / "texts"
    ItemTexts.build(traces, BPE, folder)
    before = (folder / "tokens.npy").stat().st_mtime_ns
    assert ItemTexts.build(traces, BPE, folder).fits(traces, BPE)
    assert (folder / "tokens.npy").stat().st_mtime_ns == before
    with pytest.raises(UsageError, match="allow it to be overwritten"):
        ItemTexts.build(traces, BPE, folder, max_tokens=3)
    assert ItemTexts.build(traces, BPE, folder, max_tokens=3, overwrite=True).fits(
        traces, BPE, max_tokens=3
    )
    with pytest.raises(UsageError, match="holds no item texts"):
        ItemTexts.build(traces, BPE, traces.path)


def test_texts_fit_their_traces_tokens_and_settings_only(traces: Traces, tmp_path: Path) -> None:
    texts = ItemTexts.build(traces, BPE)
    other = shop_traces(tmp_path / "other", shop_events(seed=1))
    assert texts.fits(traces, BPE)
    assert not texts.fits(other, BPE)
    assert not texts.fits(traces, ByteBPE.fit(["x"], ByteBPEConfig()))
    assert not texts.fits(traces, BPE, text="item")
    assert not texts.fits(traces, BPE, max_tokens=29)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_short_file_is_told(traces: Traces, tmp_path: Path, name: str) -> None:
    ItemTexts.build(traces, BPE, tmp_path / "texts")
    file = tmp_path / "texts" / name
    content = file.read_bytes()
    for damaged in (content[: len(content) // 2], b"", None):
        file.unlink() if damaged is None else file.write_bytes(damaged)
        with pytest.raises(DataError, match=r"damaged|holds no item texts|has \d+ values"):
            ItemTexts.open(tmp_path / "texts")


def test_another_format_is_told(traces: Traces, tmp_path: Path) -> None:
    ItemTexts.build(traces, BPE, tmp_path / "texts")
    file = tmp_path / "texts/manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 9}))
    with pytest.raises(DataError, match="has format 9"):
        ItemTexts.open(tmp_path / "texts")
