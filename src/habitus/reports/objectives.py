"""What a pre-training made small, in the words of its objective."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_MEANINGS: Final = {
    "masked": ": how badly hidden values were guessed",
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
}
"""Parts of the losses of triplets and of contrast; other parts have names that can be read."""
_RIGHT: Final = "_accuracy"


def loss_meaning(results: Mapping[str, Any]) -> str:
    """Return what follows "what pre-training makes small"; nothing for an unknown objective.

    Args:
        results: of format 1, with the config of the run, alone or as that of ours.
    """
    config = results.get("config")
    run = config.get("ours", config) if isinstance(config, Mapping) else {}
    if not isinstance(run, Mapping):
        return ""
    if run.get("name") == "channel":
        return _MEANINGS["masked"]
    found = [name for name in ("triplet", "contrast") if run.get(name)]
    return _MEANINGS[found[0]] if found else ""


def is_share(name: str) -> bool:
    """Return whether a part is the share of comparisons that came out right, not a loss."""
    return name.endswith(_RIGHT) and name.removesuffix(_RIGHT) in _PARTS


def part_name(name: str) -> str:
    """Return what a page calls a part of the loss, its name in settings in brackets.

    >>> part_name("inter"), part_name("halves_accuracy"), part_name("product")[:7]
    ('who follows whom (inter)', "two halves of a user's posts (halves): share right", 'product')
    """
    part = name.removesuffix(_RIGHT)
    if part not in _PARTS:
        return name
    return f"{_PARTS[part]} ({part})" + (": share right" if is_share(name) else "")
