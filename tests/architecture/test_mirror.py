"""The tests are the same tree as the package."""

import ast
from pathlib import Path

import pytest

from .source import PACKAGE, TESTS, definitions, parsed, shown, source_files

EXCEPTIONS: set[str] = set()
"""Files of the package without a test of their own. This list may only shrink."""

ELSEWHERE = {"architecture", "benchmarks", "golden"}
"""Folders of tests about the whole."""


def twin_of(path: Path) -> Path:
    """Return where the test of a file stands."""
    inside = path.relative_to(PACKAGE)
    stem = inside.parent.name or "package" if path.name == "__init__.py" else path.stem
    return TESTS / inside.parent / f"test_{stem}.py"


def has_code(path: Path) -> bool:
    """Return whether a file does anything: a class that only declares has nothing to test."""
    return any(
        isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and any(not declares(statement) for statement in node.body)
        for top in definitions(path)
        for node in ast.walk(top)
    )


def declares(statement: ast.stmt) -> bool:
    """Return whether a statement is a docstring, ``...`` or ``raise NotImplementedError``."""
    if isinstance(statement, ast.Raise):
        return "NotImplementedError" in ast.unparse(statement)
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


WITH_CODE = [path for path in source_files() if has_code(path)]


@pytest.mark.parametrize(
    "path", [p for p in WITH_CODE if p.relative_to(PACKAGE).as_posix() not in EXCEPTIONS], ids=shown
)
def test_a_file_has_its_test_beside_it_by_path(path: Path) -> None:
    assert twin_of(path).is_file(), f"{shown(twin_of(path))} is missing"


@pytest.mark.parametrize("name", sorted(EXCEPTIONS))
def test_an_exception_is_still_needed(name: str) -> None:
    assert PACKAGE / name in WITH_CODE, "it is gone, or has no code: strike it from EXCEPTIONS"
    assert not twin_of(PACKAGE / name).is_file(), "it has its test: strike it from EXCEPTIONS"


def test_every_folder_of_tests_is_a_folder_of_the_package() -> None:
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    strange = [f for f in folders if not (PACKAGE / f).is_dir() and f.parts[0] not in ELSEWHERE]
    assert strange == []


@pytest.mark.parametrize("path", sorted(TESTS.rglob("test_*.py")), ids=shown)
def test_a_test_file_tests_something(path: Path) -> None:
    names = [node.name for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef)]
    contract = any(isinstance(node, ast.ClassDef) and node.bases for node in parsed(path).body)
    assert contract or any(name.startswith("test_") for name in names)
