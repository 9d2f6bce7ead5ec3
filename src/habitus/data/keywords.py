"""Keywords: which tags speak of which domain, and which texts of which class.

PASUM table 8 (A-P13), and tables 9 and 10 for classes (A-P23).

Differs from the paper, which only says that keywords "match": a keyword is found as a whole word,
so that "art" is not in "department", nor "star" in "startup" or in "stars"; in scripts that do not
write words apart (Han, kana, Thai and their like), and in Korean, which hangs particles on words,
it is found anywhere. Han beside Latin ends a word: "nba" is in "nba球迷". All is case-folded.

Shapes: K distinct tags, P (tag, domain) pairs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import yaml

from habitus.data.scripts import HAN, HIRAGANA, KATAKANA, letters, marks
from habitus.data.traces import Rows
from habitus.errors import DataError, UsageError

Keywords = Mapping[str, Sequence[str]]
"""Domain → case-folded keywords of all languages."""

_RUNS_ON = re.compile(
    f"[{HAN}{HIRAGANA}{KATAKANA}"
    # Thai and Lao, Tibetan, Burmese, Khmer; Hangul.
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\uac00-\ud7af]"
)


def read_keywords(file: Path | None = None, *, shipped: bool = True) -> Keywords:
    """Return the keywords of each domain: the shipped ones, then those of a file.

    The file has the form of the shipped ``communities.yaml``; a domain that is in both has both.

    Raises:
        DataError: the file cannot be read or has another form.
        UsageError: neither file nor shipped keywords.
    """
    sources = []
    if shipped:
        text = files("habitus.data").joinpath("communities.yaml").read_text("utf-8")
        sources.append(("communities.yaml", text))
    if file is not None:
        try:
            sources.append((str(file), file.read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"the keywords {file} cannot be read: {error}") from error
    if not sources:
        raise UsageError("no keywords: give a file, or let the shipped ones count")
    merged: dict[str, list[str]] = {}
    for name, text in sources:
        for domain, words in _parse(name, text).items():
            merged.setdefault(domain, []).extend(words)
    return {domain: tuple(dict.fromkeys(words)) for domain, words in merged.items()}


def match_keywords(tags: Sequence[str], keywords: Keywords) -> Rows:
    """Return each (tag, domain), ``(P, 2)`` by tag, such that a keyword is found in the tag.

    Args:
        tags: case-folded.
        keywords: domain → case-folded keywords.
    """
    pairs = [
        (place, domain)
        for domain, finds in enumerate(map(keyword_pattern, keywords.values()))
        for place, tag in enumerate(tags)
        if finds.search(tag)
    ]
    pair_P2 = np.array(pairs, np.int64).reshape(-1, 2)
    return pair_P2[np.argsort(pair_P2[:, 0], kind="stable")]


def keyword_pattern(words: Iterable[str]) -> re.Pattern[str]:
    """Return what finds any of some keywords in a text; both must be case-folded.

    >>> finds = keyword_pattern(["art", "篮球"])
    >>> [bool(finds.search(text)) for text in ("pop-art", "department", "爱篮球的人")]
    [True, False, True]
    """
    inside = f"[{letters()}{marks()}]"
    is_inside = re.compile(inside)
    groups: dict[tuple[str, str], list[str]] = {}
    for word in words:
        apart = _RUNS_ON.search(word) is None
        # A keyword such as "c++" ends without a letter, so any letter may follow.
        before = f"(?<!{inside})" if apart and is_inside.match(word[0]) else ""
        after = f"(?!{inside})" if apart and is_inside.match(word[-1]) else ""
        groups.setdefault((before, after), []).append(re.escape(word))
    parts = [f"{before}(?:{'|'.join(some)}){after}" for (before, after), some in groups.items()]
    # Without keywords nothing is found.
    return re.compile("|".join(parts) or "(?!)")


def _parse(name: str, text: str) -> dict[str, list[str]]:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DataError(f"{name} is no YAML: {error}") from error
    domains = values.get("domains") if isinstance(values, dict) else None
    if not isinstance(domains, dict) or not domains:
        raise DataError(f"{name} must hold 'domains:' and below it domain → language → keywords")
    return {str(domain): _words(name, domain, lists) for domain, lists in domains.items()}


def _words(name: str, domain: object, lists: object) -> list[str]:
    several = list(lists.values()) if isinstance(lists, dict) else []
    words = [word for some in several if isinstance(some, list) for word in some]
    folded = [str(word).strip().casefold() for word in words]
    # An empty keyword is contained in every tag.
    if not folded or not all(folded) or not all(isinstance(some, list) for some in several):
        raise DataError(
            f"{name}: domain {domain!r} must hold language → list of keywords, none empty, got "
            f"{lists!r}"
        )
    return folded
