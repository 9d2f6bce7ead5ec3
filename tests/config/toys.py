"""Configs with every kind of field."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from habitus.config import Config


@dataclass(frozen=True, kw_only=True)
class Inner(Config):
    width: int = 8


@dataclass(frozen=True, kw_only=True)
class Outer(Config):
    name: str
    rate: float = 0.1
    flag: bool = False
    mode: Literal["a", "b", 3] = "a"
    path: Path | None = None
    sizes: tuple[int, ...] = (1, 2)
    window: tuple[int, float] = (1, 0.5)
    inner: Inner = field(default_factory=Inner)
    many: tuple[Inner, ...] = ()
    by_name: dict[str, Inner] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    limit: int | float | None = None


FULL = Outer(
    name="n",
    rate=2.5,
    flag=True,
    mode=3,
    path=Path("a/b"),
    sizes=(),
    window=(2, 1.5),
    inner=Inner(width=1),
    many=(Inner(width=2), Inner(width=3)),
    by_name={"x": Inner(width=4)},
    extra={"k": [1, {"z": None}]},
    limit=1.5,
)


@dataclass(frozen=True, kw_only=True)
class MayBeOff(Config):
    """What may be off.

    At length.
    """

    part: Inner | None = None
    """A part that
    is off. It has a width."""
    modes: tuple[Literal["a", "b"], ...] = ()
    pair: tuple[float, float] = (0.0, 1.0)
    undocumented: int = 3


@dataclass(frozen=True, kw_only=True)
class Heir(MayBeOff):
    undocumented: int = 4
    """Documented here."""
    part: Inner | None = Inner(width=2)
