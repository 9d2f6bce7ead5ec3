"""A directory that is there whole or not at all; what an interrupted run has finished may stay."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from habitus.data.files import is_disk_full
from habitus.data.ingest_state import SCRATCH, is_resumable
from habitus.errors import DataError, HabitusError, UsageError

QUARANTINE = "quarantine"


@contextmanager
def workspace(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a folder beside ``out`` that takes its place when the block ends well.

    After an error nothing is left of it but the quarantine, which is kept beside ``out``, and what
    stood at ``out`` before stands there still. After an interrupt or a kill the folder stays where
    it has a state that can be resumed, and the next run is given it as it is. Its scratch folder is
    never part of what is put at ``out``.

    Raises:
        UsageError: something stands at ``out`` and may not be overwritten, or another run is making
            it.
        DataError: no space is left on the device.
    """
    check_free(out, overwrite=overwrite)
    folder = out.with_name(f".{out.name}.partial")
    scratch = out.with_name(f".{out.name}{SCRATCH}")
    folder.mkdir(parents=True, exist_ok=True)
    with _only_run(folder, out):
        if scratch.exists() and not (folder / SCRATCH).exists():
            # Killed between the two moves, or after them: then it is found to be torn.
            scratch.replace(folder / SCRATCH)
        if not is_resumable(folder):
            clear(folder)
        yield from _guarded(folder, scratch, out)


def _guarded(folder: Path, scratch: Path, out: Path) -> Iterator[Path]:
    try:
        yield folder
        # One move after the other, so that a kill between them finds all of it or none.
        if (folder / SCRATCH).exists():
            (folder / SCRATCH).replace(scratch)
        _move(folder, out)
        for left in (quarantine_beside(out), scratch):
            shutil.rmtree(left, ignore_errors=True)
    except BaseException as error:
        if isinstance(error, HabitusError) and (folder / QUARANTINE).is_dir():
            _move(folder / QUARANTINE, quarantine_beside(out))
        if isinstance(error, Exception) or not is_resumable(folder):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(scratch, ignore_errors=True)
        if is_disk_full(error):
            raise DataError(
                f"no space is left on the device of {out.parent}: nothing was written at {out}; "
                f"free some space, or choose another place for it, and run this again"
            ) from error
        raise


@contextmanager
def _only_run(folder: Path, out: Path) -> Iterator[None]:
    """Hold the folder for this run; a run that ends in whatever way lets go of it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"another run is making {out}: wait for it, or stop it") from error
        if not folder.is_dir():
            raise UsageError(f"another run has just made {out}: look at it, or run this again")
        yield
    finally:
        os.close(handle)


def clear(folder: Path) -> None:
    """Remove all that a folder holds."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def quarantine_beside(out: Path) -> Path:
    """Return where the bad rows of a run that stopped are kept."""
    return out.with_name(f"{out.name}.{QUARANTINE}")


def check_free(out: Path, *, overwrite: bool) -> None:
    """Refuse a place that is taken.

    Raises:
        UsageError: a file, or a directory that is not empty and no traces directory, or traces
            that may not be overwritten.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / "manifest.json").is_file():
        raise UsageError(f"{out} exists and holds something else: choose another place")
    if not overwrite:
        raise UsageError(
            f"{out} exists: choose another place, or allow it to be overwritten (--overwrite)"
        )


def _move(source: Path, target: Path) -> None:
    """Put a directory in place of another, which is there until the last moment."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.replace(old)
    source.replace(target)
    shutil.rmtree(old, ignore_errors=True)
