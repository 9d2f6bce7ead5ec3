import json
from pathlib import Path

import pytest

from habitus.data.ingest_state import (
    STATE,
    IngestState,
    Torn,
    check_sizes,
    is_resumable,
    sizes_of,
)


def kept(scratch: Path) -> IngestState:
    state = IngestState(scratch, lambda: "key")
    state.save(read={"rows": 3}, notices=["é"])
    return state


def test_values_are_added_and_read_back(tmp_path: Path) -> None:
    state = kept(tmp_path / "scratch")
    state.save(read={"rows": 4})
    found = IngestState(tmp_path / "scratch", lambda: "key")
    assert found.load()
    assert found.values == {"read": {"rows": 4}, "notices": ["é"]}
    assert [p.name for p in (tmp_path / "scratch").iterdir()] == [STATE]


@pytest.mark.parametrize("key", ["other", None])
def test_another_key_finds_nothing(tmp_path: Path, key: str | None) -> None:
    kept(tmp_path)
    found = IngestState(tmp_path, lambda: key)
    assert not found.load()
    assert found.values == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"key": "key", "values": {}}'])
def test_a_torn_file_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / STATE).write_text(text)
    assert not IngestState(tmp_path, lambda: "key").load()


def test_a_changed_value_is_noticed(tmp_path: Path) -> None:
    kept(tmp_path)
    stored = json.loads((tmp_path / STATE).read_text())
    stored["values"]["read"]["rows"] = 5
    (tmp_path / STATE).write_text(json.dumps(stored))
    assert not IngestState(tmp_path, lambda: "key").load()


def test_nothing_is_kept_without_a_place_or_a_key(tmp_path: Path) -> None:
    for state in (IngestState(), IngestState(tmp_path)):
        state.save(rows=3)
        assert not state.is_kept
        assert not state.load()
    assert list(tmp_path.iterdir()) == []


def test_the_key_is_not_asked_for_where_nothing_was_left(tmp_path: Path) -> None:
    def ask() -> str:
        raise AssertionError

    assert not IngestState(tmp_path, ask).load()


def test_a_workspace_with_a_state_is_resumable(tmp_path: Path) -> None:
    assert not is_resumable(tmp_path)
    kept(tmp_path / ".scratch")
    assert is_resumable(tmp_path)


def test_sizes_are_compared(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a").write_bytes(b"123")
    (tmp_path / "b").touch()
    sizes = sizes_of(tmp_path)
    assert sizes == {"deep/a": 3, "b": 0}
    assert sizes_of(tmp_path, [tmp_path / "b"]) == {"b": 0}
    check_sizes(tmp_path, sizes)
    for wrong in ({"b": 1}, {"c": 0}):
        with pytest.raises(Torn):
            check_sizes(tmp_path, wrong)
