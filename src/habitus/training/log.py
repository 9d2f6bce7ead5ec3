"""Log: one JSON object a line, and never a line twice or a line lost, however often one resumes."""

from __future__ import annotations

import io
import json
import math
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from habitus.errors import DataError

Record = dict[str, Any]


class Log:
    """The history of a training, in memory and as JSON lines in a file.

    A checkpoint notes the size of the file; resuming cuts the file to it, since what was logged
    after the checkpoint will happen again.

    Args:
        path: the file; made where it is missing, with its folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: list[Record] = []
        self._file: BinaryIO = io.BytesIO()

    def open(self, size: int = 0) -> None:
        """Keep the first ``size`` bytes and go on after them; 0 to begin anew.

        Raises:
            DataError: the file cannot be written, or holds something else than a log.
        """
        path = self.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
            if path.stat().st_size < size:
                warnings.warn(
                    f"{path} is shorter than its checkpoint says: some history is lost",
                    RuntimeWarning,
                    stacklevel=2,
                )
            os.truncate(path, min(size, path.stat().st_size))
            self.records = [json.loads(line) for line in path.read_bytes().splitlines()]
        except OSError as error:
            raise DataError(f"cannot write the log {path}: {error}") from error
        except ValueError as error:
            raise DataError(f"{path} is no log of a training ({error}): remove it") from error

    def write(self, record: Mapping[str, Any]) -> Record:
        """Add a record; what is not a finite number becomes null."""
        plain = {key: _plain(value) for key, value in record.items()}
        try:
            self._file.write(json.dumps(plain, allow_nan=False).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise DataError(f"cannot write the log {self.path}: {error}; free space") from error
        self.records.append(plain)
        return plain

    def sync(self) -> int:
        """Wait until all lines are on the disk; return the size of the file."""
        os.fsync(self._file.fileno())
        return self.path.stat().st_size

    def close(self) -> None:
        """Close the file; the records stay."""
        self._file.close()


def _plain(value: Any) -> Any:  # noqa: ANN401 - anything a record holds
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
