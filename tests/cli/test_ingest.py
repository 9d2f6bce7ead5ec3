import io
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from habitus.cli.ingest import read_ids, stages
from habitus.cli.main import main
from habitus.data.mapping import ChannelMapping, EventsMapping, TracesMapping
from habitus.data.traces import Traces
from habitus.errors import DataError

ROWS = "user_id,time,item_id,price\na,2020-01-01,i1,1.5\nb,2020-01-02,i2,2.5\na,2020-01-03,i1,3.5\n"


def run(*words: str | Path) -> int:
    """Return the exit code of ``habitus ingest``."""
    with pytest.raises(SystemExit) as exit_:
        main(["ingest", *map(str, words)])
    return int(exit_.value.code or 0)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "events.csv"
    path.write_text(ROWS)
    return path


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what was printed, spaces and line ends made one."""
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


def test_a_file_with_our_names_needs_nothing_else(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(source, "--out", tmp_path / "out") == 0
    assert Traces(tmp_path / "out").num_events == 3
    text = shown(capsys)
    assert "channels read as id: item_id; dense: price" in text
    assert "events 3 3 0 0 0" in text
    assert "2 users, 3 events" in text


def test_a_mapping_several_files_and_side_tables(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "more.csv").write_text(ROWS.replace("a,", "z,"))
    (tmp_path / "items.csv").write_text("item_id,brand\ni1,x\n")
    (tmp_path / "profiles.csv").write_text("user_id,tags\nq,p|q\n")
    (tmp_path / "follows.csv").write_text("user_id,follows_id\na,b\na,a\n")
    (tmp_path / "labels.csv").write_text("task,user_id,time,value\nt,a,2020-01-04,1\n")
    channels = {"item_id": ChannelMapping(kind="id"), "brand": ChannelMapping(kind="category")}
    of = TracesMapping(events=EventsMapping(channels=channels, item_channels=("brand",)))
    (tmp_path / "mapping.yaml").write_text(of.to_yaml())
    sides = [
        w
        for n in ("items", "profiles", "follows", "labels")
        for w in (f"--{n}", tmp_path / f"{n}.csv")
    ]
    out = tmp_path / "out"
    assert (
        run(
            source,
            tmp_path / "more.csv",
            "--mapping",
            tmp_path / "mapping.yaml",
            *sides,
            "--out",
            out,
        )
        == 0
    )
    traces = Traces(out)
    assert traces.user_ids.to_pylist() == ["a", "b", "q", "z"]
    assert traces.manifest.tables == ("items", "follows", "profiles", "labels")
    text = shown(capsys)
    assert "follows: 1 × follows itself" in text
    assert "2 events have an item that is not in the items" in text
    assert f"rows set aside: {out}/quarantine" in text


def test_events_by_a_query(tmp_path: Path, source: Path) -> None:
    query = f"SELECT * FROM '{source}' WHERE price > 2"
    assert run("--sql", query, "--out", tmp_path / "out") == 0
    assert Traces(tmp_path / "out").num_events == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give the events: files, or --sql"),
        (["x.csv", "--sql", "SELECT 1"], "give files or --sql, not both"),
        (["x.csv", "--database", "x.db"], "--database needs --sql"),
        (["x.csv", "--duplicates", "drop"], "'keep' or 'quarantine', got 'drop'"),
        (["x.csv", "--max-bad-share", "2"], "max_bad_share must be in [0, 1], got 2"),
    ],
)
def test_words_that_contradict_each_other_are_a_usage_error(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words, "--out", tmp_path / "out") == 2
    assert message in shown(capsys)


def test_who_opted_out_is_dropped(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ids.txt").write_text("\ufeffa\n\n  zz  \n", encoding="utf8")
    assert run(source, "--opt-out", tmp_path / "ids.txt", "--out", tmp_path / "out") == 0
    assert Traces(tmp_path / "out").user_ids.to_pylist() == ["b"]
    assert "events 3 1 0 0 2" in shown(capsys)
    assert read_ids(tmp_path / "ids.txt") == ("a", "zz")


def test_quoted_ids_of_a_spreadsheet_opt_out_too(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = source.read_text().splitlines()[1].split(",")[0]
    (tmp_path / "ids.txt").write_text(f'"{first}"\n', encoding="utf-8-sig")
    assert run(source, "--opt-out", tmp_path / "ids.txt", "--out", tmp_path / "out") == 0
    assert first not in Traces(tmp_path / "out").user_ids.to_pylist()
    assert "stands in the data" not in shown(capsys)


def test_opt_outs_that_name_nobody_are_said_loudly(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ids.txt").write_text("nobody\n")
    assert run(source, "--opt-out", tmp_path / "ids.txt", "--out", tmp_path / "out") == 0
    assert "none of the 1 opt-out ids stands in the data" in shown(capsys)


def test_a_list_of_ids_that_cannot_be_read_stops_before_anything(
    source: Path, tmp_path: Path
) -> None:
    assert run(source, "--opt-out", tmp_path / "ids.txt", "--out", tmp_path / "out") == 3
    assert not (tmp_path / "out").exists()
    (tmp_path / "ids.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="one id a line"):
        read_ids(tmp_path / "ids.txt")


def test_too_many_bad_rows_are_a_guard_error_that_says_where_they_lie(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "events.csv"
    path.write_text(ROWS + ",2020-01-01,i1,1.5\n")
    assert run(path, "--out", tmp_path / "out") == 4
    text = shown(capsys)
    assert "1 of 4 rows of events are bad" in text
    kept = tmp_path / "out.quarantine/events.csv"
    assert str(kept) in text
    assert pl.read_csv(kept)["row"].to_list() == [4]
    assert run(path, "--out", tmp_path / "out", "--max-bad-share", "0.25") == 0


def test_times_that_are_not_believed_are_set_aside(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line: list[str | Path] = [source, "--out", tmp_path / "out", "--max-bad-share=1"]
    assert run(*line, "--earliest-time=2020-01-02", "--latest-time=2020-01-02") == 0
    text = shown(capsys)
    assert "events: 1 × before the earliest time" in text
    assert "events: 1 × in the future" in text
    assert "1 users, 1 events" in text


@pytest.mark.parametrize("option", ["--earliest-time", "--latest-time"])
def test_what_is_no_date_is_told_before_anything_is_read(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "not-there.csv", "--out", tmp_path / "out", option, "soon") == 2
    assert "'soon' is no date: write 2017-10-01" in shown(capsys)


def test_bad_data_is_a_data_error(source: Path, tmp_path: Path) -> None:
    source.write_bytes(b"\x89PNG\0\0")
    assert run(source, "--out", tmp_path / "out") == 3


def test_traces_are_replaced_only_when_told(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(source, "--out", out) == 0
    assert run(source, "--out", out) == 2
    assert run(source, "--out", out, "--overwrite", "--duplicates", "quarantine") == 0


def test_stages_follow_each_other_with_their_rates() -> None:
    text = io.StringIO()
    with stages(Console(file=text, force_terminal=True, width=120)) as show:
        for stage in ("read events", "sort events"):
            show(stage, 0, 10)
            show(stage, 10, 10)
    assert text.getvalue().index("read events") < text.getvalue().index("sort events")
    assert "rows/s" in text.getvalue()
