import ast
import subprocess
import sys
from pathlib import Path

import pytest

import habitus


def test_the_front_door_opens() -> None:
    assert 8 <= len(habitus.__all__) <= 20, "about a dozen public names"
    assert set(habitus.__all__) <= set(dir(habitus))
    assert dir(habitus) == sorted(dir(habitus))
    for name in habitus.__all__:
        assert getattr(habitus, name) is not None


def test_the_front_door_says_what_it_does_not_have() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'Trace'; did you mean 'Traces'\?"):
        habitus.Trace  # noqa: B018


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import habitus, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "polars", "pyarrow", "sklearn"} & set(done.stdout.split())


def test_a_checker_sees_what_a_program_sees() -> None:
    # Imports under TYPE_CHECKING are for tools, the table is for programs: one list, told twice.
    tree = ast.parse(Path(habitus.__file__).read_text())
    told = {
        alias.name: f"{node.module}:{alias.name}"
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == habitus._PLACES
    assert set(told) | {"__version__"} == set(habitus.__all__)


def test_a_name_is_looked_up_once() -> None:
    vars(habitus).pop("Traces", None)
    first = habitus.Traces
    assert vars(habitus)["Traces"] is first
