"""Cleaning: what a platform put into a post, and the words of others, go before it is segmented."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from habitus.config import Config


@dataclass(frozen=True, kw_only=True)
class CleaningConfig(Config):
    """Which rules clean a post."""

    off: tuple[str, ...] = ()
    """Names of rules that are left out."""
    leaks: tuple[str, ...] = ()
    """Words that give a task's answer away, removed wherever they stand (A-P2), such as the names
    of the parties where the party is asked for."""


def clean(texts: Sequence[str], config: CleaningConfig) -> tuple[list[str], dict[str, int]]:
    """Return the texts cleaned, and how often each rule found something."""
    raise NotImplementedError
