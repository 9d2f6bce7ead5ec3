"""A directory that is there whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from habitus.data.files import is_disk_full
from habitus.errors import DataError, HabitusError, UsageError

QUARANTINE = "quarantine"


@contextmanager
def workspace(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a folder beside ``out`` that takes its place when the block ends well.

    Otherwise nothing is left of it but the quarantine, which is kept beside ``out``, and what stood
    at ``out`` before stands there still.

    Raises:
        UsageError: something stands at ``out`` and may not be overwritten.
        DataError: no space is left on the device.
    """
    check_free(out, overwrite=overwrite)
    folder = out.with_name(f".{out.name}.partial")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        yield folder
        _move(folder, out)
        shutil.rmtree(quarantine_beside(out), ignore_errors=True)
    except BaseException as error:
        if isinstance(error, HabitusError) and (folder / QUARANTINE).is_dir():
            _move(folder / QUARANTINE, quarantine_beside(out))
        shutil.rmtree(folder, ignore_errors=True)
        if is_disk_full(error):
            raise DataError(
                f"no space is left on the device of {out.parent}: nothing was written at {out}; "
                f"free some space, or choose another place for it, and run this again"
            ) from error
        raise


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
        raise UsageError(f"{out} exists: choose another place, or allow it to be overwritten")


def _move(source: Path, target: Path) -> None:
    """Put a directory in place of another, which is there until the last moment."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.replace(old)
    source.replace(target)
    shutil.rmtree(old, ignore_errors=True)
