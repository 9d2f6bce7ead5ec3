import json
from pathlib import Path

import pytest

from habitus.cli.main import main
from habitus.data.traces import Traces
from habitus.datasets import DATASETS
from habitus.datasets.shared import VARIABLE


def run(*words: object) -> int:
    """Return the exit code of one command line."""
    with pytest.raises(SystemExit) as exit_:
        main([str(word) for word in words])
    return int(exit_.value.code or 0)


def test_every_source_is_listed_with_its_terms(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert run("datasets") == 0
    out = " ".join(capsys.readouterr().out.split())
    for name in DATASETS:
        dataset = DATASETS[name]()
        assert name in out
        assert dataset.description in out
        for notice in dataset.notices:
            assert notice in out


def test_what_is_not_at_hand_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert run("datasets") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "art_office not at hand" in out
    assert "set HABITUS_DATA to the one that holds art-office/" in out
    assert "synthetic at hand" in out


def test_a_source_becomes_traces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("get", "synthetic", "--out", tmp_path / "traces") == 0
    traces = Traces(tmp_path / "traces")
    out = capsys.readouterr().out
    assert f"2,000 users, {traces.num_events:,} events in 5 channels" in out
    assert DATASETS["synthetic"].notices[0] in " ".join(out.split())
    assert json.loads((tmp_path / "traces/manifest.json").read_text())["num_users"] == 2_000


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert run("get", "synthetic", "--out", tmp_path) == 2
    assert "is there already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_what_is_missing_exits_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert run("get", "art_office", "--out", tmp_path / "out") == 3
    assert "HABITUS_DATA" in capsys.readouterr().err


def test_an_unknown_name_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("get", "synthetik", "--out", tmp_path / "out") == 2
    assert "did you mean 'synthetic'" in capsys.readouterr().err
