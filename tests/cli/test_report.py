from __future__ import annotations

import json
from pathlib import Path

import pytest

from habitus.cli.main import main
from tests.reports.sample import sample


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["report", *words])
    return int(caught.value.code or 0)


def test_it_writes_both_files_and_prints_the_scores_and_their_paths(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"
    results.write_text(json.dumps(sample(num_tasks=2)))
    out = tmp_path / "out"
    assert run(str(results), "--out", str(out)) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[-2:] == [str(out / "report.html"), str(out / "report.json")]
    assert "coupon" in printed
    assert json.loads((out / "report.json").read_text())["format"] == 1


def test_without_out_it_writes_beside_the_results(tmp_path: Path) -> None:
    results = tmp_path / "report.json"
    results.write_text(json.dumps(sample(num_tasks=1)))
    assert run(str(results)) == 0
    assert (tmp_path / "report.html").exists()
    assert json.loads(results.read_text()) == sample(num_tasks=1)


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ("{", 3, "is not JSON"),
        ('{"format": 2}', 3, "format must be 1"),
        (json.dumps(sample(num_tasks=1) | {"user_ids": ["a"]}), 4, "user ids"),
        (None, 3, "there is no file"),
    ],
)
def test_what_is_wrong_is_a_sentence_and_an_exit_code(
    content: str | None,
    code: int,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = tmp_path / "results.json"
    if content is not None:
        results.write_text(content)
    assert run(str(results), "--out", str(tmp_path / "out")) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
