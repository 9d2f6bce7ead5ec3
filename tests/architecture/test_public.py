"""What is public is named, sorted and described."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from .source import PACKAGE, definitions, module_name, parsed, shown, source_files

files = pytest.mark.parametrize("path", source_files(), ids=shown)
packages = pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=shown)


def kind_then_name(name: str) -> tuple[int, str]:
    """Return the order of ``__all__``: CONSTANTS, Classes, functions, as ruff sorts it."""
    return (0 if name.isupper() else 1 if re.match("_*[A-Z]", name) else 2), name


def exported(path: Path) -> list[str] | None:
    """Return ``__all__`` of a file, None where it has none."""
    for node in parsed(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names = ast.literal_eval(node.value)
            assert isinstance(names, list)
            return names
    return None


def own_names(path: Path) -> set[str]:
    """Return the public classes, functions and values that a package makes itself."""
    names: set[str] = {node.name for node in definitions(path)}
    for node in parsed(path).body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


@packages
def test_a_package_lists_what_it_offers(path: Path) -> None:
    assert own_names(path) - {"TYPE_CHECKING"} <= set(exported(path) or [])


@files
def test_all_is_sorted_and_exists(path: Path) -> None:
    names = exported(path)
    if names is None:
        return
    assert names == sorted(names, key=kind_then_name)
    module = importlib.import_module(module_name(path))
    assert [name for name in names if not hasattr(module, name)] == []


def undescribed(node: ast.Module | ast.ClassDef, *, contract: bool) -> list[str]:
    """Return the public classes, functions and methods below ``node`` without a docstring.

    What overrides is described by the base class; a test in a contract by its name.
    """
    missing = []
    for child in node.body:
        if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if child.name.startswith("_"):
                continue
            told = ast.get_docstring(child) or "override" in map(ast.unparse, child.decorator_list)
            if not told and not (contract and child.name.startswith("test_")):
                missing.append(child.name)
            if isinstance(child, ast.ClassDef):
                missing += undescribed(child, contract=contract)
    return missing


@files
def test_every_public_thing_is_described(path: Path) -> None:
    assert ast.get_docstring(parsed(path)), "a module says what it is"
    assert undescribed(parsed(path), contract="testing" in path.parts) == []
