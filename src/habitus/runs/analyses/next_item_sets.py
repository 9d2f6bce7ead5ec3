"""On which sets next items are asked for, of whom, and what is pre-trained for it.

Shapes: B users of a part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from habitus.data.split import UserSplit
from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.evaluation.next_item_asked import SPLIT, AskedItems, ask_next_item, parts_of
from habitus.probes.two_tower import TwoTowerConfig
from habitus.registry import did_you_mean
from habitus.runs.clue import ClueRun, clue
from habitus.tasks.next_item import NextItemConfig

MAX_TRAIN: Final = 8_000
EXAMPLES: Final = 16_000
"""Examples of one question that towers learn from, about: as many targets of each train user as
make up to these, ten at most."""
TOWERS: Final = TwoTowerConfig(loss="softmax", num_uniform=512, weight_decay=0.1, max_epochs=20)
"""The softmax over all items, in the place of the binary loss of A-C15: the best of those that
``habitus analyze towers --data art_office`` tries, on validation users alone."""
FEW_EXAMPLES: Final = 4_000
"""The same for analyses that train many towers, each user once."""
FEW: Final = replace(TOWERS, batch_size=512, max_epochs=10, patience=3)
"""Towers of such analyses: they end sooner."""


@dataclass(frozen=True, kw_only=True)
class NextItemSet:
    """What is asked on a set."""

    services: tuple[str, ...]
    """One question each."""
    asked: Mapping[str, Any]
    """Further fields of :class:`~habitus.tasks.next_item.NextItemConfig`."""
    split: str | None = None
    """Attribute of profiles that parts the users; None for a hash of their ids."""
    source: str | None = None
    """Another company's set whose services are pre-trained on: transfer (D7)."""
    remark: str = ""


SETS: Final[Mapping[str, NextItemSet]] = {
    "art_office": NextItemSet(
        services=("arts", "office"),
        asked={"held_out": 2},
        split=SPLIT,
        remark="Targets are the source's own: among a user's last two events.",
    ),
    "food_kitchen": NextItemSet(services=("food", "kitchen"), asked={}, split=SPLIT),
    "complete_journey_services": NextItemSet(
        services=("grocery", "general_merchandise"),
        asked={"train_cutoff": "2017-07-01", "cutoff": "2017-10-01"},
    ),
    "online_retail": NextItemSet(
        services=("shop",),
        asked={"kinds": ("purchase",), "train_cutoff": "2011-07-01", "cutoff": "2011-10-01"},
        source="food_kitchen",
        remark="The rest of the target's invoice is not known here, and what somebody bought "
        "before is no target. Measurements that know the first and allow the second find more "
        "(habitus verify basket_online_retail repeats one).",
    ),
    "amazon_scientific": NextItemSet(
        services=("scientific",),
        asked={},
        source="food_kitchen",
        remark="Nobody of food_kitchen is known to be here; 708 people are also in art_office.",
    ),
    "synthetic": NextItemSet(
        services=("service-0", "service-1"),
        asked={"train_cutoff": "2023-07-01", "cutoff": "2023-10-01"},
        remark="Made up: figures say that the parts work, and nothing about real people.",
    ),
}


def set_of(name: str) -> NextItemSet:
    """Return what is asked on a set; raise :class:`UsageError` for one without items to ask for."""
    if name not in SETS:
        raise UsageError(f"no next items are asked for on {name!r}; {did_you_mean(name, SETS)}")
    return SETS[name]


def questions_of(
    traces: Traces,
    what: NextItemSet,
    *,
    quick: bool,
    examples: int = EXAMPLES,
    max_train: int = MAX_TRAIN,
    split: UserSplit | None = None,
) -> list[AskedItems]:
    """Return the question of each service of a set.

    Args:
        traces: of the set.
        what: which services, and how they are asked about.
        quick: of few train users.
        examples: of each question, about.
        max_train: train users that are learned from, at most.
        split: of the users of a set that has none of its own; None for that of runs.
    """
    parts = parts_of(traces, split)
    max_train = 400 if quick else max_train
    learned = min(len(parts["train"]), max_train)
    rounds = 1 if quick else max(1, min(10, round(examples / max(1, learned))))
    return [
        ask_next_item(
            NextItemConfig(name=service, service=service, **what.asked),
            traces,
            parts,
            rounds=rounds,
            max_train=max_train,
        )
        for service in what.services
    ]


def run_for(what: NextItemSet, preset: str) -> ClueRun:
    """Return the run that is pre-trained on the people of a set who are not tested.

    Where there are dates it ends when the testing begins.
    """
    return replace(clue(preset), split_attribute=what.split, as_of=what.asked.get("cutoff"))


def smaller(run: ClueRun, factor: int = 4) -> ClueRun:
    """Return the run with an encoder narrower by a factor: the second model size."""
    width = max(run.encoder.num_heads, run.encoder.width // factor)
    width -= width % run.encoder.num_heads
    slot_dim = None if run.slot_dim is None else max(1, run.slot_dim // factor)
    return replace(run, encoder=replace(run.encoder, width=width), slot_dim=slot_dim)
