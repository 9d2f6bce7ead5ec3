"""Every column name, once."""

from __future__ import annotations

from typing import Final, Literal, get_args

USER_ID: Final = "user_id"
TIME: Final = "time"
SERVICE: Final = "service"
KIND: Final = "kind"
ITEM_ID: Final = "item_id"
TEXT: Final = "text"
FOLLOWS_ID: Final = "follows_id"
TAGS: Final = "tags"
TASK: Final = "task"
VALUE: Final = "value"

TableName = Literal["events", "items", "follows", "profiles", "labels"]
"""The five tables of the open schema."""
TABLES: Final[tuple[TableName, ...]] = get_args(TableName)

ChannelKind = Literal["category", "id", "dense", "text"]
"""category: few values; id: many; dense: a number; text: any string, kept whole."""
CHANNEL_KINDS: Final[tuple[ChannelKind, ...]] = get_args(ChannelKind)

TimeUnit = Literal["second", "order"]
"""second: seconds since 1970-01-01 UTC; order: a position within the user."""

REQUIRED: Final[dict[TableName, tuple[str, ...]]] = {
    "events": (USER_ID, TIME),
    "items": (ITEM_ID,),
    "follows": (USER_ID, FOLLOWS_ID),
    "profiles": (USER_ID,),
    "labels": (TASK, USER_ID, TIME, VALUE),
}
"""The columns without which a table means nothing."""

DEFAULT_KINDS: Final[dict[str, ChannelKind]] = {
    SERVICE: "category",
    KIND: "category",
    ITEM_ID: "id",
    TEXT: "text",
}
"""What the named event columns are, unless the mapping says otherwise."""
