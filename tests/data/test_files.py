import errno
import gzip
from pathlib import Path

import pytest

from habitus.data.files import (
    BLOCK,
    check_text,
    estimate_rows,
    format_of,
    is_disk_full,
    separator_of,
)
from habitus.errors import DataError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("a.csv", "csv"), ("a.TSV", "csv"), ("a.csv.gz", "csv"), ("a.b.parquet", "parquet")),
        *(("a.jsonl", "jsonl"), ("a.ndjson", "jsonl"), ("a.pq", "parquet")),
        *(("a.png", None), ("a", None), ("a.gz", None), ("a.parquet.gz", None)),
    ],
)
def test_the_name_promises_a_format(name: str, expected: str | None) -> None:
    assert format_of(Path(name)) == expected


def test_utf8_is_checked_to_the_end_and_across_blocks(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    # The two bytes of é stand on both sides of the border between blocks.
    file.write_bytes(b"x" * (BLOCK - 1) + "é".encode())
    assert check_text(file)
    file.write_bytes(b"x" * (BLOCK - 1) + "é".encode()[:1])
    assert not check_text(file)
    file.write_bytes(b"x" * BLOCK + b"\xff")
    assert not check_text(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0", "no text file"),
        ("user_id,time\n".encode("utf-16"), "save it as UTF-8"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    with pytest.raises(DataError, match=message):
        check_text(file)


def test_a_gzip_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.csv.gz"
    whole = gzip.compress(bytes(range(97, 123)) * 1000)
    file.write_bytes(whole)
    assert check_text(file)
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"a\.csv\.gz is cut off"):
        check_text(file)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_the_likeliest_of_the_first_line(tmp_path: Path, separator: str) -> None:
    file = tmp_path / "a.csv"
    header = separator.join(["user_id", '"a column"', "time"])
    file.write_bytes(b"\xef\xbb\xbf" + f"{header}\r\n1{separator}2{separator}3\r\n".encode())
    assert separator_of(file) == (separator, ["user_id", "a column", "time"])


def test_a_single_column_is_separated_by_commas(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user_id\n")
    assert separator_of(tmp_path / "a.csv") == (",", ["user_id"])


def test_rows_are_estimated_from_the_size_of_lines(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("12345\n" * 7)
    assert estimate_rows(tmp_path / "a.csv") == 7
    assert estimate_rows(tmp_path / "a.csv.gz") == 0


def test_a_full_disk_is_known_by_number_and_by_word() -> None:
    assert is_disk_full(OSError(errno.ENOSPC, "x"))
    assert is_disk_full(RuntimeError("os error: No space left on device"))
    assert not is_disk_full(OSError(errno.EACCES, "x"))
