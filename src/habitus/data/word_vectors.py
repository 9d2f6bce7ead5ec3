"""Word vectors: read from a file, or made here from the posts; and for words that have none.

The paper's are those of Li et al. 2018, which were trained on Weibo (PASUM P6). Files are read row
by row, and only the rows of wanted words stay in memory.

Shapes: W words of a vocabulary, D width, P posts, T tokens.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import coo_array, csr_array

from habitus.data.tokens import Tokens
from habitus.errors import DataError, GuardError
from habitus.random import derive_seed, numpy_generator

Vectors = npt.NDArray[np.float32]

_FASTTEXT_MAGIC = struct.pack("<i", 793712314)
_BLOCK = 2**20
_LONGEST_ROW = 2**20
_SMOOTHING = 0.75
_AT_ONCE = 2**20
"""Tokens whose pairs are in memory at once."""
_PAIRS_AT_ONCE = 2**22
"""Pairs whose PMI is computed at once."""


class WordVectors(NamedTuple):
    """Vectors of the words of a vocabulary, as far as they have one."""

    vectors_WD: Vectors
    """0 for a word that has none."""
    known_W: npt.NDArray[np.bool_]
    """Whether a word has one."""


def load_word_vectors(path: str | Path, words: Sequence[str] | pa.StringArray) -> WordVectors:
    """Return the vectors of ``words`` from a file.

    word2vec as text or binary, the ``.vec`` of fastText, GloVe (which has no header); each may be
    gzipped. Which it is, the first bytes say. A word that is not in the file as it is written takes
    the first vector whose word differs in case only.

    Args:
        path: the file.
        words: a vocabulary, ``(W)``.

    Raises:
        DataError: there is no such file, it is of another kind, is cut off or damaged (with the
            row), or knows none of the words.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path} is no file: give a file of word vectors")
    wanted = _as_list(words)
    try:
        with _open(path) as file:
            return _read(path, file, wanted)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is cut off or no gzip file ({error}): get it again") from error


def match_word_vectors(
    names: Sequence[str] | pa.StringArray, table_ND: Vectors, words: Sequence[str] | pa.StringArray
) -> WordVectors:
    """Return the vectors of ``words`` from a table, such as one mapped from an ``.npy`` file.

    Args:
        names: the word of each row of the table, ``(N)``.
        table_ND: the vectors.
        words: a vocabulary, ``(W)``.

    Raises:
        DataError: names and rows differ in number, a number is not finite, or no word is known.
    """
    names = _as_list(names)
    if len(names) != len(table_ND):
        raise DataError(f"{len(names)} words were given for {len(table_ND)} vectors")
    found = _Found("the table of word vectors", _as_list(words), table_ND.shape[1])
    for row, name in enumerate(names):
        place = found.place(name)
        if place is not None:
            found.put(place, table_ND[row], row)
    return found.result()


def complete(
    vectors_WD: Vectors,
    known_W: npt.NDArray[np.bool_],
    words: Sequence[str] | pa.StringArray,
    seed: int,
) -> Vectors:
    """Return the vectors with N(0, σ²) draws for unknown words (A-P8).

    σ is the standard deviation of all numbers of the known vectors; without any, it is 1/√D. A
    draw depends on the seed and the word alone, not on its place.
    """
    whole_WD = vectors_WD.astype(np.float32)
    width = vectors_WD.shape[1]
    sigma = float(vectors_WD[known_W].std()) if known_W.any() else width**-0.5
    words = _as_list(words)
    for place in np.flatnonzero(~known_W):
        draw_D = numpy_generator(seed, "word vector", words[place]).standard_normal(width)
        whole_WD[place] = sigma * draw_D
    return whole_WD


