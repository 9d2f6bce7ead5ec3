"""Sizes of the source, beside what docs/architecture.md aims at; no clock in it."""

from __future__ import annotations

import ast
import io
import statistics
import tokenize
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from benchmarks.harness import Entry, record

ROOT = Path(__file__).parents[1]
NOT_A_REASON = ("noqa", "type: ignore", "fmt:")


@cache
def lines_of(folder: str) -> dict[Path, int]:
    """Return the number of lines of each Python file below ``folder`` of the repository."""
    return {
        path: len(path.read_text().splitlines())
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not path.name.startswith(".")
    }


def functions_of(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the name and length in lines, decorators left out, of each function of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def comments_of(path: Path) -> int:
    """Return how many lines of a file hold a comment to a reader."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    return sum(not any(word in comment for word in NOT_A_REASON) for comment in comments)


def percentile_90(values: Sequence[int]) -> float:
    """Return the value that nine of ten do not pass, by linear interpolation."""
    return statistics.quantiles(values, n=10, method="inclusive")[-1]


def main(quick: bool = False) -> None:
    """Print the sizes and write them down."""
    files = {path: n for path, n in lines_of("src").items() if n > 5}
    functions = [length for path in files for _, length in functions_of(path)]
    source, tests = sum(lines_of("src").values()), sum(lines_of("tests").values())
    comments = 100 * sum(map(comments_of, files)) / source
    lines = list(files.values())
    entries = [
        Entry(name="files", measured=len(lines), unit="files"),
        Entry(name="lines", measured=source, unit="lines"),
        less("median file", statistics.median(lines), 120),
        less("file, nine of ten", percentile_90(lines), 300),
        less("longest file", max(lines), 500),
        less("median function", statistics.median(functions), 10),
        less("function, nine of ten", percentile_90(functions), 35),
        less("longest function", max(functions), 60),
        Entry(name="lines of test a line", measured=tests / source, unit="", bar=0.7),
        Entry(name="comments, lower end", measured=comments, unit="%", bar=3),
        Entry(name="comments, upper end", measured=comments, unit="%", bar=7, at_most=True),
    ]
    record("sizes", entries, quick=quick)


def less(name: str, measured: float, bar: float) -> Entry:
    """Return an entry in lines where less is better."""
    return Entry(name=name, measured=measured, unit="lines", bar=bar, at_most=True)


if __name__ == "__main__":
    main()
