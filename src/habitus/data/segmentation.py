"""Segmentation: the words of a post, whatever its scripts."""

from __future__ import annotations

from dataclasses import dataclass, field

from habitus.config import Config
from habitus.data.cleaning import CleaningConfig


@dataclass(frozen=True, kw_only=True)
class SegmentationConfig(Config):
    """How posts become words."""

    cleaning: CleaningConfig = field(default_factory=CleaningConfig)
    """What is removed first."""
    casefold: bool = True
    """Whether ``Word`` and ``word`` are one."""
    hmm: bool = True
    """Whether Chinese words that are in no dictionary are guessed, as Jieba does by default."""
    emoji: bool = False
    """Whether emoji are words."""
    max_chars: int = 64
    """Longer words are left out: they are no words but codes."""


class Segmenter:
    """Cleans and splits posts into words."""

    def __init__(self, config: SegmentationConfig | None = None) -> None:
        self.config = config or SegmentationConfig()

    def words(self, text: str) -> list[str]:
        """Return the words of one post, cleaned, in order."""
        raise NotImplementedError
