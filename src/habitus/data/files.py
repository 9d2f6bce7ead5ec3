"""Files at the door: which format a name promises, and whether the first bytes keep the promise."""

from __future__ import annotations

import codecs
import csv
import errno
import gzip
import io
from pathlib import Path
from typing import IO, Final, cast

from habitus.errors import DataError

CSV: Final = "csv"
JSONL: Final = "jsonl"
PARQUET: Final = "parquet"
SUFFIXES: Final = {
    ".csv": CSV,
    ".tsv": CSV,
    ".jsonl": JSONL,
    ".ndjson": JSONL,
    ".parquet": PARQUET,
    ".pq": PARQUET,
}
SEPARATORS: Final = ",;\t|"
BLOCK: Final = 4 * 2**20


def format_of(path: Path) -> str | None:
    """Return the format that a file's name promises; CSV may be gzipped.

    >>> format_of(Path("a.csv.gz")), format_of(Path("a.ndjson")), format_of(Path("a.png"))
    ('csv', 'jsonl', None)
    """
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        return CSV if suffixes[-2:-1] in ([".csv"], [".tsv"]) else None
    return SUFFIXES.get(suffixes[-1]) if suffixes else None


def check_text(path: Path) -> bool:
    """Return whether a text file is UTF-8 from end to end.

    Raises:
        DataError: it is no text at all: it holds zero bytes, or is cut off inside its archive.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    valid, first = True, True
    try:
        with _open(path) as file:
            while block := file.read(BLOCK):
                _check_block(path, block, first=first)
                first = False
                if valid:
                    valid = _decodes(decoder, block)
    except (EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is cut off or no gzip file ({error}): get it again") from error
    return valid and _decodes(decoder, b"", final=True)


def separator_of(path: Path) -> tuple[str, list[str]]:
    """Return the separator of a CSV file, the likeliest in its first line, and its columns."""
    with _open(path) as file:
        line = file.readline(2**20).decode("utf-8-sig", errors="replace").rstrip("\r\n")
    separator = max(SEPARATORS, key=lambda s: (line.count(s), -SEPARATORS.index(s)))
    return separator, next(csv.reader([line], delimiter=separator), [])


def estimate_rows(path: Path) -> int:
    """Return about how many lines a plain text file has, from its first megabyte; 0 if unknown."""
    if path.suffix.lower() == ".gz":
        return 0
    with path.open("rb") as file:
        block = file.read(2**20)
    return path.stat().st_size * block.count(b"\n") // max(1, len(block))


def lines_of(path: Path) -> io.TextIOWrapper:
    """Open a text file for reading line by line, bad bytes replaced."""
    return io.TextIOWrapper(cast("io.BufferedReader", _open(path)), "utf-8-sig", errors="replace")


def _open(path: Path) -> IO[bytes]:
    if path.suffix.lower() == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def _check_block(path: Path, block: bytes, *, first: bool) -> None:
    if first and block[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{path} is UTF-16: save it as UTF-8")
    if b"\0" in block:
        raise DataError(
            f"{path} is no text file: it holds zero bytes; it is damaged, or of another format "
            f"than its name says"
        )


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error says that no space is left, whichever library raised it."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return "no space left" in str(error).lower()
