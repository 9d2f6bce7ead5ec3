"""Vectors from each kind of file, and none from a damaged one; PPMI by hand and by a dense twin."""

import gzip
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data import word_vectors as module
from habitus.data.tokens import Tokens
from habitus.data.word_vectors import (
    complete,
    count_together,
    fit_ppmi_svd,
    load_word_vectors,
    match_word_vectors,
)
from habitus.errors import DataError, GuardError

TABLE = {"the": [0.5, -1.25], "中国": [1e-3, 2.0], "unwanted": [7.0, 7.0], "cat": [3.0, 4.5]}
WORDS = ["cat", "missing", "中国"]
EXPECTED = [[3.0, 4.5], [0.0, 0.0], [np.float32(1e-3), 2.0]]

Table = Mapping[str, list[float]]


def rows(table: Table) -> str:
    return "".join(f"{w} {' '.join(map(str, v))}\n" for w, v in table.items())


def text(table: Table = TABLE, header: str = "4 2\n") -> bytes:
    return (header + rows(table)).encode()


def no_header(table: Table = TABLE) -> bytes:
    return rows(table).encode()


def fasttext(table: Table = TABLE) -> bytes:
    # A space at the end of each row.
    return text(table).replace(b"\n", b" \n").replace(b"4 2 \n", b"4 2\n")


def binary(table: Table = TABLE, end: bytes = b"\n", header: bytes = b"4 2\n") -> bytes:
    packed = [w.encode() + b" " + struct.pack("<2f", *v) + end for w, v in table.items()]
    return header + b"".join(packed)


def binary_without_ends(table: Table = TABLE) -> bytes:
    return binary(table, b"")


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("kind", [text, no_header, fasttext, binary, binary_without_ends])
def test_each_kind_of_file_is_read(tmp_path: Path, kind: Callable[[], bytes], zipped: bool) -> None:
    data = gzip.compress(kind()) if zipped else kind()
    found = load_word_vectors(write(tmp_path / "vectors", data), WORDS)
    assert found.vectors_WD.tolist() == EXPECTED
    assert found.vectors_WD.dtype == np.float32
    assert found.known_W.tolist() == [True, False, True]
    again = load_word_vectors(str(tmp_path / "vectors"), pa.array(WORDS))
    assert again.vectors_WD.tolist() == EXPECTED


