import json
import platform
import sys
from pathlib import Path

import pytest

from benchmarks import harness
from benchmarks.harness import Entry, figure, record


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(harness, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


@pytest.mark.parametrize(
    ("measured", "bar", "at_most", "holds"),
    [
        (2.0, 1.0, False, True),
        (1.0, 1.0, False, True),
        (0.9, 1.0, False, False),
        (2.0, 1.0, True, False),
        (1.0, 1.0, True, True),
        (0.0, 1.0, True, True),
        (None, 1.0, False, None),
        (2.0, None, False, None),
    ],
)
def test_a_figure_is_held_against_its_bar(
    measured: float | None, bar: float | None, at_most: bool, holds: bool | None
) -> None:
    entry = Entry(name="a", measured=measured, unit="x", bar=bar, at_most=at_most)
    assert entry.holds is holds
    assert entry.to_dict()["better"] == ("less" if at_most else "more")


def test_the_file_holds_figures_machine_versions_and_command(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [
        Entry(name="speed", measured=1_234_567.0, unit="events/s", bar=1e6),
        Entry(name="memory", measured=3.0, unit="GiB", bar=2.0, at_most=True),
        Entry(name="peer", measured=None, unit="×", bar=20, note="does not install"),
    ]
    path = record("toy", entries)
    assert path == results / "toy.json"
    content = json.loads(path.read_text())
    assert content["command"] == "make bench NAME=toy"
    assert [entry["holds"] for entry in content["entries"]] == [True, False, None]
    assert content["entries"][2]["measured"] is None
    assert content["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert content["versions"]["torch"]
    assert content["machine"]["cores"] >= 1
    assert content["machine"]["cpu"]
    out = capsys.readouterr().out
    assert "1,234,567" in out
    assert "≤ 2" in out
    assert "not measured" in out


def test_neither_the_name_of_the_machine_nor_a_path_is_kept(results: Path) -> None:
    path = record("toy", [Entry(name="a", measured=1, unit="x")])
    text = path.read_text()
    assert platform.node() not in text
    assert str(Path.home()) not in text
    assert str(results) not in text


def test_quick_figures_stand_apart(results: Path) -> None:
    full = record("toy", [Entry(name="a", measured=1, unit="x")])
    quick = record("toy", [Entry(name="a", measured=9, unit="x")], quick=True)
    assert quick == results / "toy.quick.json"
    assert json.loads(full.read_text())["entries"][0]["measured"] == 1
    assert json.loads(quick.read_text())["command"] == "make bench NAME=toy QUICK=1"


def test_two_entries_with_one_name_are_refused() -> None:
    twice = [Entry(name="a", measured=1, unit="x")] * 2
    with pytest.raises(ValueError, match="two entries of toy have one name"):
        record("toy", twice)


def test_nan_is_no_measurement() -> None:
    with pytest.raises(ValueError, match="a: nan is no measurement"):
        Entry(name="a", measured=float("nan"), unit="x")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.5, "0.5"), (1 / 3, "0.333"), (12.34, "12.3"), (1234.6, "1,235")],
)  # fmt: skip
def test_figures_are_short(value: float, text: str) -> None:
    assert figure(value) == text
