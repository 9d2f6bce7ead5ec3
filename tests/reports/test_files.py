from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.errors import DataError, GuardError, UsageError
from habitus.reports import read_results, write_report
from habitus.reports.files import plain
from tests.reports.odd import odd
from tests.reports.sample import sample

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize("results", [sample(), sample(num_tasks=1), odd()])
def test_what_is_written_reads_back_the_same(results: dict[str, Any], tmp_path: Path) -> None:
    html_path, json_path = write_report(results, tmp_path / "a" / "b")
    assert html_path == tmp_path / "a" / "b" / "report.html"
    assert read_results(json_path) == plain(results)
    assert html_path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_nothing_else_is_left_in_the_folder(tmp_path: Path) -> None:
    write_report(sample(), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "report.json"]


def test_what_is_not_a_number_becomes_null(tmp_path: Path) -> None:
    results = sample(num_tasks=1)
    nan = float("nan")
    results["cells"][0]["metrics"]["auroc"] = {"value": nan, "low": nan, "high": nan}
    _, json_path = write_report(results, tmp_path)
    text = json_path.read_text(encoding="utf-8")
    assert "NaN" not in text
    written = json.loads(text)["cells"][0]["metrics"]["auroc"]
    assert written == {"value": None, "low": None, "high": None}


@given(values)
def test_plain_values_go_through_json_unchanged(value: Any) -> None:
    found = plain(value)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@given(st.lists(st.floats()))
def test_only_what_is_not_finite_is_lost(numbers: list[float]) -> None:
    assert plain(numbers) == [x if math.isfinite(x) else None for x in numbers]


def test_a_failure_leaves_the_last_report_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_report(sample(num_tasks=1), tmp_path)
    before = [p.read_bytes() for p in paths]
    with pytest.raises(DataError):
        write_report(sample() | {"cells": 3}, tmp_path)

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        write_report(sample(num_tasks=2), tmp_path)
    assert [p.read_bytes() for p in paths] == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "report.json"]


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("x")
    with pytest.raises(UsageError, match="taken is a file"):
        write_report(sample(num_tasks=1), taken)


def test_ids_are_never_written(tmp_path: Path) -> None:
    with pytest.raises(GuardError):
        write_report(sample(num_tasks=1) | {"user_ids": ["a"]}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_lone_surrogate_does_not_lose_the_report(tmp_path: Path) -> None:
    html_path, json_path = write_report(sample(num_tasks=1) | {"title": "a\ud800b"}, tmp_path)
    assert "a&#55296;b" in html_path.read_text(encoding="utf-8")
    assert read_results(json_path)["title"] == "a\ud800b"


@pytest.mark.parametrize("content", ["", "{", '{"format": 1', "\x00"])
def test_a_file_that_was_cut_off_is_said_to_be(content: str, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"results\.json is not JSON"):
        read_results(path)


def test_bytes_that_are_no_text_are_no_results(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="is not JSON"):
        read_results(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        read_results(tmp_path / "results.json")
    with pytest.raises(DataError, match="there is no file"):
        read_results(tmp_path)