@pytest.mark.parametrize("block", [16, 17, 64])
@pytest.mark.parametrize("kind", [binary, binary_without_ends])
def test_a_binary_file_is_read_across_blocks(
    tmp_path: Path, kind: Callable[[Table], bytes], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BLOCK", block)
    # Spaces and line ends among the bytes of the numbers: 0x20 and 0x0a.
    (number,) = struct.unpack("<f", b"\x0a\x20\x0a\x20")
    table = {"a": [number, number], **TABLE}
    data = kind(table).replace(b"4 2\n", b"5 2\n")
    found = load_word_vectors(write(tmp_path / "v.bin", data), ["a", *WORDS])
    assert found.vectors_WD.tolist() == [[number, number], *EXPECTED]


def test_case_is_bridged_but_the_exact_word_goes_first(tmp_path: Path) -> None:
    table = {"Cat": [1.0, 1.0], "CAT": [2.0, 2.0], "cat": [3.0, 3.0], "cat ": [4.0, 4.0],
             "Dog": [5.0, 5.0], "DOG": [6.0, 6.0]}  # fmt: skip
    found = load_word_vectors(write(tmp_path / "v", no_header(table)), ["cat", "dog"])
    assert found.vectors_WD[:, 0].tolist() == [3.0, 5.0]


def test_glove_has_words_with_spaces(tmp_path: Path) -> None:
    table = {"the": [1.0, 2.0], ". . .": [3.0, 4.0], "cat": [5.0, 6.0]}
    found = load_word_vectors(write(tmp_path / "v", no_header(table)), ["cat", ". . .", "."])
    assert found.vectors_WD.tolist() == [[5.0, 6.0], [3.0, 4.0], [0.0, 0.0]]


def test_only_wanted_rows_are_kept(tmp_path: Path) -> None:
    table: Table = {f"w{i}": [float(i), 0.0] for i in range(20_000)}
    path = write(tmp_path / "v", text(table, "20000 2\n"))
    found = load_word_vectors(path, ["w19999", "w3"])
    assert found.vectors_WD.tolist() == [[19999.0, 0.0], [3.0, 0.0]]


ROW = no_header({"the": [0.5, -1.25]})

DAMAGED = {
    "missing file": (None, "is no file: give a file of word vectors"),
    "empty": (b"", "row 1: these are no word vectors"),
    "prose": (b"Dear reader, this is no file of vectors.\n", "row 1: these are no word vectors"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "row 1: these are no word vectors"),
    "row too short": (ROW + b"cat 1.0\n", "row 2: a word and 1 numbers, not 2"),
    "unwanted row too short": (ROW + b"dog 1.0\n", "row 2: a word and 1 numbers, not 2"),
    "no number": (ROW + b"cat 1.0 1.0.0\n", "row 2: could not convert"),
    "not finite": (ROW + b"cat 1.0 nan\n", "row 2: a number is not finite"),
    "text cut off": (text()[: text().index(b"unwanted")], "has 2 rows, its first line says 4"),
    "first row too short": (b"2 2\ncat 1.0\ndog 1.0\n", "of 2: it is cut off or damaged"),
    "text cut off in a row": (text()[:-4], r"row 5: a word and 1 numbers, not 2"),
    "text too long": (text(header="3 2\n"), "has 4 rows, its first line says 3"),
    "binary cut off": (binary()[:-6], "row 4 of 4: it is cut off or damaged"),
    "binary of fewer rows": (binary(header=b"9 2\n"), "row 5 of 9: it is cut off or damaged"),
    "binary of more rows": (binary(header=b"2 2\n"), "goes on after the 2 rows"),
    "binary not finite": (binary({"cat": [np.nan, 1.0]}, header=b"1 2\n"), "row 1: .*not finite"),
    "gzip cut off": (gzip.compress(text())[:-20], "cut off or no gzip file"),
    "gzip damaged": (gzip.compress(text())[:20] + b"\xff" * 40, "cut off or no gzip file"),
    "zip": (b"PK\x03\x04" + bytes(99), "zip archive: unpack it"),
    "fastText model": (struct.pack("<ii", 793712314, 12) + bytes(99), "give its .vec file"),
    "other words": (no_header({"Hund": [1.0, 2.0]}), "knows none of the 3 words"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_told_with_its_row(tmp_path: Path, case: str) -> None:
    data, told = DAMAGED[case]
    if data is not None:
        write(tmp_path / "v", data)
    with pytest.raises(DataError, match=told):
        load_word_vectors(tmp_path / "v", WORDS)


def test_a_table_in_memory_is_matched_as_a_file_is() -> None:
    table = np.array(list(TABLE.values()), np.float32)
    for names in (list(TABLE), pa.array(list(TABLE))):
        found = match_word_vectors(names, table, WORDS)
        assert found.vectors_WD.tolist() == EXPECTED
        assert found.known_W.tolist() == [True, False, True]
    with pytest.raises(DataError, match="4 words were given for 3 vectors"):
        match_word_vectors(list(TABLE), table[:3], WORDS)
    with pytest.raises(DataError, match="knows none of the 1 words"):
        match_word_vectors(list(TABLE), table, ["x"])
    table[3] = np.inf
    with pytest.raises(DataError, match="row 3: a number is not finite"):
        match_word_vectors(list(TABLE), table, WORDS)


def test_a_file_without_end_of_line_is_whole(tmp_path: Path) -> None:
    found = load_word_vectors(write(tmp_path / "v", text().rstrip()), WORDS)
    assert found.vectors_WD.tolist() == EXPECTED
    blank = load_word_vectors(write(tmp_path / "v", text() + b"\n\n"), WORDS)
    assert blank.vectors_WD.tolist() == EXPECTED


def test_unknown_words_are_drawn_with_the_spread_of_the_known() -> None:
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(600)]
    vectors = rng.normal(0, 3.0, (600, 50)).astype(np.float32)
    known = np.arange(600) < 300
    vectors[~known] = 0
    whole = complete(vectors, known, words, seed=0)
    assert whole.dtype == np.float32
    assert np.array_equal(whole[known], vectors[known])
    # 15,000 draws: the standard error of the deviation is 3 / √30,000 = .02, that of the mean .02.
    assert whole[~known].std() == pytest.approx(vectors[known].std(), abs=0.1)
    assert whole[~known].mean() == pytest.approx(0, abs=0.1)
    assert not vectors[~known].any()


def test_a_draw_depends_on_the_word_and_the_seed_alone() -> None:
    vectors, known = np.array([[1.0, -1.0], [0, 0], [0, 0]], np.float32), np.array([1, 0, 0], bool)
    one = complete(vectors, known, ["a", "x", "y"], 0)
    other = complete(vectors, known, pa.array(["a", "y", "x"]), 0)
    assert one[1].tolist() == other[2].tolist()
    assert one[2].tolist() == other[1].tolist()
    assert one[1].tolist() != one[2].tolist()
    assert complete(vectors, known, ["a", "x", "y"], 1)[1].tolist() != one[1].tolist()


def test_without_any_known_word_vectors_have_about_length_one() -> None:
    whole = complete(
        np.zeros((50, 400), np.float32), np.zeros(50, bool), list(map(str, range(50))), 0
    )
    # Length² is a mean of 400 squares: 1 ± √(2/400).
    assert np.linalg.norm(whole, axis=1) == pytest.approx(1, abs=0.2)


def posts_of(*posts: list[int]) -> Tokens:
    return Tokens(
        np.array([i for post in posts for i in post], np.int32),
        np.cumsum([0, *map(len, posts)]),
        np.array([0, len(posts)]),
        np.arange(len(posts)),
    )


def test_pairs_are_counted_within_the_window_and_the_post() -> None:
    # 0 1 2 in one post, window 1: 01, 12; 2 0 in another: 20. Both directions.
    found = count_together(posts_of([0, 1, 2], [2, 0], []), 3, window=1).toarray()
    assert found.tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    # Window 2 adds 0…2 of the first post; a word beside itself counts in both directions.
    found = count_together(posts_of([0, 1, 2], [1, 1]), 3, window=2).toarray()
    assert found.tolist() == [[0, 1, 1], [1, 2, 1], [1, 1, 0]]


ids = st.lists(st.lists(st.integers(0, 4), max_size=8), min_size=1, max_size=6)


@given(ids, st.integers(1, 9), st.integers(1, 7))
def test_pairs_equal_a_plain_twin(posts: list[list[int]], window: int, at_once: int) -> None:
    expected = np.zeros((5, 5))
    for post in posts:
        for i in range(len(post)):
            for j in range(len(post)):
                expected[post[i], post[j]] += 0 < abs(i - j) <= window
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_AT_ONCE", at_once)
        found = count_together(posts_of(*posts), 5, window).toarray()
    assert found.tolist() == expected.tolist()


@given(ids, st.integers(1, 9), st.integers(1, 7), st.integers(1, 4))
def test_posts_in_buckets_count_as_those_at_once(
    posts: list[list[int]], window: int, at_once: int, posts_at_once: int
) -> None:
    whole = count_together(posts_of(*posts), 5, window).toarray()
    starts = range(0, len(posts), posts_at_once)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_AT_ONCE", at_once)
        buckets = (posts_of(*posts[start : start + posts_at_once]) for start in starts)
        assert count_together(buckets, 5, window).toarray().tolist() == whole.tolist()


def test_vectors_of_buckets_equal_those_at_once() -> None:
    rng = np.random.default_rng(0)
    posts = [rng.integers(0, 30, 12).tolist() for _ in range(90)]
    whole = fit_ppmi_svd(posts_of(*posts), 30, 8, 3, seed=1)
    for size in (1, 7, 90):
        buckets = (posts_of(*posts[start : start + size]) for start in range(0, 90, size))
        found = fit_ppmi_svd(buckets, 30, 8, 3, seed=1)
        assert found.vectors_WD.tobytes() == whole.vectors_WD.tobytes()


@pytest.mark.parametrize("pairs_at_once", [1, 50, 2**22])
def test_ppmi_vectors_equal_those_of_a_dense_twin(
    monkeypatch: pytest.MonkeyPatch, pairs_at_once: int
) -> None:
    monkeypatch.setattr(module, "_PAIRS_AT_ONCE", pairs_at_once)
    rng = np.random.default_rng(0)
    tokens = posts_of(*[rng.choice(30, 12, p=np.arange(1, 31) / 465).tolist() for _ in range(200)])
    together = count_together(tokens, 30, 3).toarray()
    count = together.sum(1)
    context = count**0.75 / (count**0.75).sum()
    with np.errstate(divide="ignore"):
        ppmi = np.maximum(np.log(together / (count[:, None] * context)), 0)
    left, size, _ = np.linalg.svd(ppmi)
    found = fit_ppmi_svd(tokens, 30, 30, 3, seed=0)
    assert found.known_W.all()
    # Columns have no sign; the products of rows do not need one.
    expected = left @ np.diag(size) @ left.T
    np.testing.assert_allclose(found.vectors_WD @ found.vectors_WD.T, expected, atol=1e-3)


def test_words_of_one_topic_are_alike_and_a_run_repeats() -> None:
    rng = np.random.default_rng(0)
    topics = [rng.integers(0, 10, 8).tolist() for _ in range(300)]
    topics += [rng.integers(10, 20, 8).tolist() for _ in range(300)]
    found = fit_ppmi_svd(posts_of(*topics), 21, 4, 5, seed=3)
    # Word 20 stands nowhere.
    assert found.known_W.tolist() == [True] * 20 + [False]
    assert not found.vectors_WD[20].any()
    near = found.vectors_WD[:20] @ found.vectors_WD[:20].T
    same = np.arange(20)[:, None] // 10 == np.arange(20) // 10
    assert near[same].mean() > 10 * abs(near[~same].mean())
    again = fit_ppmi_svd(posts_of(*topics), 21, 4, 5, seed=3)
    assert np.array_equal(found.vectors_WD, again.vectors_WD)


def test_width_beyond_the_number_of_words_is_zero() -> None:
    found = fit_ppmi_svd(posts_of([0, 1, 2], [1, 0]), 3, 8, 5, seed=0)
    assert found.vectors_WD.shape == (3, 8)
    assert not found.vectors_WD[:, 3:].any()


def test_posts_of_single_words_make_no_vectors() -> None:
    with pytest.raises(GuardError, match="no post has two known words"):
        fit_ppmi_svd(posts_of([0], [1], []), 2, 4, 5, seed=0)
