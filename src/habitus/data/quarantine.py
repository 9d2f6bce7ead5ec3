"""Bad rows: written beside the traces with row, column, value and reason, and counted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from habitus.data.ingest_state import Torn
from habitus.data.validate import NOT_UTF8, SOFT, Problem
from habitus.errors import GuardError

HEADER = ("row", "column", "value", "reason", "file")


class Quarantine:
    """The bad rows of one table.

    Rows are numbered through all files of the table; what is written is the row inside its file,
    from 1. The CSV file comes into being with its first row: a table without bad rows has none.

    Args:
        folder: where the CSV file is written.
        table: what the file and messages are called.
    """

    def __init__(self, folder: Path, table: str) -> None:
        self.path, self.table = folder / f"{table}.csv", table
        self.reasons: Counter[str] = Counter()
        self.bad = 0
        """Rows with a problem that is a fault of the source."""
        self._files: list[str] = []
        self._first: list[int] = []

    def start_file(self, name: str, first_row: int) -> None:
        """Say that rows from ``first_row`` on stand in another file."""
        self._files.append(name)
        self._first.append(first_row)

    def add(self, problems: Sequence[Problem], row_L: npt.NDArray[np.int64]) -> None:
        """Write the problems of one chunk whose rows have the numbers ``row_L``."""
        if not problems:
            return
        self.bad += int(bad_rows(problems, len(row_L), hard_only=True).sum())
        for p in problems:
            self.reasons[p.reason] += len(p.places)
        table = pl.concat(self._lines(p, row_L[p.places]) for p in problems)
        self._append(table.sort("number", maintain_order=True).drop("number"))

    def add_rows(self, row_B: npt.NDArray[np.int64], reason: str) -> None:
        """Write whole rows, in the given order, for a reason that lies in no single column."""
        self.reasons[reason] += len(row_B)
        empty = pl.repeat("", len(row_B), dtype=pl.String, eager=True)
        p = Problem("", np.arange(len(row_B)), empty, reason)
        self._append(self._lines(p, row_B).drop("number"))

    def _lines(self, p: Problem, row_B: npt.NDArray[np.int64]) -> pl.DataFrame:
        file_B = np.searchsorted(self._first, row_B, side="right") - 1
        files = pl.Series(self._files, dtype=pl.String).gather(file_B)
        return pl.DataFrame(
            {
                "number": row_B,
                "row": row_B - np.take(self._first, file_B) + 1,
                "column": pl.repeat(p.column, len(row_B), dtype=pl.String, eager=True),
                "value": p.values.fill_null(""),
                "reason": pl.repeat(p.reason, len(row_B), dtype=pl.String, eager=True),
                "file": files,
            }
        )

    def stop_above(self, max_bad_share: float, num_rows: int, kept_at: Path) -> None:
        """Stop the run where too many rows are bad.

        Raises:
            GuardError: more than ``max_bad_share`` of ``num_rows`` are bad; the message counts the
                reasons and says where the rows lie.
        """
        if self.bad <= max_bad_share * num_rows:
            return
        lines = "\n".join(f"  {n:>10,}  {reason}" for reason, n in self.reasons.most_common())
        raise GuardError(
            f"{self.bad:,} of {num_rows:,} rows of {self.table} are bad, more than the allowed "
            f"share of {max_bad_share:g}:\n{lines}\n"
            f"they lie in {kept_at / self.path.name}; mend the source or the mapping, or allow a "
            f"larger max_bad_share{self._hint()}"
        )

    def _hint(self) -> str:
        if NOT_UTF8 not in self.reasons:
            return ""
        return "; text of another encoding becomes UTF-8 by 'iconv -f ISO-8859-1 -t UTF-8'"

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs besides the file."""
        size = self.path.stat().st_size if self.path.exists() else 0
        files = {"files": list(self._files), "first": list(self._first)}
        return {"bad": self.bad, "reasons": dict(self.reasons), "size": size, **files}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another run was: what it wrote after that is cut off.

        Raises:
            Torn: the file is shorter than it was.
        """
        self.bad, self.reasons = state["bad"], Counter(state["reasons"])
        self._files, self._first = list(state["files"]), list(state["first"])
        if (self.path.stat().st_size if self.path.exists() else 0) < state["size"]:
            raise Torn(f"{self.path} is shorter than {state['size']} bytes")
        if state["size"]:
            os.truncate(self.path, state["size"])
        else:
            self.path.unlink(missing_ok=True)

    def _append(self, table: pl.DataFrame) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = not self.path.exists()
        with self.path.open("a", encoding="utf8", newline="") as file:
            if new:
                file.write(",".join(HEADER) + "\n")
            file.write(table.write_csv(include_header=False, quote_style="necessary"))


def bad_rows(
    problems: Sequence[Problem], num_rows: int, *, hard_only: bool = False
) -> npt.NDArray[np.bool_]:
    """Return which rows of a chunk have a problem; ``hard_only`` leaves soft reasons aside."""
    bad_L = np.zeros(num_rows, np.bool_)
    for p in problems:
        if not (hard_only and p.reason in SOFT):
            bad_L[p.places] = True
    return bad_L
