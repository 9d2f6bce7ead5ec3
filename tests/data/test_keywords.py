"""Keywords: the printed ones are there, a file adds to them, and a damaged file is refused."""

from pathlib import Path

import pytest

from habitus.data.keywords import keyword_pattern, match_keywords, read_keywords
from habitus.errors import DataError, UsageError


def test_the_domains_are_the_six_of_the_paper() -> None:
    keywords = read_keywords()
    assert list(keywords) == [
        "sports",
        "age",
        "life",
        "beauty",
        "military affairs",
        "entertainment",
    ]
    # Table 8, whose caption stands below it; "Entertainment: Culture, Media, …" is table 9.
    assert {"basketball", "nba", "cba", "篮球"} <= set(keywords["sports"])
    years = ("70", "80", "90", "00", "85", "95")
    assert set(keywords["age"]) == {year + ending for year in years for ending in ("s", "后")}
    assert {"anime", "star", "actor", "动漫"} <= set(keywords["entertainment"])
    assert "media" not in keywords["entertainment"]


def test_a_file_adds_domains_and_words(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("domains:\n  sports: {de: [Fußball, NBA]}\n  music: {en: [Rock, ' jazz ']}\n")
    both = read_keywords(file)
    assert both["music"] == ("rock", "jazz")
    # "Fußball".casefold() is "fussball"; NBA is there already, and stands once.
    assert both["sports"] == (*read_keywords()["sports"], "fussball")
    assert read_keywords(file, shipped=False) == {
        "sports": ("fussball", "nba"),
        "music": ("rock", "jazz"),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("domains: [", "is no YAML"),
        ("sports: {en: [ball]}", "must hold 'domains:'"),
        ("domains: {}", "must hold 'domains:'"),
        ("[]", "must hold 'domains:'"),
        ("domains: {sports: [ball]}", "domain 'sports' must hold language"),
        ("domains: {sports: {en: []}}", "domain 'sports' must hold language"),
        ("domains: {sports: {en: ['']}}", "none empty"),
        ("domains: {sports: {en: 3}}", "domain 'sports' must hold language"),
        ("domains: {sports: {en: [ball], zh: x}}", "domain 'sports' must hold language"),
        ("domains: {sports: {en: ball}}", "domain 'sports' must hold language"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        read_keywords(file)


def test_a_missing_file_and_no_keywords_at_all(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_keywords(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match="cannot be read"):
        read_keywords(tmp_path / "bytes.yaml")
    with pytest.raises(UsageError, match="give a file"):
        read_keywords(shipped=False)


def test_a_tag_matches_what_it_holds() -> None:
    keywords = {"sports": ("ball", "nba"), "life": ("food",), "none": ("xyz",)}
    pairs = match_keywords(["foodball", "i love nba", "quiet", "food and ball"], keywords)
    # "foodball" is another word (A-P13).
    assert pairs.tolist() == [[1, 0], [3, 0], [3, 1]]
    assert match_keywords([], keywords).shape == (0, 2)
    # A keyword is text, not a pattern.
    assert match_keywords(["c++", "c"], {"code": ("c+",)}).tolist() == [[0, 0]]
    assert match_keywords(["tag"], {"empty": ()}).shape == (0, 2)


@pytest.mark.parametrize(
    ("keyword", "found", "not_found"),
    [
        ("art", ["art", "pop-art", "art's", "the art.", "art_fan", "爱art的人"], ["department"]),
        ("art", ["(art)", "art/music"], ["arts", "smart", "artß", "4art", "art4", "art\u0301"]),
        ("70s", ["the 70s", "70s kid"], ["1970s", "70ss"]),
        ("новости", ["мои новости!"], ["новостийный"]),
        # Han, also beside Latin or digits within one keyword: anywhere.
        ("篮球", ["篮球", "我爱篮球的人", "nba篮球"], ["足球", "篮"]),
        ("90后", ["90后", "1990后出生"], ["80后"]),
        # Words that are not written apart, or bear particles.
        ("서울", ["서울에서"], ["부산"]),
        ("ไทย", ["คนไทยรัก"], ["ลาว"]),
        ("スキー", ["スキー場"], ["スケート"]),
        ("c++", ["c++", "c++11"], ["xc++", "c+"]),
        ("skin care", ["my skin care."], ["skincare", "skin cares"]),
    ],
)
def test_words_are_whole_where_they_are_written_apart(
    keyword: str, found: list[str], not_found: list[str]
) -> None:
    finds = keyword_pattern([keyword])
    assert [text for text in found + not_found if finds.search(text)] == found
    # Among others, the same.
    finds = keyword_pattern(["篮网", keyword, "zzz", "%"])
    assert [text for text in found + not_found if finds.search(text)] == found
