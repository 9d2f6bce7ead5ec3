"""A small world for whoever tests the channel encoder: thirty people and a run of six steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from habitus.data.channel_sequence import ChannelSequenceConfig
from habitus.data.columns import ChannelKind
from habitus.data.snapshot import parse_time
from habitus.data.split import DAY, UserSplit
from habitus.data.traces import Traces
from habitus.data.vocabulary import ChannelVocabularyConfig
from habitus.encoders.channel_transformer import ChannelTransformerConfig
from habitus.objectives.masked_channel import MaskedChannelConfig
from habitus.runs.channel import ChannelRun
from habitus.testing.hand_made import write_traces
from habitus.training.config import TrainingConfig

CHANNELS: Mapping[str, ChannelKind] = {
    "service": "category",
    "item_id": "id",
    "price": "dense",
    "text": "text",
}
START, CUTOFF = "2020-01-01", "2020-03-01"
"""The world lasts 90 days; the cutoff is after 60 of them."""


def small_events(num_users: int = 30, seed: int = 0) -> dict[str, list[dict[str, Any]]]:
    """Return users with 0 … 24 events, each of a taste that shows in every channel."""
    random = np.random.default_rng(seed)
    return {f"user-{u:02d}": _history(random, u) for u in range(num_users)}


def _history(random: np.random.Generator, user: int) -> list[dict[str, Any]]:
    taste, start = user % 3, parse_time(START)
    seconds = np.sort(random.integers(90 * DAY, size=random.integers(25)))
    return [_event(random, taste, start + int(second)) for second in seconds]


def _event(random: np.random.Generator, taste: int, time: int) -> dict[str, Any]:
    event: dict[str, Any] = {"time": time, "service": f"shop-{taste}", "text": "kept whole"}
    if random.random() < 0.9:
        event["item_id"] = f"item-{taste}-{random.integers(3)}"
    if random.random() < 0.8:
        event["price"] = round(float(random.exponential(10.0 ** (taste + 1))), 2)
    return event


def small_traces(path: Path, events: Mapping[str, list[dict[str, Any]]] | None = None) -> Traces:
    """Write the world, or one like it."""
    return write_traces(path, small_events() if events is None else events, CHANNELS)


def small_run(**changes: Any) -> ChannelRun:
    """Return a run that takes a second."""
    run = ChannelRun(
        preset="small",
        as_of=CUTOFF,
        split=UserSplit(train=0.7, valid=0.2, test=0.1),
        vocabulary=ChannelVocabularyConfig(min_users=2, num_bins=4),
        sequence=ChannelSequenceConfig(max_events=16, token_budget=64, min_events=3),
        encoder=ChannelTransformerConfig(
            max_events=16, channel_dim=4, width=8, num_blocks=1, num_heads=2, hidden=16
        ),
        objective=MaskedChannelConfig(mask_share=0.5),
        training=TrainingConfig(max_steps=6, evaluate_every=2, log_every=2, learning_rate=1e-2),
    )
    return replace(run, **changes)


def after(
    events: Mapping[str, list[dict[str, Any]]], cutoff: str, **values: Any
) -> dict[str, list[dict[str, Any]]]:
    """Return the events with other values from a cutoff on, and one event more for everybody."""
    instant = parse_time(cutoff)
    return {
        user: [
            *(event if event["time"] < instant else {**event, **values} for event in history),
            {"time": instant, **values},
        ]
        for user, history in events.items()
    }