class _Found:
    """The vectors that are wanted so far; a better match of a word takes the place of a worse."""

    def __init__(self, source: Path | str, words: list[str], width: int) -> None:
        self.vectors_WD = np.zeros((len(words), width), np.float32)
        self._source = source
        self._place_of = {word: place for place, word in enumerate(words)}
        self._folded = {word.casefold(): place for word, place in self._place_of.items()}
        # 1: found but for its case; 2: found as it is written.
        self._match_W = np.zeros(len(words), np.uint8)

    def place(self, word: str) -> int | None:
        """Return where the vector of a word of the file goes, if it is wanted."""
        place, match = self._place_of.get(word), 2
        if place is None:
            place, match = self._folded.get(word.casefold()), 1
        if place is None or self._match_W[place] >= match:
            return None
        self._match_W[place] = match
        return place

    def put(self, place: int, vector_D: npt.NDArray[np.generic], row: int) -> None:
        """Keep a vector."""
        if not np.isfinite(vector_D).all():
            raise DataError(f"{self._source}, row {row}: a number is not finite")
        self.vectors_WD[place] = vector_D

    def result(self) -> WordVectors:
        """Return what was found; raise where that is nothing."""
        if not self._match_W.any():
            raise DataError(
                f"{self._source} knows none of the {len(self._match_W)} words: is it of another "
                f"language, or of other characters (simplified, traditional)?"
            )
        return WordVectors(self.vectors_WD, self._match_W > 0)


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] == b"\x1f\x8b":
        return io.BufferedReader(cast("io.RawIOBase", gzip.open(path, "rb")), _BLOCK)
    if start[:2] == b"PK":
        raise DataError(f"{path} is a zip archive: unpack it, and give the file of vectors in it")
    if start == _FASTTEXT_MAGIC:
        raise DataError(f"{path} is a model of fastText: give its .vec file")
    return path.open("rb", _BLOCK)


def _read(path: Path, file: BinaryIO, words: list[str]) -> WordVectors:
    first = file.readline(_BLOCK).split()
    if len(first) == 2 and all(part.isdigit() for part in first):
        num_rows, width = int(first[0]), int(first[1])
        found = _Found(path, words, max(1, width))
        if _is_text(cast("io.BufferedReader", file).peek(_BLOCK), width):
            _read_text(path, file, found, 2, num_rows)
        else:
            _read_binary(path, file, found, num_rows)
        return found.result()
    if len(first) < 2 or not _are_numbers(b" ".join(first[1:])):
        raise DataError(
            f"{path}, row 1: these are no word vectors; a row is a word and its numbers, or the "
            f"first says how many rows and numbers there are (word2vec, fastText .vec, GloVe)"
        )
    file.seek(0)
    found = _Found(path, words, len(first) - 1)
    _read_text(path, file, found, 1, None)
    return found.result()


def _is_text(start: bytes, width: int) -> bool:
    """Return whether the first row is a word and numbers that can be read."""
    row, end, _ = start.lstrip(b"\r\n").partition(b"\n")
    numbers = row.partition(b" ")[2]
    return _are_numbers(numbers) and (not end or len(numbers.split()) >= width)


def _are_numbers(text: bytes) -> bool:
    return not text.strip(b"0123456789+-.eEnaif \t\r")


def _read_text(
    path: Path, file: BinaryIO, found: _Found, first_row: int, num_rows: int | None
) -> None:
    width, seen = found.vectors_WD.shape[1], 0
    for row, line in enumerate(file, first_row):
        line = line.rstrip()
        if not line:
            continue
        seen += 1
        numbers = line.count(b" ")
        if numbers < width:
            raise DataError(f"{path}, row {row}: a word and {numbers} numbers, not {width}")
        # GloVe has words with spaces inside.
        end = line.find(b" ") if numbers == width else len(line.rsplit(b" ", width)[0])
        place = found.place(line[:end].decode(errors="replace"))
        if place is None:
            continue
        try:
            vector_D = np.array([float(x) for x in line[end:].split()], np.float64)
            found.put(place, vector_D, row)
        except ValueError as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{path}, row {row}: {error}") from error
    if num_rows is not None and seen != num_rows:
        raise DataError(
            f"{path} has {seen} rows, its first line says {num_rows}: it is cut off or damaged; "
            f"get it again"
        )


def _read_binary(path: Path, file: BinaryIO, found: _Found, num_rows: int) -> None:
    width = found.vectors_WD.shape[1]
    data, start = b"", 0
    for row in range(1, num_rows + 1):
        space = data.find(b" ", start)
        while space < 0 or space + 1 + 4 * width > len(data):
            more = file.read(_BLOCK)
            if not more or len(data) - start > _LONGEST_ROW + 4 * width:
                raise DataError(
                    f"{path}, row {row} of {num_rows}: it is cut off or damaged; get it again"
                )
            data, start = data[start:] + more, 0
            space = data.find(b" ")
        place = found.place(data[start:space].strip().decode(errors="replace"))
        if place is not None:
            found.put(place, np.frombuffer(data, "<f4", width, space + 1), row)
        start = space + 1 + 4 * width
    if data[start:].strip() or file.read(_BLOCK).strip():
        raise DataError(f"{path} goes on after the {num_rows} rows of its first line: get it again")


