"""Any text can be written in tokens, none of them special; a folder gives the same again."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.byte_bpe import (
    NUM_BYTES,
    NUM_FIXED,
    OTHER_KIND,
    OTHER_SERVICE,
    ByteBPE,
    ByteBPEConfig,
)
from habitus.errors import DataError, UsageError

TEXTS = ["red tea pot", "red knife", "blue tea", "the red pot, 2 l", "Ölfarbe rot", "茶壺 茶壺"]
SMALL = ByteBPEConfig(vocab_size=290)


def fit(texts: list[str] = TEXTS, config: ByteBPEConfig = SMALL) -> ByteBPE:
    return ByteBPE.fit(texts, config, services=("arts", "food"), kinds=("buy",))


BPE = fit()


@given(st.text(max_size=40))
def test_every_text_comes_back_from_its_tokens(text: str) -> None:
    token_T, ptr_B1 = BPE.encode([text])
    # A space is put before a text that has none; one is taken off again.
    assert BPE.decode(token_T) == text.removeprefix(" ")
    assert ptr_B1.tolist() == [0, len(token_T)]
    assert ((token_T >= BPE.num_special) & (token_T < BPE.num_tokens)).all()


@given(st.lists(st.text(max_size=8), max_size=5))
def test_texts_are_encoded_each_by_itself(texts: list[str]) -> None:
    token_T, ptr_B1 = BPE.encode(texts)
    assert token_T.dtype == np.int32
    assert len(ptr_B1) == len(texts) + 1
    for place, text in enumerate(texts):
        alone = BPE.encode([text])[0]
        assert token_T[ptr_B1[place] : ptr_B1[place + 1]].tolist() == alone.tolist()


def test_special_tokens_come_first_in_a_fixed_order() -> None:
    # 0 pad, 1 other service, 2 other kind, 3 arts, 4 food, 5 buy; the first byte is 6.
    assert BPE.num_special == 6
    assert BPE.service_tokens(np.array([0, 1, 2, -1])).tolist() == [3, 4, 1, 1]
    assert BPE.kind_tokens(np.array([0, 1, -1])).tolist() == [5, 2, 2]
    shown = BPE.decode(np.array([OTHER_SERVICE, OTHER_KIND, 4, 5], np.int32))
    assert shown == "<svc:other><kind:other><svc:food><kind:buy>"


def test_special_tokens_cannot_be_written() -> None:
    token_T, _ = BPE.encode(["<svc:other> <pad> <svc:food> <|endoftext|>"])
    assert token_T.min() >= BPE.num_special


def test_a_word_is_the_same_at_the_beginning_and_inside() -> None:
    red_T, _ = BPE.encode(["red"])
    inside_T, _ = BPE.encode(["pot red"])
    assert inside_T[-len(red_T) :].tolist() == red_T.tolist()


def test_frequent_pairs_are_joined_as_by_hand() -> None:
    # " ab" twice: of the pairs (space a) and (a b), twice each, the one of the lowest ids is first,
    # "a" before "Ġ" for the space: "ab", then " ab". Room for one merge, then for two.
    for merges, expected in ((1, 2), (2, 1), (9, 1)):
        config = ByteBPEConfig(vocab_size=NUM_FIXED + NUM_BYTES + merges)
        bpe = ByteBPE.fit(["ab", "ab"], config)
        assert len(bpe.encode(["ab"])[0]) == expected
        assert bpe.num_tokens == NUM_FIXED + NUM_BYTES + min(merges, 2)


def test_pairs_that_are_too_rare_are_not_joined() -> None:
    config = ByteBPEConfig(vocab_size=400, min_frequency=3)
    assert ByteBPE.fit(["ab", "ab"], config).num_tokens == NUM_FIXED + NUM_BYTES


def test_order_and_the_way_of_reading_change_nothing() -> None:
    assert fit(TEXTS[::-1]).digest == BPE.digest
    stream = (text for text in TEXTS)
    again = ByteBPE.fit(stream, SMALL, services=("arts", "food"), kinds=("buy",))
    assert again.digest == BPE.digest
    assert fit([*TEXTS, "another"]).digest != BPE.digest


def test_no_text_at_all_leaves_the_bytes() -> None:
    bpe = fit([])
    assert bpe.num_tokens == bpe.num_special + NUM_BYTES
    assert bpe.decode(bpe.encode(["knife"])[0]) == "knife"
    assert bpe.encode([])[1].tolist() == [0]


def test_a_folder_gives_the_same_again(tmp_path: Path) -> None:
    BPE.save(tmp_path / "fitted")
    again = ByteBPE.load(tmp_path / "fitted")
    assert (again.services, again.kinds, again.digest) == (BPE.services, BPE.kinds, BPE.digest)
    assert again.encode(TEXTS)[0].tolist() == BPE.encode(TEXTS)[0].tolist()
    assert sorted(p.name for p in (tmp_path / "fitted").iterdir()) == [
        "special.json",
        "tokenizer.json",
    ]


@pytest.mark.parametrize("name", ["special.json", "tokenizer.json"])
@pytest.mark.parametrize("content", [None, "", "{", "{}", "[]", "7"])
def test_a_damaged_folder_is_told(tmp_path: Path, name: str, content: str | None) -> None:
    BPE.save(tmp_path)
    (tmp_path / name).unlink() if content is None else (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match="cannot be read"):
        ByteBPE.load(tmp_path)


def test_tokens_of_another_encoding_are_told(tmp_path: Path) -> None:
    BPE.save(tmp_path)
    special = json.loads((tmp_path / "special.json").read_text())
    special["services"] = ["food", "arts"]
    (tmp_path / "special.json").write_text(json.dumps(special))
    with pytest.raises(DataError, match="not those that were saved"):
        ByteBPE.load(tmp_path)


def test_room_for_the_bytes_is_asked_for() -> None:
    # 3 fixed, 2 services, 1 kind and 256 bytes.
    assert fit(config=ByteBPEConfig(vocab_size=262)).num_tokens == 262
    with pytest.raises(UsageError, match="at least 262"):
        fit(config=ByteBPEConfig(vocab_size=261))
    with pytest.raises(UsageError, match="at least 259, got 258"):
        ByteBPEConfig(vocab_size=258)
    with pytest.raises(UsageError, match="min_frequency"):
        ByteBPEConfig(min_frequency=0)
    with pytest.raises(UsageError, match="stands twice"):
        ByteBPE.fit(TEXTS, SMALL, services=("a", "a"))
