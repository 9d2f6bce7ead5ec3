"""The recipe of CONTRIBUTING.md is followed to the letter, in a copy of the repository."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .documents import Block, blocks
from .source import ROOT

RECIPE = [block for block in blocks(ROOT / "CONTRIBUTING.md") if block.title]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of what a contributor has."""
    for name in ("src", "tests", "benchmarks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def follow(block: Block, root: Path) -> None:
    """Write the file that a block is, or add the line that it is to a table."""
    _, path, line = re.fullmatch(r"(title=)(\S+)( line)?", block.title).groups()  # type: ignore[union-attr]
    file = root / path
    if line is None:
        assert not file.exists(), f"{path} exists: the recipe needs another example"
        file.parent.mkdir(exist_ok=True)
        file.write_text(block.text)
        return
    text, count = re.subn(
        r'("\w+",\s*\{\n)', lambda m: m[1] + block.text, file.read_text(), count=1
    )
    assert count == 1, f"{path} holds no table"
    file.write_text(text)


def passes(root: Path, *arguments: str) -> bool:
    """Return whether some tests of the copy pass."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-x", *arguments],
        cwd=root,
        env={"PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    sys.stdout.write(done.stdout)
    return done.returncode == 0


REGISTERED = ("tests/architecture/test_registries.py", "-k", "comparisons")


def test_one_file_one_line_one_test_file(copy: Path) -> None:
    assert [block.title.endswith(" line") for block in RECIPE] == [False, True, False]
    for block in RECIPE:
        follow(block, copy)
    assert passes(copy, RECIPE[2].title.removeprefix("title="))
    assert passes(copy, *REGISTERED)
    check = [sys.executable, "-m", "ruff", "check", "--no-cache", "src/habitus/comparisons"]
    subprocess.run(check, cwd=copy, check=True)
    subprocess.run([*check[:-1], "tests/comparisons"], cwd=copy, check=True)


def test_each_step_that_is_forgotten_is_noticed(copy: Path) -> None:
    follow(RECIPE[0], copy)
    assert not passes(copy, *REGISTERED), "the line was forgotten"
    follow(RECIPE[1], copy)
    assert not passes(copy, *REGISTERED), "the test was forgotten"
