"""People who search, read and buy on three services; and what a plain loop makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from habitus.data.byte_bpe import ByteBPE, ByteBPEConfig
from habitus.data.columns import ChannelKind, TimeUnit
from habitus.data.item_batches import ItemTextEncoding
from habitus.data.item_sequence import ItemSequenceBatch, ItemSequenceConfig
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.testing.hand_made import write_traces

CHANNELS: Mapping[str, ChannelKind] = {
    "service": "category",
    "kind": "category",
    "item_id": "id",
    "text": "text",
}
WORDS = ("red", "blue", "tea", "pot", "brush", "paper", "kitchen", "knife", "Ölfarbe", "茶壺")
ITEMS = {f"i{n:02d}": " ".join(WORDS[(n * k) % 10] for k in range(1, 2 + n % 7)) for n in range(20)}
ITEMS["i10"] = ITEMS["i00"]
"""Text of each item; two have the same, and one more, i99, has none."""
CUTOFF = 700
"""Events happen at 0 … 999."""
OTHER = "other"

Events = Mapping[str, Sequence[Mapping[str, Any]]]
Plain = dict[tuple[int, str], list[tuple[int, str, str]]]
"""(user, service) → (time, kind, text), oldest first."""


def shop_events(num_users: int = 25, seed: int = 0) -> dict[str, list[dict[str, Any]]]:
    """Return users with 0 … 30 events; some repeat themselves, some have no text or service."""
    random = np.random.default_rng(seed)
    return {
        f"user-{u:02d}": [_event(random) for _ in range(random.integers(31))]
        for u in range(num_users)
    }


def _event(random: np.random.Generator) -> dict[str, Any]:
    event: dict[str, Any] = {"time": int(random.integers(1_000))}
    if random.random() < 0.95:
        event["service"] = str(random.choice(["arts", "food", "search"]))
    if random.random() < 0.9:
        event["kind"] = "query" if event.get("service") == "search" else "purchase"
    if event.get("service") == "search":
        event["text"] = " ".join(random.choice(WORDS, random.integers(4)))
    if random.random() < 0.9:
        event["item_id"] = str(random.choice([*ITEMS, "i99"]))
    return event


def shop_traces(
    path: Path,
    events: Events | None = None,
    *,
    time_unit: TimeUnit = "second",
    channels: Mapping[str, ChannelKind] = CHANNELS,
    items: Mapping[str, str] = ITEMS,
) -> Traces:
    """Write the world, or one like it."""
    return write_traces(
        path,
        shop_events() if events is None else events,
        channels,
        tables={"items": {"item_id": [*items, "i99"], "text": [*items.values(), None]}},
        time_unit=time_unit,
    )


def shop_encoding(traces: Traces, as_of: int | None = CUTOFF, **changes: Any) -> ItemTextEncoding:
    """Return an encoding that is fitted on these traces before a cutoff."""
    config = ItemSequenceConfig.from_dict({"max_items": 6, "token_budget": 90, **changes})
    return ItemTextEncoding.fit(Snapshot(traces, as_of), ByteBPEConfig(vocab_size=300), config)


def plain_slots(
    events: Events, encoding: ItemTextEncoding, as_of: int | None = CUTOFF, items: Any = None
) -> Plain:
    """Return what every slot must hold, from the events themselves, by loops."""
    items, config = ITEMS if items is None else items, encoding.config
    slots: Plain = {}
    for user, name in enumerate(sorted(events)):
        seen = set()
        history = sorted(events[name], key=lambda e: int(e["time"]))
        for event in reversed([e for e in history if as_of is None or e["time"] < as_of]):
            text = event.get("text", "")
            text = text if text.strip() else items.get(event.get("item_id", ""), "")
            service = event.get("service")
            service = service if service in encoding.services else OTHER
            kind = event.get("kind")
            kind = kind if kind in encoding.bpe.kinds else OTHER
            slot = slots.setdefault((user, service), [])
            if not text.strip() or (service == OTHER and not config.other_slot):
                continue
            if config.unique and (service, kind, text) in seen:
                continue
            seen.add((service, kind, text))
            if len(slot) < config.max_items:
                slot.insert(0, (event["time"], kind, text))
    return {slot: found for slot, found in slots.items() if found}


def plain_tokens(bpe: ByteBPE, service: str, kind: str, text: str, max_tokens: int) -> list[int]:
    """Return the tokens of one behaviour, one after another."""
    services, kinds = bpe.services, bpe.kinds
    first = 3 + services.index(service) if service in services else 1
    second = 3 + len(services) + kinds.index(kind) if kind in kinds else 2
    return [first, second, *bpe.encode([text])[0].tolist()][:max_tokens]


def unpacked(batch: ItemSequenceBatch, encoding: ItemTextEncoding) -> dict[Any, Any]:
    """Return (user, service) → token rows and ages, by loops over everything; slots once each."""
    rows = [
        batch.token_T[start:stop].tolist()
        for start, stop in zip(batch.text_ptr_I1[:-1], batch.text_ptr_I1[1:], strict=True)
    ]
    names = (*encoding.services, OTHER)
    found: dict[Any, Any] = {}
    for slot in range(batch.num_slots):
        start, stop = int(batch.slot_ptr_G1[slot]), int(batch.slot_ptr_G1[slot + 1])
        key = (int(batch.slot_user_G[slot]), names[int(batch.slot_service_G[slot])])
        assert key not in found
        ages = (
            [None] * (stop - start) if batch.time_S is None else batch.time_S[start:stop].tolist()
        )
        held = batch.item_S[start:stop].tolist()
        found[key] = list(zip([rows[i] for i in held], ages, strict=True))
    return found


def check_packed(batch: ItemSequenceBatch, padding_share: float = 0.03) -> None:
    """Check all that holds of every batch."""
    for ptr_B1, group_H1 in (
        (batch.text_ptr_I1, batch.text_group_H1),
        (batch.slot_ptr_G1, batch.slot_group_H1),
    ):
        length_B = ptr_B1.diff()
        assert (length_B >= 1).all()
        assert (length_B.diff() >= 0).all()
        assert (int(group_H1[0]), int(group_H1[-1])) == (0, len(length_B))
        assert (group_H1.diff() > 0).all()
        padded = sum(
            (stop - start) * int(length_B[start:stop].max())
            for start, stop in zip(group_H1[:-1].tolist(), group_H1[1:].tolist(), strict=True)
        )
        assert padded - int(length_B.sum()) <= padding_share * padded
    rows = {
        tuple(batch.token_T[start:stop].tolist())
        for start, stop in zip(batch.text_ptr_I1[:-1], batch.text_ptr_I1[1:], strict=True)
    }
    assert len(rows) == batch.num_texts
    assert set(batch.item_S.tolist()) == set(range(batch.num_texts))
    users = batch.slot_user_G.tolist()
    lengths = [0] * batch.num_users
    for user, length in zip(users, batch.slot_ptr_G1.diff().tolist(), strict=True):
        lengths[user] += length
    assert batch.lengths_U.tolist() == lengths
    assert batch.token_T.dtype == batch.item_S.dtype == torch.int64
