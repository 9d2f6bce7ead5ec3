"""Import rules that layers cannot say."""

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from .source import PACKAGE, ROOT, imports, module_name, parsed, shown, source_files

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

IMPORT_NAMES = {"scikit-learn": "sklearn", "pyyaml": "yaml", "mlflow-skinny": "mlflow"}
"""Where a distribution is imported under another name."""


def names(requirements: list[str]) -> set[str]:
    """Return the import names of requirements such as ``numpy>=2``."""
    found = {re.split(r"[\s\[<>=!~;]", line, maxsplit=1)[0].lower() for line in requirements}
    return {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in found}


CORE = names(PROJECT["dependencies"])
EXTRAS = {
    name
    for extra, requirements in PROJECT["optional-dependencies"].items()
    if extra != "dev"
    for name in names(requirements) - {"habitus"}
}
TESTING = names(PROJECT["optional-dependencies"]["testing"])
files = pytest.mark.parametrize("path", source_files(), ids=shown)


def top_level(path: Path) -> ast.Module:
    """Return the statements that run when a module is imported."""
    body = [node for node in parsed(path).body if not isinstance(node, (ast.FunctionDef, ast.If))]
    return ast.Module(
        [node for node in body if not isinstance(node, ast.ClassDef)], type_ignores=[]
    )


def third_party(tree: ast.AST) -> set[str]:
    """Return the packages outside the standard library that ``tree`` imports when it runs."""
    for_tools = {
        statement
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
    }
    roots = {module.partition(".")[0] for node, module in imports(tree) if node not in for_tools}
    return roots - sys.stdlib_module_names - {"habitus"}


@files
def test_what_is_imported_is_declared(path: Path) -> None:
    assert third_party(parsed(path)) <= CORE | EXTRAS


@files
def test_an_extra_is_imported_where_it_is_used_not_with_the_module(path: Path) -> None:
    # Contracts are only imported by tests, which have what the extra "testing" brings.
    allowed = TESTING if "testing" in path.parts else set()
    assert not third_party(top_level(path)) & (EXTRAS - CORE) - allowed


@files
def test_the_package_does_not_go_through_its_own_front_door(path: Path) -> None:
    # habitus.Traces is lazy, so import-linter would not see what is behind it.
    taken = {
        alias.name
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and node.module == "habitus"
        for alias in node.names
    }
    assert taken <= {"__version__"}


@pytest.mark.parametrize("family", ["encoders", "objectives", "comparisons", "datasets"])
def test_members_of_a_family_do_not_know_each_other(family: str) -> None:
    package = f"habitus.{family}"
    # What is not in the table is a part that several may share, such as the base class.
    registered = set(
        re.findall(rf'"({package}\.\w+):', (PACKAGE / family / "__init__.py").read_text())
    )
    assert registered
    for path in sorted((PACKAGE / family).glob("*.py")):
        if module_name(path) in registered:
            others = registered - {module_name(path)}
            assert not others & {module for _, module in imports(parsed(path))}, shown(path)


@pytest.mark.parametrize("path", sorted((PACKAGE / "cli").glob("*.py")), ids=shown)
def test_a_verb_begins_light(path: Path) -> None:
    assert third_party(top_level(path)) <= {"typer", "rich"}


def test_what_is_declared_is_imported_somewhere() -> None:
    text = "".join(path.read_text() for path in source_files())
    # By name, not by import: a source may only be read as files of the package that holds it.
    assert [name for name in sorted(CORE | EXTRAS) if name not in text] == []


@files
def test_only_the_web_and_cluster_files_know_web_and_cluster(path: Path) -> None:
    known = {
        "serving/server.py": {"fastapi", "uvicorn", "starlette"},
        "training/distributed.py": {"ray"},
    }
    every = {name for group in known.values() for name in group}
    allowed = known.get(path.relative_to(PACKAGE).as_posix(), set())
    assert not (third_party(parsed(path)) & every) - allowed
