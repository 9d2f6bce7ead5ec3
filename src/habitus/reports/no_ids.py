"""A report is passed around, so it must not carry user ids; this looks for lists of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from habitus.errors import GuardError

_ID_NAME: Final = re.compile(
    r"(user|household|customer|client|member|person|people|account|visitor)s?[ _-]?(ids?|keys?)|"
    r"(train|valid|test)[ _-](users|ids)",
    re.IGNORECASE,
)
_PERHAPS_ID_NAME: Final = re.compile(r"u?ids?|keys?", re.IGNORECASE)
"""Also the name of a short list of channels in a config."""
_FEWEST: Final = 20
"""Shorter lists are settings (seeds, category names), not the users of a part."""
_MEASURED: Final = re.compile(
    r"map\.(x|y|colors\..*)|pretraining\.curves\..*|cells\[\d+\]\.(calibration|metrics)\..*"
)
"""Where long lists of numbers belong."""


def refuse_ids(results: Mapping[str, Any]) -> None:
    """Raise :class:`GuardError` where a part of the results looks like a list of user ids.

    Two signs: a list under a name such as ``user_ids``, and distinct strings or whole numbers, one
    for each user of some part, anywhere that measured figures do not belong.
    """
    sizes = {results["data"]["num_users"], *(results["split"][p] for p in _PARTS)}
    sizes |= {task.get("num_test") for task in results["tasks"]}
    refuse_id_lists(results, sizes)


def refuse_id_lists(results: Mapping[str, Any], sizes: set[int | None]) -> None:
    """Raise :class:`GuardError` where something looks like a list of ids of so many users."""
    for path, members in _collections(results, ""):
        name = path.rpartition(".")[2]
        perhaps = len(members) >= _FEWEST and _PERHAPS_ID_NAME.fullmatch(name)
        if isinstance(members, list) and members and (perhaps or _ID_NAME.fullmatch(name)):
            raise _refusal(path, f"its name is {name!r}")
        if _MEASURED.fullmatch(path) is None and _one_per_user(members, sizes):
            raise _refusal(path, f"it has {len(members)} distinct values, as many as users")


_PARTS: Final = ("train", "valid", "test")


def _refusal(path: str, sign: str) -> GuardError:
    return GuardError(
        f"{path} looks like a list of user ids ({sign}); a report must hold none: take it out"
    )


def _collections(value: object, path: str) -> Iterator[tuple[str, Sequence[object]]]:
    """Yield the path and members of each list, and the path and keys of each object."""
    if isinstance(value, Mapping):
        yield path, tuple(value)
        for key, member in value.items():
            yield from _collections(member, f"{path}.{key}".lstrip("."))
    elif isinstance(value, (list, tuple)):
        yield path, list(value)
        for i, member in enumerate(value):
            yield from _collections(member, f"{path}[{i}]")


def _one_per_user(members: Sequence[object], sizes: set[int | None]) -> bool:
    if len(members) < _FEWEST or len(members) not in sizes:
        return False
    if not all(isinstance(m, (str, int)) for m in members):
        return False
    return len(set(members)) == len(members)
