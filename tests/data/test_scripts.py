"""Every character class against the Unicode database."""

import re
import unicodedata

import pytest

from habitus.data.scripts import EMOJI, HAN, HIRAGANA, KATAKANA, letters, marks


def which(char: str) -> set[str]:
    classes = {
        "han": HAN,
        "hiragana": HIRAGANA,
        "katakana": KATAKANA,
        "letter": letters(),
        "mark": marks(),
        "emoji": EMOJI,
    }
    return {name for name, ranges in classes.items() if re.fullmatch(f"[{ranges}]", char)}


@pytest.mark.parametrize(
    ("chars", "expected"),
    [
        ("中𠀀々〇豈㐀", {"han"}),
        ("のぁ", {"hiragana"}),
        ("テー", {"katakana"}),
        ("aZ9éßжשعहกㄅ한٣𐎠𝐀", {"letter"}),
        ("\u0301\u093f\u0e31", {"mark"}),
        ("😀❤⭐☺", {"emoji"}),
        (" .-_#@'\n・。，\u200d\ufe0f$€", set()),
    ],
)
def test_each_character_is_of_one_class(chars: str, expected: set[str]) -> None:
    assert [(char, which(char)) for char in chars] == [(char, expected) for char in chars]


def test_every_letter_and_digit_of_the_first_plane_is_of_a_class() -> None:
    ranges = re.compile(f"[{letters()}{HAN}{HIRAGANA}{KATAKANA}]")
    wanted = {c for c in map(chr, range(0x10000)) if unicodedata.category(c)[0] in "LN"}
    missing = {c for c in wanted if not ranges.match(c)}
    # Numbers that are written as signs of lists, such as ㆒, are letters to us too.
    assert not missing
