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
_STRUCTURE: Final = re.compile(
    r"|(versions|machine|data\.ingest)(\W.*)?|(pretrain_|split_)?seeds|"
    r"tasks\[\d+\]\.(classes|train_cutoffs)|cells\[\d+\]\.splits"
)
"""Parts whose length is not of users: the results themselves are the empty path."""


def refuse_ids(results: Mapping[str, Any]) -> None:
    """Raise :class:`GuardError` where a part of the results looks like a list of user ids.

    Two signs: a list under a name such as ``user_ids``, and distinct strings or whole numbers, one
    for each user of some part, anywhere that measured figures do not belong. Settings and other
    known parts may be as many as the users of a small part, and only their names count.
    """
    sizes = {results["data"]["num_users"], *(results["split"][p] for p in _PARTS)}
    sizes |= {task.get("num_test") for task in results["tasks"]}
    refuse_id_lists(results, sizes)


def refuse_id_lists(results: Mapping[str, Any], sizes: set[int | None]) -> None:
    """Raise :class:`GuardError` where something looks like a list of ids of so many users."""
    for path, members, are_settings in _collections(results, ""):
        name = path.rpartition(".")[2]
        perhaps = len(members) >= _FEWEST and _PERHAPS_ID_NAME.fullmatch(name)
        if isinstance(members, list) and members and (perhaps or _ID_NAME.fullmatch(name)):
            raise _refusal(path, f"its name is {name!r}")
        known = are_settings or _MEASURED.fullmatch(path) or _STRUCTURE.fullmatch(path)
        if not known and _one_per_user(members, sizes):
            raise _refusal(path, f"it has {len(members)} distinct values, as many as users")


_PARTS: Final = ("train", "valid", "test")


def _refusal(path: str, sign: str) -> GuardError:
    return GuardError(
        f"{path} looks like a list of user ids ({sign}); a report must hold none: take it out"
    )


def _collections(value: object, path: str) -> Iterator[tuple[str, Sequence[object], bool]]:
    """Yield path and members of each list, path and keys of each object; whether it is settings."""
    if isinstance(value, Mapping):
        yield path, tuple(value), _IN_CONFIG.match(path) is not None and _are_settings(value)
        for key, member in value.items():
            yield from _collections(member, f"{path}.{key}".lstrip("."))
    elif isinstance(value, (list, tuple)):
        yield path, list(value), False
        for i, member in enumerate(value):
            yield from _collections(member, f"{path}[{i}]")


_IN_CONFIG: Final = re.compile(r"config(\W|$)")


def _are_settings(values: Mapping[Any, Any]) -> bool:
    """Names of fields with values of several kinds; what is told of each user is of one kind."""
    kinds = {_kind(value) for value in values.values() if value is not None}
    return len(kinds) > 1 and all(isinstance(key, str) and key.isidentifier() for key in values)


def _kind(value: object) -> type:
    whole_or_not = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float if whole_or_not else type(value)


def _one_per_user(members: Sequence[object], sizes: set[int | None]) -> bool:
    if len(members) < _FEWEST or len(members) not in sizes:
        return False
    if not all(isinstance(m, (str, int)) for m in members):
        return False
    return len(set(members)) == len(members)
