"""Documents as sessions: their blocks run from top to bottom in one folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RUN = {"console": False, "python": False, "yaml": True}
"""Languages that take part, and whether they do with a title or without."""


class Block(NamedTuple):
    """A fenced block."""

    language: str
    title: str
    """What follows the language: ``title=path`` for a block that is a file, else empty."""
    text: str
    line: int


def blocks(document: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a document that name a language."""
    text = document.read_text()
    for match in FENCE.finditer(text):
        language, title, body = match.groups()
        yield Block(language, title.strip(), body, text.count("\n", 0, match.start()) + 1)


def programs(document: Path) -> Iterator[Block]:
    """Yield the blocks to run, and the settings that they read: ``yaml`` with a title."""
    for block in blocks(document):
        if RUN.get(block.language) is bool(block.title):
            yield block


def commands(block: Block) -> str:
    """Return the command lines of a console block, what they print left out.

    >>> commands(Block("console", "", "$ habitus get \\\\\\n    synthetic\\n2,000 users\\n", 1))
    'habitus get \\\\\\n    synthetic\\n'
    """
    out, inside = "", False
    for line in block.text.splitlines():
        if inside or line.startswith("$ "):
            out += line.removeprefix("$ ") + "\n"
            inside = line.endswith("\\")
    return out


def run(document: Path, folder: Path, python: Path = Path(sys.executable)) -> None:
    """Run a document in ``folder`` with the programs that stand beside ``python``.

    Raises:
        AssertionError: a block failed, with what it printed.
    """
    env = dict(os.environ)
    env |= {"PATH": f"{python.parent}{os.pathsep}{env['PATH']}", "OMP_NUM_THREADS": "1"}
    env.pop("PYTHONPATH", None)
    for block in programs(document):
        if block.language == "yaml":
            (folder / block.title.removeprefix("title=")).write_text(block.text)
            continue
        shell = ["bash", "-euo", "pipefail", "-c", commands(block)]
        command = shell if block.language == "console" else [str(python), "-c", block.text]
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, check=False
        )
        where = f"{document.name}, line {block.line}"
        assert done.returncode == 0, f"{where}:\n{block.text}\n{done.stdout}\n{done.stderr}"
