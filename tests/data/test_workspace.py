import errno
from pathlib import Path

import pytest

from habitus.data.ingest_state import SCRATCH, STATE
from habitus.data.workspace import QUARANTINE, check_free, clear, quarantine_beside, workspace
from habitus.errors import DataError, GuardError, UsageError


def make(out: Path, text: str = "new", *, overwrite: bool = False) -> None:
    with workspace(out, overwrite=overwrite) as folder:
        (folder / "manifest.json").write_text(text)


def stop(out: Path, error: BaseException, file: str = "half", *, overwrite: bool = False) -> None:
    with workspace(out, overwrite=overwrite) as folder:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(str(error))
        raise error


def test_the_folder_is_there_at_the_end_and_nothing_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with workspace(out, overwrite=False) as folder:
        (folder / "manifest.json").write_text("new")
        assert not out.exists()
    assert (out / "manifest.json").read_text() == "new"
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("x"), SystemExit(1)])
def test_an_interrupt_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        stop(tmp_path / "out", error)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_what_stood_there(tmp_path: Path) -> None:
    make(tmp_path / "out", "old")
    with pytest.raises(KeyboardInterrupt):
        stop(tmp_path / "out", KeyboardInterrupt(), overwrite=True)
    assert (tmp_path / "out" / "manifest.json").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_a_killed_run_left_is_cleared_away(tmp_path: Path) -> None:
    left = tmp_path / ".out.partial"
    left.mkdir()
    (left / "half").touch()
    make(tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["manifest.json"]
    assert not left.exists()


def test_traces_are_only_overwritten_when_that_is_allowed(tmp_path: Path) -> None:
    make(tmp_path / "out", "old")
    with pytest.raises(UsageError, match="exists: choose another place"):
        make(tmp_path / "out")
    make(tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "manifest.json").read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_no_traces_directory_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").touch()
    (tmp_path / "file").touch()
    for name in ("photos", "file"):
        with pytest.raises(UsageError, match="holds something else"):
            check_free(tmp_path / name, overwrite=True)
    (tmp_path / "empty").mkdir()
    make(tmp_path / "empty")


def test_a_full_disk_is_a_sentence_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no space is left.*free some space"):
        stop(tmp_path / "out", OSError(errno.ENOSPC, "No space left on device"))
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_stops_keeps_its_quarantine_beside(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for text in ("first", "second"):
        with pytest.raises(GuardError):
            stop(out, GuardError(text), f"{QUARANTINE}/events.csv")
        assert (quarantine_beside(out) / "events.csv").read_text() == text
        assert list(tmp_path.iterdir()) == [quarantine_beside(out)]
    make(out)
    # It told of a run that is now outdone.
    assert list(tmp_path.iterdir()) == [out]


def test_a_place_that_cannot_be_made_is_left_to_the_system_to_tell(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        make(tmp_path / "file" / "out")


def leave(out: Path, error: BaseException) -> None:
    """Stop a run that has a state and a scratch file."""
    with pytest.raises(type(error)):
        stop(out, error, f"{SCRATCH}/{STATE}")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_an_interrupt_keeps_what_can_be_resumed(tmp_path: Path, error: BaseException) -> None:
    out = tmp_path / "out"
    leave(out, error)
    assert [p.name for p in tmp_path.iterdir()] == [".out.partial"]
    with workspace(out, overwrite=False) as folder:
        assert (folder / SCRATCH / STATE).read_text() == str(error)
        (folder / "manifest.json").write_text("new")
    # The scratch folder is not part of what was made, and nothing is left of it.
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")] == [
        "out",
        "out/manifest.json",
    ]


@pytest.mark.parametrize("error", [DataError("x"), RuntimeError("x"), OSError("x")])
def test_an_error_keeps_nothing_even_of_what_could_be_resumed(
    tmp_path: Path, error: BaseException
) -> None:
    leave(tmp_path / "out", error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("moved", [1, 2])
def test_a_kill_between_the_last_moves_loses_nothing(tmp_path: Path, moved: int) -> None:
    out = tmp_path / "out"
    leave(out, KeyboardInterrupt())
    (tmp_path / f".out.partial/{SCRATCH}").rename(tmp_path / f".out{SCRATCH}")
    if moved == 2:
        (tmp_path / ".out.partial").rename(out)
        (out / "manifest.json").touch()
    with workspace(out, overwrite=True) as folder:
        assert (folder / SCRATCH / STATE).is_file()
        (folder / "manifest.json").write_text("new")
    assert list(tmp_path.iterdir()) == [out]


def test_two_runs_do_not_share_a_workspace(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with workspace(out, overwrite=False) as folder:
        (folder / "manifest.json").write_text("first")
        with pytest.raises(UsageError, match="another run is making"):
            make(out, "second")
    assert (out / "manifest.json").read_text() == "first"


def test_clearing_leaves_the_folder_and_what_links_lead_to(tmp_path: Path) -> None:
    folder, other = tmp_path / "a", tmp_path / "b"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/file").touch()
    other.mkdir()
    (other / "file").touch()
    (folder / "link").symlink_to(other)
    clear(folder)
    assert list(folder.iterdir()) == []
    assert (other / "file").exists()
