"""Packed batches are the padded arrays of a plain loop, each text once."""

from pathlib import Path

import numpy as np
import pytest

from habitus.data.item_batches import ItemTextEncoding
from habitus.data.item_packing import pack_slots
from habitus.data.item_slots import Slots
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from tests.data.items import (
    CUTOFF,
    OTHER,
    check_packed,
    plain_slots,
    plain_tokens,
    shop_encoding,
    shop_events,
    shop_traces,
    unpacked,
)


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return shop_traces(tmp_path / "traces")


def slots_of(traces: Traces, encoding: ItemTextEncoding) -> Slots:
    reader = encoding.reader(Snapshot(traces, CUTOFF))
    return reader.slots(np.arange(traces.num_users))[0]


@pytest.mark.parametrize("max_tokens", [3, 6, 32])
@pytest.mark.parametrize("padding_share", [0.0, 0.03, 0.5])
def test_tokens_are_those_of_a_plain_loop(
    traces: Traces, max_tokens: int, padding_share: float
) -> None:
    encoding = shop_encoding(traces, max_tokens=max_tokens)
    slots, texts = slots_of(traces, encoding), encoding.texts_of(traces)
    batch, order_G = pack_slots(
        slots, texts, encoding.bpe, num_users=25, padding_share=padding_share
    )
    plain = {
        (user, service): [
            (plain_tokens(encoding.bpe, service, kind, text, max_tokens), None)
            for _, kind, text in found
        ]
        for (user, service), found in plain_slots(shop_events(), encoding).items()
    }
    assert unpacked(batch, encoding) == plain
    distinct = {tuple(tokens) for found in plain.values() for tokens, _ in found}
    if max_tokens == 32:  # a text that is cut may be another one's beginning
        check_packed(batch, padding_share)
        assert batch.num_texts == len(distinct)
        assert batch.dedup_share == 1 - len(distinct) / sum(map(len, plain.values()))
    assert batch.slot_user_G.tolist() == slots.user_G[order_G].tolist()
    keys = list(zip(batch.slot_ptr_G1.diff(), batch.slot_user_G, batch.slot_service_G, strict=True))
    assert keys == sorted(keys)


def test_slots_that_say_another_service_have_texts_of_their_own(traces: Traces) -> None:
    encoding = shop_encoding(traces)
    slots, texts = slots_of(traces, encoding), encoding.texts_of(traces)
    says_other_G = np.arange(len(slots.user_G)) % 2 == 0
    batch, order_G = pack_slots(
        slots,
        texts,
        encoding.bpe,
        num_users=25,
        padding_share=0.03,
        says_other_G=says_other_G,
        age_S=slots.row_S,
    )
    check_packed(batch)
    plain = plain_slots(shop_events(), encoding)
    for slot, held in enumerate(order_G):
        user, service = int(slots.user_G[held]), int(slots.service_G[held])
        name = (*encoding.services, OTHER)[service]
        said = OTHER if says_other_G[held] else name
        start, stop = int(batch.slot_ptr_G1[slot]), int(batch.slot_ptr_G1[slot + 1])
        rows = [
            batch.token_T[batch.text_ptr_I1[i] : batch.text_ptr_I1[i + 1]].tolist()
            for i in batch.item_S[start:stop].tolist()
        ]
        found = plain[user, name]
        assert rows == [plain_tokens(encoding.bpe, said, k, t, 32) for _, k, t in found]
        # The batch still says whose slot it is.
        assert int(batch.slot_service_G[slot]) == service
        assert batch.time_S is not None
        assert batch.time_S[start:stop].tolist() == (
            slots.row_S[slots.ptr_G1[held] : slots.ptr_G1[held + 1]].tolist()
        )


def test_no_slot_at_all_is_an_empty_batch(traces: Traces) -> None:
    encoding = shop_encoding(traces)
    slots = slots_of(traces, encoding).take(np.zeros(0, np.int64))
    batch, order_G = pack_slots(
        slots, encoding.texts_of(traces), encoding.bpe, num_users=3, padding_share=0.03
    )
    assert (batch.num_users, batch.num_slots, batch.num_texts, len(order_G)) == (3, 0, 0, 0)
    check_packed(batch)
