"""Segmentation: the words of a post, whatever its scripts.

Runs of Han characters are cut by a segmenter that is compatible with Jieba, the paper's (PASUM
P1); it is imported where the first of them is met. All other scripts are cut into Unicode words:
letters, digits and their marks, with apostrophes inside. Kana are cut where hiragana meet katakana;
scripts that write neither spaces nor Han, such as Thai, give one word a run. The dictionary is of
simplified characters: traditional ones are cut more finely.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property

from habitus.config import Config
from habitus.data.cleaning import CleaningConfig, clean
from habitus.data.scripts import EMOJI, HAN, HIRAGANA, KATAKANA, letters, marks
from habitus.errors import MissingExtraError, UsageError

Cut = Callable[[str, bool], list[str]]

_CURLY = "\u2019"
_HAN = re.compile(f"([{HAN}]+)")


@dataclass(frozen=True, kw_only=True)
class SegmentationConfig(Config):
    """How posts become words.

    Differs from the paper: punctuation and signs, which Jieba gives as words too, are no words
    here. The characters of a word as nodes of their own (A-P1) are an option of text graphs.
    """

    cleaning: CleaningConfig = field(default_factory=CleaningConfig)
    """What is removed first."""
    casefold: bool = True
    """Whether ``Word`` and ``word`` are one."""
    hmm: bool = True
    """Whether Chinese words that are in no dictionary are guessed, as Jieba does by default."""
    emoji: bool = False
    """Whether emoji are words."""
    max_chars: int = 64
    """Longer words, which are codes, are cut into pieces of this length; not Chinese ones."""

    def __post_init__(self) -> None:
        if self.max_chars < 1:
            raise UsageError(f"max_chars must be at least 1, got {self.max_chars}")


class Segmenter:
    """Cleans and splits posts into words.

    >>> Segmenter().words("Don't read http://a.b/c, <b>@you</b>!")
    ["don't", 'read']
    """

    def __init__(self, config: SegmentationConfig | None = None) -> None:
        self.config = config or SegmentationConfig()
        self._find = _pattern(self.config.max_chars, emoji=self.config.emoji).findall

    def words(self, text: str) -> list[str]:
        """Return the words of one post, cleaned, in order.

        Raises:
            MissingExtraError: it holds Han characters and there is no segmenter for them.
        """
        return self.split(clean([text], self.config.cleaning)[0][0])

    def split(self, text: str) -> list[str]:
        """Return the words of a text that is clean, in order."""
        if self.config.casefold:
            text = text.casefold()
        if text.isascii():
            return self._find(text)
        return self._split_scripts(text.replace(_CURLY, "'"))

    def _split_scripts(self, text: str) -> list[str]:
        # Han runs stand at the odd places.
        parts = _HAN.split(text)
        if len(parts) == 1:
            return self._find(text)
        words: list[str] = []
        for place, part in enumerate(parts):
            if not part:
                continue
            if place % 2 == 0:
                words += self._find(part)
            elif len(part) == 1:
                words.append(part)
            else:
                words += self._cut(part, self.config.hmm)
        return words

    @cached_property
    def _cut(self) -> Cut:
        try:
            from rjieba import cut
        except ModuleNotFoundError as error:
            raise MissingExtraError("rjieba", extra="zh", what="Chinese posts") from error
        found: Cut = cut
        return found


@cache
def _pattern(max_chars: int, *, emoji: bool) -> re.Pattern[str]:
    word = f"[{letters()}][{letters()}{marks()}]{{0,{max_chars - 1}}}+"
    kana = [f"[{script}]{{1,{max_chars}}}+" for script in (HIRAGANA, KATAKANA)]
    kinds = [f"{word}(?:'{word}){{0,3}}+", *kana, *([f"[{EMOJI}]"] if emoji else [])]
    return re.compile("|".join(kinds))
