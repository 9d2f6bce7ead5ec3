"""What was computed once and is kept on disk, so that an interrupted evaluation goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def kept(file: Path | None, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the values that a JSON file holds, or make them and write the file in one piece."""
    if file is None:
        return make()
    if file.is_file():
        found: dict[str, Any] = json.loads(file.read_text())
        return found
    values = make()
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}.unfinished")
    unfinished.write_text(json.dumps(values))
    unfinished.replace(file)
    return values
