"""A batch counts what it holds, moves, and can be cut into parts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from habitus.data.item_batches import ItemTextEncoding
from habitus.data.item_sequence import ItemSequenceBatch, ItemSequenceConfig
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import UsageError
from tests.data.items import CUTOFF, check_packed, shop_encoding, shop_traces, unpacked


@pytest.fixture
def encoding(tmp_path: Path) -> ItemTextEncoding:
    return shop_encoding(shop_traces(tmp_path / "traces"), token_budget=100_000)


@pytest.fixture
def batch(encoding: ItemTextEncoding, tmp_path: Path) -> ItemSequenceBatch:
    [(_, batch)] = encoding.batches(Snapshot(Traces(tmp_path / "traces"), CUTOFF))
    return batch


def by_hand() -> ItemSequenceBatch:
    """Texts of 3, 3 and 5 tokens; user 0 has slots of 1 and 4 items, user 1 none, user 2 one."""
    return ItemSequenceBatch(
        token_T=torch.tensor([3, 5, 9, 4, 5, 9, 3, 5, 7, 8, 9]),
        text_ptr_I1=torch.tensor([0, 3, 6, 11]),
        text_group_H1=torch.tensor([0, 2, 3]),
        item_S=torch.tensor([1, 0, 0, 2, 0, 2]),
        slot_ptr_G1=torch.tensor([0, 1, 2, 6]),
        slot_group_H1=torch.tensor([0, 3]),
        slot_user_G=torch.tensor([0, 2, 0]),
        slot_service_G=torch.tensor([1, 0, 0]),
        time_S=torch.tensor([10, 20, 60, 50, 40, 30]),
        lengths_U=torch.tensor([5, 0, 1]),
    )


def test_sizes_by_hand() -> None:
    batch = by_hand()
    assert (batch.num_users, batch.num_slots, batch.num_texts) == (3, 3, 3)
    assert (batch.num_events, batch.num_tokens) == (6, 11)
    # Slots of 1, 1 and 4 in one group: 3 × 4. Texts of 3 and 3, then 5: 2 × 3 + 5.
    assert (batch.padded_events, batch.padded_tokens) == (12, 11)
    # Three texts for six items.
    assert batch.dedup_share == 0.5


def test_a_part_holds_its_slots_and_their_texts_only() -> None:
    part = by_hand().select(torch.tensor([0, 2]))
    # All three texts are held by these; slot 1 held one that others hold too.
    assert part.item_S.tolist() == [1, 0, 2, 0, 2]
    assert part.lengths_U.tolist() == [5, 0, 0]
    assert part.time_S is not None
    assert part.time_S.tolist() == [10, 60, 50, 40, 30]
    alone = by_hand().select(torch.tensor([0]))
    assert alone.token_T.tolist() == [4, 5, 9]
    assert (alone.text_ptr_I1.tolist(), alone.slot_ptr_G1.tolist()) == ([0, 3], [0, 1])
    assert (alone.text_group_H1.tolist(), alone.slot_group_H1.tolist()) == ([0, 1], [0, 1])
    assert (alone.slot_user_G.tolist(), alone.slot_service_G.tolist()) == ([0], [1])


def test_parts_of_a_batch_together_are_the_batch(
    batch: ItemSequenceBatch, encoding: ItemTextEncoding
) -> None:
    check_packed(batch)
    whole = unpacked(batch, encoding)
    parts = torch.arange(batch.num_slots).chunk(5)
    found: dict[Any, Any] = {}
    for slot_G in parts:
        part = batch.select(slot_G)
        check_packed(part)
        found |= unpacked(part, encoding)
    assert found == whole
    assert len(found) == batch.num_slots


def test_a_part_of_nothing_is_empty(batch: ItemSequenceBatch) -> None:
    part = batch.select(torch.zeros(0, dtype=torch.long))
    assert (part.num_users, part.num_slots, part.num_texts) == (batch.num_users, 0, 0)
    assert (part.num_events, part.padded_events, part.padded_tokens) == (0, 0, 0)
    assert part.dedup_share == 0
    check_packed(part)


def test_a_part_without_times_has_none(batch: ItemSequenceBatch) -> None:
    assert replace(batch, time_S=None).select(torch.arange(2)).time_S is None


def test_pointers_stay_where_they_are_read(batch: ItemSequenceBatch) -> None:
    moved = batch.to("meta")
    for name in ("token_T", "item_S", "slot_user_G", "slot_service_G", "time_S"):
        assert getattr(moved, name).device.type == "meta"
    for name in ("text_ptr_I1", "slot_ptr_G1", "text_group_H1", "slot_group_H1", "lengths_U"):
        assert getattr(moved, name) is getattr(batch, name)
    assert np.isclose(moved.dedup_share, batch.dedup_share)


@pytest.mark.parametrize(
    "values",
    [
        {"max_items": 0},
        {"max_tokens": 2},
        {"token_budget": 0},
        {"padding_share": -0.1},
        {"padding_share": 1.0},
    ],
)
def test_settings_out_of_range_are_told(values: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(values))} must be"):
        ItemSequenceConfig.from_dict(values)
