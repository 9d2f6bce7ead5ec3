"""Keywords: which tags speak of which domain.

PASUM table 8. Matching is "contains", case-folded.

Shapes: K distinct tags, P (tag, domain) pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from habitus.data.traces import Rows
from habitus.errors import DataError, UsageError

Keywords = Mapping[str, Sequence[str]]
"""Domain → case-folded keywords of all languages."""


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
    """Return each (tag, domain), ``(P, 2)`` by tag, such that the tag contains a keyword."""
    column = pa.array(tags, pa.string())
    pairs = []
    for domain, words in enumerate(keywords.values()):
        hit = np.zeros(len(tags), np.bool_)
        for word in words:
            hit |= pc.match_substring(column, word).to_numpy(zero_copy_only=False)
        places = hit.nonzero()[0]
        pairs.append(np.stack([places, np.full(len(places), domain)], axis=1))
    pair_P2 = np.concatenate(pairs) if pairs else np.zeros((0, 2), np.int64)
    return pair_P2[np.argsort(pair_P2[:, 0], kind="stable")].astype(np.int64)


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
