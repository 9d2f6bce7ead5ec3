"""Results and reports on disk."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from habitus.errors import DataError, UsageError
from habitus.reports.html import html_page
from habitus.reports.schema import check_results


def plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Return a copy that JSON can hold: NaN and infinities are null, tuples are lists.

    >>> plain({"low": float("nan"), "seeds": (0, 1)})
    {'low': None, 'seeds': [0, 1]}
    """
    if isinstance(value, Mapping):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def read_results(path: str | Path) -> dict[str, Any]:
    """Return the checked results of a file.

    Raises:
        DataError: no JSON, or not results of format 1.
        GuardError: results that hold user ids.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"there is no file {path}; habitus evaluate writes one")
    try:
        results = plain(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise DataError(f"{path} is not JSON ({error}); was it cut off? Make it again") from error
    check_results(results)
    return dict(results)


def write_report(results: Mapping[str, Any], out_dir: str | Path) -> tuple[Path, Path]:
    """Write ``report.html`` and ``report.json`` and return their paths.

    Both are made before either is written, and each replaces its old self in one step, so that a
    failure leaves the last report whole.

    Raises:
        DataError: results that are not format 1.
        GuardError: results that hold user ids.
        UsageError: ``out_dir`` is a file.
    """
    values = plain(results)
    return write_pair(out_dir, "report", html_page(values), values)


def write_pair(
    out_dir: str | Path, stem: str, page: str, values: Mapping[str, Any]
) -> tuple[Path, Path]:
    """Write a page and its figures as ``<stem>.html`` and ``<stem>.json``; return both paths.

    Raises:
        UsageError: ``out_dir`` is a file.
    """
    text = json.dumps(values, indent=1, allow_nan=False) + "\n"
    folder = Path(out_dir)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder for the {stem}")
    folder.mkdir(parents=True, exist_ok=True)
    html_path, json_path = folder / f"{stem}.html", folder / f"{stem}.json"
    _replace(html_path, page)
    _replace(json_path, text)
    return html_path, json_path


def _replace(path: Path, text: str) -> None:
    # A stray surrogate in a name must not lose the report: HTML can write it by number.
    content = text.encode("utf-8", errors="xmlcharrefreplace")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
