"""Small files, small functions, and enough tests: the figures are those of benchmarks/sizes.py."""

from pathlib import Path

import pytest

from benchmarks.sizes import comments_of, functions_of, lines_of, percentile_90

from .source import shown, source_files


@pytest.mark.parametrize("path", source_files(), ids=shown)
def test_a_file_fits_a_reader(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 500
    long = {name: length for name, length in functions_of(path) if length > 60}
    assert not long


def test_there_are_enough_tests() -> None:
    source, tests = sum(lines_of("src").values()), sum(lines_of("tests").values())
    assert tests >= 0.7 * source, f"{tests} lines of test, {source} of package"


def test_percentile_by_hand() -> None:
    # Inclusive: position 0.9 * (11 - 1) = 9 of 0 … 10.
    assert percentile_90(list(range(11))) == 9


def test_a_function_is_measured_without_its_decorators(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("@a\n@b\ndef f():\n    def g():\n        pass\n    return g\n")
    assert dict(functions_of(file)) == {"f": 4, "g": 2}


def test_only_what_a_reader_is_told_counts_as_a_comment(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text('# why\nx = "# no"  # and why\ny = 1  # noqa: E501\nz = 2  # type: ignore\n')
    assert comments_of(file) == 2
