"""Where the environments of peers lie and what is in them.

They are kept out of ``pyproject.toml``: their pins are their own.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[2] / ".cache/peers"

REQUIREMENTS: Final[dict[str, tuple[str, ...]]] = {
    # 0.7.0 installs but does not import: its wheel lacks ptls.preprocessing.dask
    # .dask_transformation. 0.6.0 is the nearest that does; pyspark it does not declare.
    "pytorch_lifestream": ("pytorch-lifestream==0.6.0", "pyspark", "pandas", "torch<2.14"),
    "sentence_transformers": ("sentence-transformers==6.2.0", "torch<2.14"),
}


def python_of(name: str) -> Path | None:
    """Return the interpreter of a peer's environment, None where it has not been made."""
    python = FOLDER / name / "bin/python"
    return python if python.exists() else None


def make(name: str) -> int:
    """Make an environment, with uv where there is one; return the exit status."""
    folder = FOLDER / name
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    python = str(folder / "bin/python")
    uv = shutil.which("uv")
    install = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    return subprocess.run([*install, *REQUIREMENTS[name]], check=False).returncode
