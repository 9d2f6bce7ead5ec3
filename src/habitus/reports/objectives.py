"""What a pre-training made small, in the words of its objective."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from habitus.reports.model_facts import run_config

_MEANINGS_OF_RUNS: Final = {
    "channel": ": how badly hidden values were guessed",
    "supermoe": ": how badly hidden values were guessed, and how unevenly the experts were used",
    "clue": ": how badly what a user left on one service is told, by what the same user left on "
    "another, from that of everybody else compared; 0 is best",
}
_MEANINGS: Final = {
    "triplet": ": how far a user's vector lies from that of somebody related, beyond what it lies "
    "from a stranger's, less a margin; 0 is best",
    "contrast": ": how badly what belongs to a user (somebody related, or the other half of the "
    "same posts) is told from everybody else in the batch; 0 is best",
}
_PARTS: Final = {
    "inter": "who follows whom",
    "intra": "communities of one user",
    "halves": "two halves of a user's posts",
    "domains": "users of one domain",
    "cross_service": "same user on another service",
    "routing.balance": "how unevenly experts are used (1 is even)",
    "routing.z": "size of the routers' scores",
}
"""Parts of the losses of triplets and of contrasts; other parts have names that can be read."""
_RISING: Final = {
    "_accuracy": ("share right", "share right"),
    "_r1": ("share found first (R@1)", "share found first"),
    "_gain": ("nats known about the counterpart", "nats known"),
}
"""End of the name of what should rise: its name after that of the part, and on an axis."""


def loss_meaning(results: Mapping[str, Any]) -> str:
    """Return what follows "what pre-training makes small"; nothing for an unknown objective.

    Args:
        results: of format 1, with the config of the run, alone or as that of ours.
    """
    run = run_config(results)
    if run.get("name") in _MEANINGS_OF_RUNS:
        return _MEANINGS_OF_RUNS[run["name"]]
    found = [name for name in ("triplet", "contrast") if run.get(name)]
    return _MEANINGS[found[0]] if found else ""


def rising(name: str) -> str | None:
    """Return what to write at the axis of a part that should rise, None for a loss.

    >>> rising("inter_accuracy"), rising("cross_service_gain"), rising("product_r1")
    ('share right', 'nats known', None)
    """
    _, end = _parted(name)
    return _RISING[end][1] if end else None


def part_name(name: str) -> str:
    """Return what a page calls a part of the loss, its name in settings in brackets.

    >>> part_name("inter"), part_name("halves_accuracy"), part_name("product")[:7]
    ('who follows whom (inter)', "two halves of a user's posts (halves): share right", 'product')
    """
    part, end = _parted(name)
    if part not in _PARTS:
        return name
    return f"{_PARTS[part]} ({part})" + (f": {_RISING[end][0]}" if end else "")


def _parted(name: str) -> tuple[str, str]:
    """Return a part we know and the end of its name; a channel may have a name of any end."""
    for end in _RISING:
        if name.endswith(end) and name.removesuffix(end) in _PARTS:
            return name.removesuffix(end), end
    return name, ""
