"""Communities: which domains a user is in, by the tags that it gave itself.

PASUM P13 and table 8: a user is in a domain if any of its tags matches any keyword of it. Where
tags already name communities (forums, committees), each distinct tag is a domain.

Differs from the paper: what matching is, :mod:`habitus.data.keywords` says (A-P13 leaves it open);
the printed keyword lists are cut off there and shipped as printed, in ``communities.yaml``.

Shapes: U users, C domains, N (user, domain) pairs, T (user, tag) pairs, K distinct tags.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from habitus.config import Config
from habitus.data.columns import TAGS, USER_ID
from habitus.data.keywords import match_keywords, read_keywords
from habitus.data.snapshot import Snapshot, ranges
from habitus.data.social_graph import Mask, distinct
from habitus.data.traces import Rows
from habitus.errors import UsageError
from habitus.registry import did_you_mean


@dataclass(frozen=True, kw_only=True)
class CommunitiesConfig(Config):
    """How tags become domains."""

    rule: Literal["keywords", "tags"] = "keywords"
    """keywords: a domain has every user with a tag that holds one of its keywords, as a whole word
    or, in scripts without spaces, anywhere; tags: each distinct tag is a domain, without regard to
    case."""
    file: Path | None = None
    """Keywords of your own, in the form of the shipped ``communities.yaml``."""
    shipped: bool = True
    """Whether the keywords of the paper count too; a domain that is in both has both lists."""
    leave_out: tuple[str, ...] = ()
    """Domains that are not used, such as ``age`` where age is a task (A-P20)."""
    separators: str = "|"
    """Characters that end a tag where several stand in one string."""


@dataclass(frozen=True)
class Communities:
    """The domains of each user, ragged."""

    names: tuple[str, ...]
    """Domains, ``(C)``."""
    ptr_U1: Rows
    """First domain of each user, and ``N``."""
    domain_N: npt.NDArray[np.int32]
    """Ascending within a user."""
    num_tagged: int
    """Users with at least one tag, matched or not."""

    @classmethod
    def from_snapshot(cls, snapshot: Snapshot, config: CommunitiesConfig | None = None) -> Self:
        """Return the domains of the users; without profiles or tags, nobody is in any.

        Raises:
            DataError: the keyword file cannot be read or has another form.
            UsageError: a domain to leave out that does not exist.
        """
        config = config or CommunitiesConfig()
        user_T, tag_T, tags = _read_tags(snapshot, config.separators)
        if config.rule == "tags":
            names, pair_P2 = tuple(tags), np.stack([np.arange(len(tags))] * 2, axis=1)
        else:
            keywords = read_keywords(config.file, shipped=config.shipped)
            names, pair_P2 = tuple(keywords), match_keywords(tags, keywords)
        pair_P2 = pair_P2[~np.isin(pair_P2[:, 1], _places(config.leave_out, names))]
        # Pairs stand by tag: those of one tag are a range, repeated for each of its users.
        first_K = np.searchsorted(pair_P2[:, 0], np.arange(len(tags)))
        count_K = np.bincount(pair_P2[:, 0], minlength=len(tags))
        place_N, _ = ranges(first_K[tag_T], count_K[tag_T])
        user_N = np.repeat(user_T, count_K[tag_T])
        key_N = distinct(user_N * max(len(names), 1) + pair_P2[place_N, 1])
        user_N, domain_N = np.divmod(key_N, max(len(names), 1))
        ptr_U1 = np.searchsorted(user_N, np.arange(snapshot.num_users + 1))
        return cls(names, ptr_U1, domain_N.astype(np.int32), len(np.unique(user_T)))

    @property
    def num_users(self) -> int:
        """Users, those in no domain included."""
        return len(self.ptr_U1) - 1

    @property
    def num_domains(self) -> int:
        """Domains, those without users included."""
        return len(self.names)

    @cached_property
    def member_ptr_C1(self) -> Rows:
        """First member of each domain, and ``N``."""
        counts_C = np.bincount(self.domain_N, minlength=self.num_domains)
        return np.concatenate([[0], np.cumsum(counts_C)]).astype(np.int64)

    @cached_property
    def member_N(self) -> npt.NDArray[np.int32]:
        """Users of each domain, ascending within it."""
        return self.user_N[np.argsort(self.domain_N, kind="stable")]

    @cached_property
    def user_N(self) -> npt.NDArray[np.int32]:
        """User of each pair, ascending."""
        return np.repeat(np.arange(self.num_users, dtype=np.int32), np.diff(self.ptr_U1))

    def only(self, users: Rows) -> Communities:
        """Return the same with all but some users in no domain."""
        return self.keep(np.isin(self.user_N, users))

    def keep(self, keep_N: Mask) -> Communities:
        """Return the same with some of the (user, domain) pairs."""
        ptr_U1 = np.concatenate([[0], np.cumsum(keep_N)]).astype(np.int64)[self.ptr_U1]
        return replace(self, ptr_U1=ptr_U1, domain_N=self.domain_N[keep_N])


def _places(wanted: Sequence[str], names: Sequence[str]) -> list[int]:
    folded = [name.casefold() for name in names]
    if wrong := [name for name in wanted if name.casefold() not in folded]:
        raise UsageError(f"no domain {wrong[0]!r} to leave out; {did_you_mean(wrong[0], names)}")
    return [folded.index(name.casefold()) for name in wanted]


def _read_tags(snapshot: Snapshot, separators: str) -> tuple[Rows, Rows, list[str]]:
    """Return user and tag of each pair, and the distinct tags, case-folded and sorted."""
    nothing = np.zeros(0, np.int64)
    table = snapshot.table("profiles")
    if table is None or TAGS not in table.column_names:
        return nothing, nothing, []
    user_B = pc.index_in(table[USER_ID].cast(pa.string()), value_set=snapshot.user_ids)
    tags = table[TAGS].combine_chunks()
    place_B, tags = _flat(tags)
    if separators:
        split = pc.split_pattern_regex(tags.cast(pa.string()), f"[{re.escape(separators)}]")
        outer_B, tags = place_B, split
        place_B, tags = _flat(tags)
        place_B = outer_B[place_B]
    tags = pc.utf8_trim_whitespace(tags.cast(pa.string()))
    keep_B = pc.fill_null(pc.not_equal(tags, ""), False)
    user_T = user_B.to_numpy().astype(np.int64)[place_B[keep_B.to_numpy(zero_copy_only=False)]]
    encoded = tags.filter(keep_B).dictionary_encode()
    folded = [tag.casefold() for tag in encoded.dictionary.to_pylist()]
    distinct = sorted(set(folded))
    number = {tag: i for i, tag in enumerate(distinct)}
    number_of_code = np.array([number[tag] for tag in folded], np.int64)
    return user_T, number_of_code[encoded.indices.to_numpy()], distinct


def _flat(values: pa.Array) -> tuple[Rows, pa.Array]:
    """Return the place of each value and the values; lists are opened."""
    if not pa.types.is_list(values.type) and not pa.types.is_large_list(values.type):
        return np.arange(len(values), dtype=np.int64), values
    place = pc.list_parent_indices(values).to_numpy().astype(np.int64)
    return place, pc.list_flatten(values)
