"""How far the events are written: kept after every bucket, so that a killed run goes on there.

Shapes: U users.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from habitus.data.blocks import FlatFile
from habitus.data.ingest_state import Torn
from habitus.data.read_tables import Job
from habitus.data.traces import Rows
from habitus.data.writer import ColumnWriter

WRITTEN = "written"


class FinishedBuckets:
    """What the finished buckets amount to; nothing, or what an earlier run had come to.

    Raises:
        Torn: the files are not what the state of the earlier run says.
    """

    def __init__(self, job: Job, num_users: int) -> None:
        self._job = job
        self._state = job.state.values.get(WRITTEN, {})
        self.users: int = self._state.get("users", 0)
        """Users whose buckets are finished: the first ones."""
        self.num_read: int = self._state.get("num_read", 0)
        """Their events, repeats included."""
        self.unknown: int = self._state.get("unknown", 0)
        """Their events of unknown items."""
        self.count_U: Rows = np.zeros(num_users, np.int64)
        """Events of each user that were written."""
        if self.users:
            self.count_U[: self.users] = self._stored_counts()

    def writer(self, name: str, dtype: npt.DTypeLike, *, text: bool) -> ColumnWriter:
        """Return the writer of a channel, behind the events of finished buckets."""
        state = self._state["files"][name] if self._state else None
        return ColumnWriter(self._job.folder / "events", name, dtype, text=text, state=state)

    def keep(self, users: int, writers: Iterable[ColumnWriter]) -> None:
        """Say that the buckets of the first ``users`` are finished."""
        if not self._job.state.is_kept:
            return
        self._counts().write(self.users, self.count_U[self.users : users])
        self.users = users
        written = {
            "users": users,
            "num_read": self.num_read,
            "unknown": self.unknown,
            "files": {writer.name: writer.state() for writer in writers},
        }
        self._job.state.save(written=written, counted=self._job.counted())

    def _counts(self) -> FlatFile:
        return FlatFile(self._job.scratch / "counts", np.int64)

    def _stored_counts(self) -> Rows:
        counts = self._counts().read(0, self.users)
        if len(counts) != self.users:
            raise Torn(f"counts of {len(counts)} users are there, of {self.users} were written")
        return counts
