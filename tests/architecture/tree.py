"""The tree of the README: every folder and file with the first line of its own description.

``make tree`` writes it; a test compares it with the README.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BEGIN = "<!-- tree: written by make tree -->\n"
BLOCK = re.compile(re.escape(BEGIN) + r"```text\n(.*?)```\n", re.DOTALL)

REMARKS = {
    "README.md": "what it is, the two commands, this tree",
    "CONTRIBUTING.md": "add a dataset, encoder, objective, comparison or task",
    "CHANGELOG.md": "what changed",
    "Makefile": "demo, test, check, bench, docs: each one line",
    "LICENSE": "Apache-2.0",
    "pyproject.toml": "dependencies, extras, ruff, mypy, pytest, import-linter",
    "constraints.txt": "the versions that are tested; torch is chosen by the machine",
    ".ci": "run: what CI runs, the README's commands",
    "src/habitus": "the package and the command",
    "tests": "the same tree, and architecture/ about the whole",
    "benchmarks": "figures beside their bars; results/ holds them as JSON",
    "docs": "the house and the stack, as they are",
    "examples": "small programs that CI runs",
}
"""What says nothing of itself, in the order of the README."""

DATA = {
    "communities.yaml": "keywords of PASUM's six domains, as printed in table 8",
    "forum_keywords.yaml": "keywords of the debate forums, written before any post was read",
    "pasum_keywords.yaml": "keywords of occupations and majors, as printed (tables 9 and 10)",
    "clue_cells.csv": "the cells of CLUE's table, as printed",
    "page.css": "the style of the report page",
    "page.js": "what the report page does when it is clicked",
}
"""The same inside the package."""

OPEN = {"src/habitus"}
"""Folders of which all is shown."""


def remark(path: Path) -> str:
    """Return the first line of a Python file's docstring, of a folder's ``__init__``."""
    if path.name in DATA:
        return DATA[path.name]
    file = path / "__init__.py" if path.is_dir() else path
    described = file.suffix == ".py" and file.is_file()
    text = (ast.get_docstring(ast.parse(file.read_text())) or "") if described else ""
    line = " ".join(text.partition("\n\n")[0].split()).replace("``", "").rstrip(".")
    return re.sub(r":\w+:`~?([^`]*)`", r"\1", line)


def lines() -> list[tuple[str, str]]:
    """Return (indented name, remark) of each line of the tree."""
    out = []
    for name, text in REMARKS.items():
        path = ROOT / name
        if not path.exists():
            continue
        out.append((name + "/" * path.is_dir(), text))
        if name in OPEN:
            out += below(path, 1)
    return out


def below(folder: Path, depth: int) -> list[tuple[str, str]]:
    """Return the lines of what is in a folder: files first, then folders."""
    out = []
    for path in sorted(folder.iterdir(), key=lambda p: (p.is_dir(), p.name)):
        if path.name in ("__pycache__", "__init__.py", "py.typed"):
            continue
        out.append(("  " * depth + path.name + "/" * path.is_dir(), remark(path)))
        if path.is_dir():
            out += below(path, depth + 1)
    return out


def tree() -> str:
    """Return the tree as text."""
    rows = lines()
    width = max(len(name) for name, _ in rows) + 2
    return "".join(f"{name:<{width}}{text}".rstrip() + "\n" for name, text in rows)


def main() -> int:
    """Write the tree into the README."""
    text = README.read_text()
    if not BLOCK.search(text):
        sys.stderr.write(f"{README.name} has no block after {BEGIN}")
        return 1
    README.write_text(BLOCK.sub(lambda _: f"{BEGIN}```text\n{tree()}```\n", text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
