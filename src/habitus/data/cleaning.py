"""Cleaning: what a platform put into a post, and the words of others, go before it is segmented.

The paper cleans "by regular expressions" and gives none (PASUM P1); these are those of A-P2. Every
expression takes time linear in the text: one post may hold a million characters.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from habitus.config import Config
from habitus.data.scripts import marks
from habitus.errors import UsageError
from habitus.registry import did_you_mean

PHRASES: Final = (
    "转发微博", "轉發微博", "分享图片", "分享圖片", "分享视频", "分享視頻", "发布了头条文章",
    "我在这里:", "我在这里：", "网页链接", "查看图片", "展开全文", "收起全文", "的微博视频",
    "的秒拍视频", "[deleted]", "[removed]",
)  # fmt: skip
"""What platforms write into posts, wherever it stands."""
WHOLE_POSTS: Final = ("repost", "reposted", "转发", "轉發", "retweet", "rt", "via", "quote")
"""Words that no one wrote where they are the whole post; within a post they are words."""


class Rule(NamedTuple):
    """One thing to remove."""

    name: str
    triggers: tuple[str, ...]
    """The pattern is tried where one of them occurs; without any, in all text beyond ASCII."""
    pattern: re.Pattern[str]
    replacement: str | Callable[[re.Match[str]], str] = " "


RULES: Final = (
    Rule("invisible", (), re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"), ""),
    Rule(
        "entity",
        ("&",),
        re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"),
        lambda found: html.unescape(found[0]),
    ),
    Rule("tag", ("<",), re.compile(r"</?[A-Za-z!][^<>]*+>")),
    Rule(
        "url",
        ("://", "www.", "WWW.", "t.cn/", "t.co/", "pic.twitter.com/"),
        re.compile(
            r"(?:(?:https?|ftp)://|www\.|(?<![a-z0-9])(?:t\.cn|t\.co|pic\.twitter\.com)/)"
            r"[!#-;=?-~]+",
            re.IGNORECASE,
        ),
    ),
    # What follows //@x: was written by x, and x is whom the user follows.
    Rule("repost_chain", ("//@", "// @", "//＠"), re.compile(r"//\s?[@＠]\S.*", re.DOTALL)),
    Rule(
        "email",
        ("@",),
        re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+", re.ASCII),
    ),
    Rule(
        "mention",
        ("@", "＠", "u/"),
        re.compile(r"(?:(?:回复|回覆|\bRT)\s?)?[@＠][\w·-]{1,30}|(?<![\w/])/?u/[\w-]{3,20}"),
    ),
    Rule("community", ("超",), re.compile(r"\[超话\]|\[超話\]|(?:超话|超話|超级话题)(?=[#＃])")),
    Rule("hashtag", ("#", "＃"), re.compile("[#＃]")),
    Rule("boilerplate", PHRASES, re.compile("|".join(map(re.escape, PHRASES)))),
    Rule("emoticon", ("[",), re.compile(r"\[[^\[\]\s]{1,8}\]")),
)
"""In the order in which they are applied; ``whole_post``, ``width`` and ``leak`` follow."""
NAMES: Final = (*(rule.name for rule in RULES), "whole_post", "width", "leak")

_WHOLE = re.compile(rf"\W*(?:{'|'.join(WHOLE_POSTS)})\W*", re.IGNORECASE)
_LONGEST_WHOLE = 24
_PUNCTUATION = tuple(zip("，！？：；（）", ",!?:;()", strict=True))
_LONG = 4096
"""Characters above which a text is searched for endless accents before it is normalised."""


@dataclass(frozen=True, kw_only=True)
class CleaningConfig(Config):
    """Which rules clean a post.

    ==============  ==============================================================================
    invisible       zero-width characters, soft hyphens, marks of writing direction
    entity          ``&amp;`` becomes ``&``
    tag             ``<br/>``
    url             links, short ones too
    repost_chain    from ``//@x:`` to the end: the words of others
    email           ``a@b.com``
    mention         ``@x``, ``回复@x``, ``RT @x``, ``/u/x``
    community       超话 in a hashtag, so that the name of the label is not in the text
    hashtag         the sign; the words stay
    boilerplate     转发微博, 网页链接, ``[deleted]`` and the like
    emoticon        ``[哈哈]``, ``[doge]``: up to 8 characters in brackets
    whole_post      a post that is but ``Repost``, 转发, ``RT``
    width           ``ＡＢＣ`` becomes ``ABC`` (NFKC); counted per post, but for punctuation
    leak            the words of :attr:`leaks`
    ==============  ==============================================================================
    """

    off: tuple[str, ...] = ()
    """Names of rules that are left out."""
    leaks: tuple[str, ...] = ()
    """Words that give a task's answer away, removed wherever they stand (A-P2), such as the names
    of the parties where the party is asked for. In scripts with spaces only whole words."""

    def __post_init__(self) -> None:
        for name in self.off:
            if name not in NAMES:
                raise UsageError(f"no cleaning rule {name!r}; {did_you_mean(name, NAMES)}")
        if not all(word.strip() for word in self.leaks):
            raise UsageError("leaks has an empty word: leave it out")


def clean(texts: Sequence[str], config: CleaningConfig) -> tuple[list[str], dict[str, int]]:
    """Return the texts cleaned, and how often each rule that is on found something."""
    rules = tuple(rule for rule in RULES if rule.name not in config.off)
    counts = {name: 0 for name in NAMES if name not in config.off}
    leak = _leak_pattern(config.leaks) if config.leaks and "leak" in counts else None
    whole, width = "whole_post" in counts, "width" in counts
    cleaned = []
    for text in texts:
        left = _apply(rules, text, counts)
        if whole and len(left) <= _LONGEST_WHOLE and _WHOLE.fullmatch(left):
            counts["whole_post"] += 1
            left = ""
        if width and not left.isascii():
            left, changed = _fold_width(left)
            counts["width"] += changed
        if leak is not None:
            left, found = leak.subn(" ", left)
            counts["leak"] += found
        cleaned.append(left)
    return cleaned, counts


def _apply(rules: tuple[Rule, ...], text: str, counts: dict[str, int]) -> str:
    for name, triggers, pattern, replacement in rules:
        if triggers:
            for trigger in triggers:
                if trigger in text:
                    break
            else:
                continue
        elif text.isascii():
            continue
        text, found = pattern.subn(replacement, text)
        counts[name] += found
    return text


def _fold_width(text: str) -> tuple[str, bool]:
    """Return the text normalised, and whether more than its punctuation was changed."""
    # Most Chinese posts differ from their normal form in these alone; to find that out is quick.
    for wide, narrow in _PUNCTUATION:
        text = text.replace(wide, narrow)
    # NFKC sorts the accents on one letter, in time that grows with the square of their number.
    if len(text) > _LONG:
        text = _endless_marks().sub(r"\1", text)
    folded = unicodedata.normalize("NFKC", text)
    return folded, folded != text


@cache
def _endless_marks() -> re.Pattern[str]:
    return re.compile(f"([{marks()}]{{30}})[{marks()}]++")


@cache
def _leak_pattern(leaks: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern of any leak, the longest first, so that no part of one is left over."""
    words = [unicodedata.normalize("NFKC", word.strip()) for word in leaks]
    return re.compile("|".join(map(_bounded, sorted(words, key=len, reverse=True))), re.IGNORECASE)


def _bounded(word: str) -> str:
    before = r"(?<![A-Za-z0-9])" if word[0].isascii() and word[0].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if word[-1].isascii() and word[-1].isalnum() else ""
    return before + re.escape(word) + after
