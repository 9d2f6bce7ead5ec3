"""Posts: which texts a user wrote, or bought, before the cutoff.

A post is one event with text. Where events point at items with text, as purchases do, all events
of a user at one time are one post, a basket, whose text is that of the items in order.

Shapes: U users of a snapshot, P posts, D documents (the text of one event or of one item).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from habitus.config import Config
from habitus.errors import UsageError

Part = Literal["all", "first", "second"]


@dataclass(frozen=True, kw_only=True)
class PostsConfig(Config):
    """Which posts of a user to read."""

    text: str = "auto"
    """A text channel of the events; ``item``: the text of the item that an event points at;
    ``auto``: the channel ``text`` where there is one, else ``item``."""
    max_posts: int | None = None
    """Latest posts of a user that are read; None for all."""
    part: Part = "all"
    """One half of the posts, for tasks whose question is answered by the other half."""
    part_by: str | None = None
    """Category or ID channel whose value decides the half, such as a discussion: posts of one value
    are in one half, for all users. None: a user's posts in turn."""
    part_seed: int = 0
    """Another number, other halves."""

    def __post_init__(self) -> None:
        if self.max_posts is not None and self.max_posts < 1:
            raise UsageError(f"max_posts must be at least 1, or None, got {self.max_posts}")
