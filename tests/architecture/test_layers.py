"""The contract on imports is tried: it must stop what it is there to stop."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .source import PACKAGE, ROOT

LINT = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the package, with the settings beside it."""
    shutil.copytree(PACKAGE, tmp_path / "src/habitus", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--no-cache"],
        cwd=root,
        env={"PYTHONPATH": str(root / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_package_keeps_its_layers(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("utils/__init__.py", "", "utils"),
        ("nn/__init__.py", "import habitus.tasks.base", "habitus.nn -> habitus.tasks.base"),
        ("encoders/base.py", "import habitus.objectives.base", "habitus.encoders.base"),
        ("errors.py", "import habitus.registry", "habitus.errors -> habitus.registry"),
        ("encoders/base.py", "import polars", "habitus.encoders.base -> polars"),
    ],
    ids=["a folder without a place", "parts know tasks", "upwards", "errors know", "no polars"],
)
def test_a_wrong_import_is_noticed(copy: Path, file: str, line: str, message: str) -> None:
    path = copy / "src/habitus" / file
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as out:
        out.write(f"\n{line}\n")
    done = lint(copy)
    assert done.returncode != 0
    assert message in done.stdout