def fit_ppmi_svd(
    tokens: Tokens | Iterable[Tokens], num_words: int, dim: int, window: int, seed: int
) -> WordVectors:
    """Return vectors from the co-occurrence of words in posts; no file is needed.

    Levy, Goldberg and Dagan 2015: positive pointwise mutual information, the counts of contexts to
    the power of .75, and the left singular vectors times the roots of the singular values.

    Args:
        tokens: posts of the training snapshot, all at once or some users at a time, which needs
            less memory and gives the same; ids are places in a vocabulary.
        num_words: size of the vocabulary, ``W``.
        dim: width, ``D``; columns beyond the rank are 0.
        window: words on each side that are the context of a word, within its post.
        seed: of the random projection.

    Raises:
        GuardError: no two words stand in one post.
    """
    from sklearn.utils.extmath import randomized_svd

    together_WW = count_together(tokens, num_words, window)
    if not together_WW.nnz:
        raise GuardError("no post has two known words: there is nothing to make word vectors of")
    count_W = _turn_to_ppmi(together_WW)
    left_WD, size_D, _ = randomized_svd(
        together_WW,
        min(dim, num_words),
        random_state=derive_seed(seed, "ppmi") % 2**32,
    )
    vectors_WD = np.zeros((num_words, dim), np.float32)
    vectors_WD[:, : len(size_D)] = left_WD * np.sqrt(size_D)
    return WordVectors(vectors_WD, count_W > 0)


def _turn_to_ppmi(together_WW: csr_array) -> npt.NDArray[np.float64]:
    """Put positive PMI in the place of counts, and return the count of each word, ``(W)``.

    In place and some rows at a time: a copy of all pairs would be most of the memory.
    """
    ptr_W1, data_N = together_WW.indptr, together_WW.data
    count_W = np.add.reduceat(np.append(data_N, 0), ptr_W1[:-1], dtype=np.float64)
    count_W[np.diff(ptr_W1) == 0] = 0
    context_W = count_W**_SMOOTHING / (count_W**_SMOOTHING).sum()
    cuts = np.searchsorted(ptr_W1[:-1], np.arange(0, len(data_N), _PAIRS_AT_ONCE))
    for first, stop in pairwise(np.unique([0, *cuts, len(ptr_W1) - 1])):
        part = slice(ptr_W1[first], ptr_W1[stop])
        expected = np.repeat(count_W[first:stop], np.diff(ptr_W1[first : stop + 1]))
        expected *= context_W[together_WW.indices[part]]
        data_N[part] = np.maximum(np.log(data_N[part] / expected), 0)
    together_WW.eliminate_zeros()
    return count_W


def count_together(tokens: Tokens | Iterable[Tokens], num_words: int, window: int) -> csr_array:
    """Return how often each word stands near each other one, ``(W, W)``, symmetric.

    Two tokens of a post count, in both directions, if they are at most ``window`` apart. Memory is
    that of one piece of the posts and of the pairs of words.
    """
    # Whole numbers below 2²⁴ are exact in 32 bits, and pairs are many: memory is theirs.
    total_WW = csr_array((num_words, num_words), dtype=np.float32)
    for some in [tokens] if isinstance(tokens, Tokens) else tokens:
        for start in range(0, len(some.id_T), _AT_ONCE):
            total_WW = total_WW + _pairs_from(some, start, num_words, window)
    return csr_array(total_WW + total_WW.T)


def _pairs_from(tokens: Tokens, start: int, num_words: int, window: int) -> csr_array:
    """Return the pairs of a piece of the tokens, the earlier word first, ``(W, W)``."""
    # The later token may stand beyond the piece.
    stop = min(start + _AT_ONCE + window, len(tokens.id_T))
    id_T = tokens.id_T[start:stop]
    post_T = np.searchsorted(tokens.post_ptr_P1, np.arange(start, stop), side="right")
    pairs = []
    for apart in range(1, window + 1):
        length = max(0, min(_AT_ONCE, len(id_T) - apart))
        same_T = post_T[:length] == post_T[apart : apart + length]
        pairs.append((id_T[:length][same_T], id_T[apart : apart + length][same_T]))
    row, column = (np.concatenate(side) for side in zip(*pairs, strict=True))
    ones = np.ones(len(row), np.float32)
    return coo_array((ones, (row, column)), shape=(num_words, num_words)).tocsr()


def _as_list(words: Sequence[str] | pa.StringArray) -> list[str]:
    return words.to_pylist() if isinstance(words, pa.StringArray) else list(words)
