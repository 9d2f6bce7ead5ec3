"""Each rule by hand, in time that grows with the text and no faster."""

import re
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.cleaning import NAMES, CleaningConfig, clean
from habitus.errors import UsageError


def one(text: str, **config: Any) -> tuple[str, dict[str, int]]:
    """Return a text cleaned, spaces put together, and the rules that found something."""
    (left,), counts = clean([text], CleaningConfig(**config))
    return re.sub(r"\s+", " ", left).strip(), {n: c for n, c in counts.items() if c}


CASES = [
    ("invisible", "zero\u200bwidth\ufeff", "zerowidth"),
    ("entity", "fish &amp; chips", "fish & chips"),
    ("entity", "&#20013;&#x56fd;", "中国"),
    ("tag", 'a<br/>b <a href="/x">c</a', "a b c</a"),
    ("url", "see http://t.cn/A6x?q=1#z now", "see now"),
    ("url", "看https://weibo.com/a/b，好看", "看 ,好看"),
    ("url", "go to www.example.org/a. now", "go to now"),
    ("url", "short t.co/Ab1 and pic.twitter.com/xyz", "short and"),
    ("repost_chain", "说得好//@张三:我不同意//@李四:我同意", "说得好"),
    ("email", "write to a.b+c@example.com please", "write to please"),
    ("mention", "hi @some_user, hi", "hi , hi"),
    ("mention", "回复@张三:好的", ":好的"),
    ("mention", "RT @x: text", ": text"),
    ("mention", "thanks /u/name_1 and u/other", "thanks and"),
    ("hashtag", "#今天# #Weather", "今天 Weather"),
    ("boilerplate", "转发微博 好", "好"),
    ("boilerplate", "[deleted]", ""),
    ("emoticon", "好[哈哈][doge]笑", "好 笑"),
    ("whole_post", " Repost. ", ""),
    ("whole_post", "转发", ""),
    ("width", "ＡＢＣ１２", "ABC12"),
]


@pytest.mark.parametrize(("rule", "text", "expected"), CASES)
def test_a_rule_removes_what_it_names(rule: str, text: str, expected: str) -> None:
    left, found = one(text)
    assert left == expected
    assert rule in found


@pytest.mark.parametrize(("rule", "text"), [case[:2] for case in CASES])
def test_a_rule_that_is_off_removes_nothing(rule: str, text: str) -> None:
    _, counts = clean([text], CleaningConfig(off=(rule,)))
    assert rule not in counts
    rest = tuple(name for name in NAMES if name != rule)
    (left,), _ = clean([text], CleaningConfig(off=NAMES))
    assert left == text
    # Alone it does its part.
    (left,), counts = clean([text], CleaningConfig(off=rest))
    assert left != text
    assert counts[rule] >= 1
    assert list(counts) == [rule]


@pytest.mark.parametrize(
    "text",
    [
        "a < b and c > d",
        "rt is a word here",
        "I repost often",
        "it costs 3 // no, 4",
        "C++ & Java",
        "you/me",
        "[a longer remark in brackets]",
    ],
)
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert one(text) == (text, {})


def test_hashtags_keep_their_words_and_lose_the_mark_of_a_community() -> None:
    assert one("#王菲[超话]# 好听") == ("王菲 好听", {"community": 1, "hashtag": 2})
    assert one("#王菲超话# 好听")[0] == "王菲 好听"
    # As words outside a hashtag they are words.
    assert one("我喜欢超话")[0] == "我喜欢超话"


def test_rules_meet_in_the_order_that_each_needs() -> None:
    # A mention hidden in an entity, a link in a tag, a name split by a zero-width character.
    assert one("&#64;name x")[0] == "x"
    assert one("<a href='http://a.b/c'>x</a>")[0] == "x"
    assert one("@na\u200bme x")[0] == "x"
    # What the reposted user links is his, and the name of a mail address is no mention.
    assert one("好//@x:看 http://t.cn/a") == ("好", {"url": 1, "repost_chain": 1})
    assert "mention" not in one("a@b.com")[1]
    assert one("Repost http://t.cn/abc") == ("", {"url": 1, "whole_post": 1})


def test_counts_are_summed_over_texts_and_name_every_rule_that_is_on() -> None:
    texts, counts = clean(["@a @b", "x", "@c #t"], CleaningConfig(off=("width",)))
    assert [t.split() for t in texts] == [[], ["x"], ["t"]]
    # Three mentions and a hashtag sign.
    assert counts == {n: 0 for n in NAMES if n != "width"} | {"mention": 3, "hashtag": 1}


def test_leaks_are_removed_whole_the_longest_first() -> None:
    leaks = ("国民", "国民党", "KMT", "green")
    assert one("国民党和国民", leaks=leaks) == ("和", {"leak": 2})
    assert one("支持KMT的 kmt KMTX greens Green", leaks=leaks)[0] == "支持 的 KMTX greens"
    # Wide forms are the same word.
    assert one("ＫＭＴ x", leaks=leaks)[0] == "x"
    assert one("ab", leaks=("c++", "a.b"))[0] == "ab"
    assert one("KMT", leaks=leaks, off=("leak",))[0] == "KMT"


def test_unknown_rules_and_empty_leaks_are_refused() -> None:
    with pytest.raises(UsageError, match="no cleaning rule 'urls'; did you mean 'url'"):
        CleaningConfig(off=("urls",))
    with pytest.raises(UsageError, match="empty word"):
        CleaningConfig(leaks=("a", " "))


def test_wide_punctuation_is_folded_but_not_counted() -> None:
    assert one("你好，世界！") == ("你好,世界!", {})
    assert one("a\u0301") == ("á", {"width": 1})


@given(st.text())
def test_any_text_is_cleaned_and_what_is_left_is_normal(text: str) -> None:
    (left,), counts = clean([text], CleaningConfig())
    assert len(counts) == len(NAMES)
    assert left.isascii() or unicodedata.is_normalized("NFKC", left)


HOSTILE = [
    "a", "中", "@", "@a", "//", "//@", "#", "[", "[a", "<", "<a", "<a ", "&", "&a", "&#1", "http://",
    "www.", "a@", "a.a@a.", "@a.", "超话", "\u0301", "\u0315\u0300", "u/", "转发微博", "　", "﷽", "://",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_the_length_of_a_post_and_no_faster(piece: str) -> None:
    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        start = time.process_time()
        clean([text], CleaningConfig())
        return time.process_time() - start

    clean([piece], CleaningConfig())
    # 16 times the text: a square would take 256 times as long.
    assert seconds(1_000_000) < 64 * max(min(seconds(62_500) for _ in range(3)), 0.002)
