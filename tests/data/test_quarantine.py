import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from habitus.data.ingest_state import Torn
from habitus.data.quarantine import Quarantine, bad_rows
from habitus.data.validate import NOT_UTF8, Problem
from habitus.errors import GuardError


def problem(column: str, places: list[int], reason: str = "missing") -> Problem:
    return Problem(column, np.array(places), pl.Series([f"v{i}" for i in places]), reason)


def read(quarantine: Quarantine) -> list[tuple[str, ...]]:
    return pl.read_csv(quarantine.path, infer_schema=False, empty_string_is_null=False).rows()


def test_bad_rows_are_written_by_row_with_the_row_of_their_file(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "q", "events")
    quarantine.start_file("a.csv", 0)
    quarantine.add([problem("time", [4, 1]), problem("user", [1])], np.arange(5))
    quarantine.start_file("b.csv", 5)
    quarantine.add([problem("user", [0], "in the future")], np.arange(5, 8))
    assert quarantine.path.read_text().splitlines()[0] == "row,column,value,reason,file"
    assert read(quarantine) == [
        ("2", "time", "v1", "missing", "a.csv"),
        ("2", "user", "v1", "missing", "a.csv"),
        ("5", "time", "v4", "missing", "a.csv"),
        ("1", "user", "v0", "in the future", "b.csv"),
    ]
    # Row 2 has two problems and is one bad row.
    assert quarantine.bad == 3
    assert quarantine.reasons == {"missing": 3, "in the future": 1}


def test_files_after_an_empty_one_keep_their_rows(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, "events")
    for name, first in (("a.csv", 0), ("empty.csv", 2), ("c.csv", 2)):
        quarantine.start_file(name, first)
    quarantine.add([problem("x", [0, 2])], np.array([1, 2, 3]))
    assert [(row[0], row[-1]) for row in read(quarantine)] == [("2", "a.csv"), ("2", "c.csv")]


def test_values_that_need_quotes_come_back(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, "events")
    quarantine.start_file("a.csv", 0)
    ugly = 'a,"b"\nc'
    quarantine.add([Problem("x", np.array([0]), pl.Series([ugly]), "why")], np.arange(1))
    assert read(quarantine) == [("1", "x", ugly, "why", "a.csv")]


def test_a_table_without_bad_rows_has_no_file(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "q", "events")
    quarantine.add([], np.arange(3))
    quarantine.stop_above(0.0, 3, tmp_path)
    assert not (tmp_path / "q").exists()


def test_whole_rows_keep_the_order_they_are_given_in(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, "events")
    quarantine.start_file("a.csv", 0)
    quarantine.add_rows(np.array([7, 2]), "same as an earlier row")
    assert [row[0] for row in read(quarantine)] == ["8", "3"]
    assert (quarantine.bad, quarantine.reasons["same as an earlier row"]) == (0, 2)


def test_too_many_bad_rows_stop_the_run_and_say_why_and_where(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, "events")
    quarantine.start_file("a.csv", 0)
    quarantine.add([problem("x", [0, 1]), problem("y", [2], "not a time")], np.arange(100))
    quarantine.stop_above(0.03, 100, tmp_path)
    with pytest.raises(GuardError) as error:
        quarantine.stop_above(0.0299, 100, tmp_path / "kept")
    text = str(error.value)
    assert "3 of 100 rows of events are bad, more than the allowed share of 0.0299" in text
    assert text.index("2  missing") < text.index("1  not a time")
    assert str(tmp_path / "kept" / "events.csv") in text
    assert "iconv" not in text
    quarantine.add([problem("x", [3], NOT_UTF8)], np.arange(100))
    with pytest.raises(GuardError, match="becomes UTF-8 by 'iconv -f ISO-8859-1 -t UTF-8'"):
        quarantine.stop_above(0.0, 100, tmp_path)


def test_soft_reasons_take_a_row_out_but_are_no_fault_of_the_source() -> None:
    found = [problem("x", [0]), problem("y", [2], "follows itself")]
    assert bad_rows(found, 4).tolist() == [True, False, True, False]
    assert bad_rows(found, 4, hard_only=True).tolist() == [True, False, False, False]


def test_it_goes_on_where_another_run_was(tmp_path: Path) -> None:
    first = Quarantine(tmp_path, "events")
    first.start_file("a.csv", 0)
    first.start_file("b.csv", 10)
    first.add_rows(np.array([3, 12]), "x")
    state = json.loads(json.dumps(first.state()))
    first.add_rows(np.array([4]), "lost")
    second = Quarantine(tmp_path, "events")
    second.restore(state)
    second.add_rows(np.array([13]), "y")
    assert second.path.read_text().splitlines()[1:] == [
        '4,"","",x,a.csv',
        '3,"","",x,b.csv',
        '4,"","",y,b.csv',
    ]
    assert (second.reasons, second.bad) == ({"x": 2, "y": 1}, 0)


def test_a_table_that_had_no_bad_row_has_no_file_again(tmp_path: Path) -> None:
    first = Quarantine(tmp_path, "events")
    first.start_file("a.csv", 0)
    state = first.state()
    first.add_rows(np.array([3]), "x")
    Quarantine(tmp_path, "events").restore(state)
    assert list(tmp_path.iterdir()) == []


def test_a_shorter_file_is_torn(tmp_path: Path) -> None:
    first = Quarantine(tmp_path, "events")
    first.start_file("a.csv", 0)
    first.add_rows(np.array([3]), "x")
    state = first.state()
    first.path.unlink()
    with pytest.raises(Torn):
        Quarantine(tmp_path, "events").restore(state)
