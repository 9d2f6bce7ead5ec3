"""Words of many scripts; the Chinese ones as Jieba gives them."""

import builtins
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.cleaning import CleaningConfig
from habitus.data.segmentation import SegmentationConfig, Segmenter
from habitus.errors import DataError, MissingExtraError, UsageError

SENTENCES = [
    "今天天气真好，我们一起去公园散步吧！",
    "北京大学的学生正在图书馆里认真学习自然语言处理。",
    "他昨天在上海虹桥火车站丢了一个黑色的钱包。",
    "这部电影的剧情非常精彩，演员的表演也很到位。",
    "中国科学院计算技术研究所发布了最新的研究成果",
    "周末打算和朋友去吃火锅，有没有推荐的店？",
    "医生建议她多喝水、早点睡觉，不要熬夜看手机。",
    "小明硕士毕业于中国科学院计算所，后在日本京都大学深造",
    "公司宣布第三季度营业收入同比增长百分之十五",
    "最近压力很大，晚上总是失眠，心情也不好",
    "奥运会冠军在采访中感谢了教练和队友的支持",
    "我觉得这款手机性价比很高，拍照效果也不错",
]


def words(text: str, **config: Any) -> list[str]:
    return Segmenter(SegmentationConfig(**config)).words(text)


@pytest.fixture(scope="module")
def jieba_cut() -> Callable[..., list[str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba

        jieba.setLogLevel(60)
        jieba.initialize()
    found: Callable[..., list[str]] = jieba.lcut
    return found


def is_word(token: str) -> bool:
    return any(char.isalnum() for char in token)


@pytest.mark.parametrize("hmm", [True, False])
def test_chinese_words_are_those_of_jieba(hmm: bool, jieba_cut: Callable[..., list[str]]) -> None:
    for sentence in SENTENCES:
        expected = [w for w in jieba_cut(sentence, HMM=hmm) if is_word(w)]
        assert words(sentence, hmm=hmm) == expected


def test_traditional_characters_and_long_texts_agree_too(
    jieba_cut: Callable[..., list[str]],
) -> None:
    text = "主席、各位同仁，本席認為這個預算應該刪減。" * 50
    found, expected = words(text), [w for w in jieba_cut(text) if is_word(w)]
    same = sum(a == b for a, b in zip(found, expected, strict=False))
    assert same / max(len(found), len(expected)) > 0.99


def test_guessed_words_can_be_switched_off() -> None:
    # 杭研 is in no dictionary; Jieba's own page has this example.
    assert words("他来到了网易杭研大厦") == ["他", "来到", "了", "网易", "杭研", "大厦"]
    assert words("他来到了网易杭研大厦", hmm=False) == [
        "他",
        "来到",
        "了",
        "网易",
        "杭",
        "研",
        "大厦",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's 9 o'clock, ISN’T it?", ["it's", "9", "o'clock", "isn't", "it"]),
        ("'quoted' rock'n'roll '", ["quoted", "rock'n'roll"]),
        ("naïve Straße ЖУК Ωμέγα", ["naïve", "strasse", "жук", "ωμέγα"]),
        ("हिन्दी में लिखो", ["हिन्दी", "में", "लिखो"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("ひらがなとカタカナー", ["ひらがなと", "カタカナー"]),
        ("snake_case e-mail a.b", ["snake", "case", "e", "mail", "a", "b"]),
        ("cafe\u0301", ["café"]),
    ],
)
def test_other_scripts_are_cut_into_unicode_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_scripts_may_be_mixed_in_one_post() -> None:
    assert words("我爱Python编程 và 日本のアニメ 100%！") == [
        *["我", "爱", "python", "编程", "và", "日本", "の", "アニメ", "100"]
    ]
    # No word spans two scripts, and a single Han character is a word.
    assert words("a中b") == ["a", "中", "b"]


def test_case_can_be_kept() -> None:
    assert words("US us", casefold=False) == ["US", "us"]
    assert words("US us") == ["us", "us"]


@pytest.mark.parametrize("text", ["", " \n", "!!!", "😀😂❤️👍🏽👨‍👩‍👧", "http://a.b/c", "\x00\x01"])
def test_posts_without_words_have_none(text: str) -> None:
    assert words(text) == []


def test_emoji_are_words_where_they_are_wanted() -> None:
    assert words("好😀 ok❤️", emoji=True) == ["好", "😀", "ok", "❤"]
    assert words("好😀 ok❤️") == ["好", "ok"]


def test_codes_are_cut_into_pieces() -> None:
    # 150 = 64 + 64 + 22.
    assert [len(w) for w in words("a" * 150)] == [64, 64, 22]
    assert words("abcdef gh", max_chars=4) == ["abcd", "ef", "gh"]
    with pytest.raises(UsageError, match="max_chars must be at least 1, got 0"):
        SegmentationConfig(max_chars=0)


def test_words_come_from_the_clean_text() -> None:
    assert words("@you see http://x.y/z") == ["see"]
    assert words("@you see", cleaning=CleaningConfig(off=("mention",))) == ["you", "see"]


def test_without_the_segmenter_only_chinese_posts_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "rjieba":
            raise ModuleNotFoundError(name)
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "rjieba", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    segmenter = Segmenter()
    assert segmenter.words("no Chinese, 中 is one character") == [
        *["no", "chinese", "中", "is", "one", "character"]
    ]
    with pytest.raises(MissingExtraError, match=r"pip install 'habitus\[zh\]'"):
        segmenter.words("中文")
    assert issubclass(MissingExtraError, UsageError | DataError)


def test_the_config_comes_back_from_a_dictionary() -> None:
    config = SegmentationConfig(cleaning=CleaningConfig(off=("url",), leaks=("x",)), emoji=True)
    assert SegmentationConfig.from_dict(config.to_dict()) == config


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_any_text_has_words_that_are_words(text: str) -> None:
    for word in words(text):
        assert word
        assert not any(char.isspace() for char in word)


@pytest.mark.parametrize("piece", ["a", "a ", "中", "今天天气", "a中", "a'", "a\u0301", "の", "😀"])
def test_a_post_of_a_million_characters_takes_its_share_of_time(piece: str) -> None:
    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        start = time.process_time()
        segmenter.words(text)
        return time.process_time() - start

    segmenter = Segmenter()
    segmenter.words("中文" + piece)
    # 16 times the text: a square would take 256 times as long.
    assert seconds(1_000_000) < 64 * max(min(seconds(62_500) for _ in range(3)), 0.002)
