import json
from pathlib import Path

import polars as pl
import pytest

from habitus.cli.main import main
from habitus.data.mapping import TracesMapping
from habitus.data.traces import Traces


def run(*words: object) -> int:
    """Return the exit code of one command line."""
    with pytest.raises(SystemExit) as exit_:
        main([str(word) for word in words])
    return int(exit_.value.code or 0)


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Return a file with an odd column, an odd row and a column name that looks like markup."""
    path = tmp_path / "events.csv"
    path.write_text(
        "Customer ID,InvoiceDate,StockCode,[red],same\n"
        "anna-1,2020-01-01 10:00,x,1.5,7\n"
        "anna-1,2020-01-03 10:00,y,2.5,7\n"
        "bert-2,2020-01-03 11:00,x,oops,7\n"
    )
    return path


def test_a_table_is_shown(events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", events) == 0
    out = capsys.readouterr().out
    assert "3 rows" in out
    assert "2020-01-01T10:00:00 … 2020-01-03T11:00:00, 3 days" in out
    assert "2, 1 of one event" in out
    assert "'same' has one value only" in out
    assert "user_id: Customer ID" in out
    assert "[red]" in out
    assert "a guess" in out


def test_no_id_is_shown(events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", events) == 0
    assert run("check", events, "--json") == 0
    shown = capsys.readouterr()
    assert "anna" not in shown.out + shown.err


def test_json_is_json_and_nothing_else(events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", events, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["num_rows"] == 3
    assert report["times"]["empty_days"] == 1
    assert report["mapping"]["events"]["user_id"] == "Customer ID"


def test_a_written_mapping_is_what_ingest_reads(events: Path, tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    assert run("check", events, "--write-mapping", path) == 0
    mapping = TracesMapping.from_yaml(path)
    assert (mapping.events.user_id, mapping.events.time) == ("Customer ID", "InvoiceDate")
    # and check reads it back
    assert run("check", events, "--mapping", path) == 0


def test_a_mapping_goes_all_the_way(tmp_path: Path) -> None:
    from habitus.data.ingest import ingest

    path = tmp_path / "events.jsonl"
    pl.DataFrame({"uid": ["a", "b"], "ts": [1e9, 1.5e9], "sku": ["x", "y"]}).write_ndjson(path)
    assert run("check", path, "--write-mapping", tmp_path / "m.yaml") == 0
    ingest({"events": path}, TracesMapping.from_yaml(tmp_path / "m.yaml"), tmp_path / "out")
    assert Traces(tmp_path / "out").dictionary("item_id").to_pylist() == ["x", "y"]


def test_several_files_are_one_table(events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", events, events, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["num_rows"], report["duplicates"]) == (6, 3)


def test_another_table_may_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "items.csv"
    path.write_text("asin,title\nx,pen\nx,ink\n")
    assert run("check", path, "--table", "items") == 0
    assert "1 rows repeat a item_id" in capsys.readouterr().out


def test_a_latest_time_may_be_given(events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", events, "--latest-time", "2020-01-02", "--json") == 0
    assert json.loads(capsys.readouterr().out)["times"]["future"] == 2


def test_an_earliest_time_may_be_given_and_stands_in_the_mapping(
    events: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping, out = tmp_path / "mapping.yaml", tmp_path / "traces"
    line = ["check", events, "--earliest-time=2020-01-02", f"--write-mapping={mapping}"]
    assert run(*line) == 0
    assert "1 times in 'InvoiceDate' are before the earliest time" in capsys.readouterr().out
    assert run("ingest", events, "--mapping", mapping, "--out", out, "--max-bad-share=1") == 0
    assert "1 × before the earliest time" in capsys.readouterr().out
    # What the command says goes before the mapping.
    again = ["--earliest-time=2020-01-01", "--overwrite", "--max-bad-share=1"]
    assert run("ingest", events, "--mapping", mapping, "--out", out, *again) == 0
    assert "before the earliest time" not in capsys.readouterr().out
    assert run("check", events, "--items", events, "--earliest-time=2021-01-01", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["mapping"]["events"]["earliest_time"] == "2021-01-01"


def test_a_good_table_is_said_to_be_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        "user_id,time,p\na,1000000000,1\na,1000000050,2\nb,1000000000,1\nb,1000000050,1\n"
    )
    assert run("check", path) == 0
    assert "nothing odd" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b,a\n1,2,3\n", "column 'a' twice"),
        ("", "is empty"),
        ("a,b\n\0\0\n", "zero bytes"),
    ],
    ids=["doubled", "empty", "damaged"],
)
def test_a_damaged_file_exits_with_3(
    tmp_path: Path, content: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "events.csv"
    path.write_text(content)
    assert run("check", path) == 3
    assert message in capsys.readouterr().err


def test_what_is_not_there_exits_with_3(tmp_path: Path, events: Path) -> None:
    assert run("check", tmp_path / "none.csv") == 3
    assert run("check", events, "--mapping", tmp_path / "none.yaml") == 3


def test_an_unknown_table_exits_with_2(events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", events, "--table", "event") == 2
    assert "did you mean 'events'" in capsys.readouterr().err


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    path = tmp_path / "profiles.csv"
    path.write_text("Customer ID,age\nanna-1,old\ncleo-3,young\n")
    return path


def test_several_tables_give_one_mapping(
    events: Path, profiles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mapping.yaml"
    assert run("check", events, "--profiles", profiles, "--write-mapping", path) == 0
    out = capsys.readouterr().out
    assert "events: 3 rows" in out
    assert "profiles: 2 rows" in out
    assert "1 of the 2 ids in 'Customer ID' of profiles (50%) have no event" in out
    assert out.count("proposed mapping") == 1
    assert "cleo" not in out
    mapping = TracesMapping.from_yaml(path)
    assert mapping.events.user_id == mapping.table("profiles").column_of("user_id")
    assert mapping.table("profiles").column_of("user_id") == "Customer ID"
    line = ["ingest", events, "--profiles", profiles, "--mapping", path]
    assert run(*line, "--out", tmp_path / "out", "--max-bad-share=1") == 0
    assert Traces(tmp_path / "out").manifest.tables == ("profiles",)


def test_several_tables_as_json(
    events: Path, profiles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", events, "--profiles", profiles, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert [report["tables"][name]["num_rows"] for name in ("events", "profiles")] == [3, 2]
    assert report["mapping"]["profiles"]["columns"]["user_id"] == "Customer ID"


def test_one_table_alone_has_no_other_beside_it(
    profiles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", profiles, "--table", "profiles", "--follows", profiles) == 2
    assert "leave out --follows" in capsys.readouterr().err
