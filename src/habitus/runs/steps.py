"""Content-hashed steps: what is done is reused, what changed is done again.

A step's folder is named by a hash of its inputs and of the package's own code, so that a changed
setting, changed data or changed code never meets an old result. ``done.json`` is written last; a
step without it goes on in the folder that it left.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import habitus
from habitus.config import digest_of
from habitus.representations.encode import write_atomically

Json = dict[str, Any]
SHOWN_ONLY = ("cli", "reports", "testing", "serving")
"""Folders whose code shows results and makes none."""


class Steps:
    """The steps of one run, below one folder."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def folder(self, name: str, inputs: Mapping[str, Any]) -> Path:
        """Return the folder of a step with these inputs."""
        return self.root / f"{name}-{digest_of({**inputs, 'code': code_digest()})}"

    def run(
        self, name: str, inputs: Mapping[str, Any], make: Callable[[Path], Json]
    ) -> tuple[Path, Json]:
        """Return the folder and the facts of a step, made now unless they are there.

        Args:
            name: of the step, for people.
            inputs: all that decides the outcome, as plain values.
            make: gets the folder, which may hold what an interrupted attempt left, and returns
                plain facts about what it made.
        """
        folder = self.folder(name, inputs)
        done = folder / "done.json"
        if done.is_file():
            return folder, dict(json.loads(done.read_text())["facts"])
        folder.mkdir(parents=True, exist_ok=True)
        facts = make(folder)
        text = json.dumps({"step": name, "inputs": inputs, "facts": facts}, indent=1)
        write_atomically(done, text.encode())
        # As a later run will read them: tuples have become lists.
        return folder, dict(json.loads(text)["facts"])


@cache
def code_digest() -> str:
    """Return a hash of the package's source, without the folders that only show results."""
    root = Path(habitus.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if name.parts[0] not in SHOWN_ONLY:
            digest.update(name.as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
