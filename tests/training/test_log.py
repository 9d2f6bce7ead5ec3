import json
import math
from pathlib import Path

import pytest

from habitus.errors import DataError
from habitus.training.log import Log


def log_at(path: Path, size: int = 0) -> Log:
    log = Log(path)
    log.open(size)
    return log


def test_a_record_is_a_line(tmp_path: Path) -> None:
    log = log_at(tmp_path / "new" / "log.jsonl")
    log.write({"step": 1, "parts": {"a": 0.5, "b": None}})
    log.write({"step": 2, "loss": math.nan, "parts": {"a": math.inf}})
    lines = log.path.read_text().splitlines()
    assert [json.loads(line) for line in lines] == log.records
    assert log.records[1] == {"step": 2, "loss": None, "parts": {"a": None}}
    log.close()


def test_resuming_cuts_what_the_checkpoint_did_not_see(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = log_at(path)
    log.write({"step": 1})
    size = log.sync()
    log.write({"step": 2})
    log.close()
    with path.open("a") as file:
        file.write('{"step": 3, "lo')  # a line that kill -9 cut
    resumed = log_at(path, size)
    assert resumed.records == [{"step": 1}]
    resumed.write({"step": 2})
    resumed.close()
    assert path.read_text() == '{"step": 1}\n{"step": 2}\n'


def test_a_fresh_start_is_empty(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("left over\n")
    log = log_at(tmp_path / "log.jsonl")
    assert log.records == []
    assert log.sync() == 0
    log.close()


def test_a_lost_log_is_told(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.jsonl")
    with pytest.warns(RuntimeWarning, match="shorter than its checkpoint says"):
        log.open(100)
    log.close()


def test_a_file_of_something_else_is_bad_data(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("no json\n")
    log = Log(path)
    with pytest.raises(DataError, match="is no log of a training"):
        log.open(8)
    log.close()


def test_a_folder_that_cannot_be_made_is_bad_data(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write the log"):
        Log(tmp_path / "file" / "log.jsonl").open()


def test_no_space_left_is_bad_data(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    log = log_at(tmp_path / "log.jsonl")
    log.close()
    with full.open("wb", buffering=0) as log._file, pytest.raises(DataError, match="No space left"):
        log.write({"step": 1})
