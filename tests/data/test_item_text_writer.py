"""Texts are known by their hash, whatever the order in which they are met."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data import item_text_writer
from habitus.data.byte_bpe import ByteBPE, ByteBPEConfig
from habitus.data.item_documents import ItemDocuments
from habitus.data.item_text_writer import KnownTexts, buckets, read_new, token_dtype
from tests.data.items import shop_traces

EVENTS = {"a": [{"time": t, "text": x} for t, x in enumerate(["b", "a", "", "b", " ", "cc"])]}


@given(st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, max_size=8), max_size=6))
def test_known_texts_are_a_dictionary(rounds: list[list[int]]) -> None:
    known, twin = KnownTexts(), dict[int, int]()
    for hashes in rounds:
        found = known.find(np.array(hashes, np.int64)).tolist()
        assert found == [twin.get(h, -1) for h in hashes]
        new = [h for h in hashes if h not in twin]
        twin |= {h: len(twin) + i for i, h in enumerate(new)}
        assert known.add(np.array(new, np.int64)).tolist() == [twin[h] for h in new]
        assert known.num_texts == len(twin)
    again = KnownTexts(np.array(list(twin), np.int64))
    assert again.find(np.array(list(twin), np.int64)).tolist() == list(twin.values())


def test_a_text_is_new_once(tmp_path: Path) -> None:
    documents = ItemDocuments(shop_traces(tmp_path / "t", EVENTS), "text")
    known = KnownTexts()
    first = read_new(documents, np.arange(3), known)
    assert (first.text_X, first.text_D.tolist()) == (["b", "a"], [0, 1, -1])
    second = read_new(documents, np.arange(3, 6), known)
    assert (second.text_X, second.text_D.tolist()) == (["cc"], [0, -1, 2])


def test_buckets_hold_so_many_bytes_or_one_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = ItemDocuments(shop_traces(tmp_path / "t", EVENTS), "text")
    monkeypatch.setattr(item_text_writer, "BUCKET_BYTES", 2)
    # Bytes 1, 1, 0, 1, 1, 2: at most two in a bucket.
    found = [b.tolist() for b in buckets(documents, np.arange(6))]
    assert found == [[0, 1, 2], [3, 4], [5]]
    monkeypatch.setattr(item_text_writer, "BUCKET_BYTES", 1)
    assert [b.tolist() for b in buckets(documents, np.array([1, 5]))] == [[1], [5]]
    monkeypatch.setattr(item_text_writer, "BUCKET_DOCUMENTS", 4)
    monkeypatch.setattr(item_text_writer, "BUCKET_BYTES", 100)
    assert [len(b) for b in buckets(documents, np.arange(6))] == [4, 2]
    assert not list(buckets(documents, np.arange(0)))


def test_tokens_are_stored_in_two_bytes_where_they_fit() -> None:
    assert token_dtype(ByteBPE.fit([], ByteBPEConfig())) is np.uint16
    kinds = tuple(map(str, range(2**16)))
    assert token_dtype(ByteBPE.fit([], ByteBPEConfig(vocab_size=2**17), kinds=kinds)) is np.int32
