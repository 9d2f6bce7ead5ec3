"""Datasets that are tables and a mapping: most of them."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from habitus.data.columns import TableName
from habitus.data.traces import Traces
from habitus.datasets.base import Dataset
from habitus.errors import DataError

if TYPE_CHECKING:
    from habitus.data.mapping import TracesMapping
    from habitus.data.sources import Source


class TablesDataset(Dataset):
    """A named source that can be said in the five tables of the open schema."""

    def fetch(self) -> None:
        """Get what can be got without anybody's help.

        Raises:
            DataError: the source is missing; the message says how to get it.
        """
        problem = self.missing()
        if problem is not None:
            raise DataError(problem)

    @abstractmethod
    def tables(self) -> dict[TableName, Source]:
        """Return the tables of the source.

        Raises:
            DataError: the source is missing, or not the release that this file knows.
        """

    @abstractmethod
    def mapping(self) -> TracesMapping:
        """Return what the columns of :meth:`tables` mean."""

    def ingest(self, out: Path) -> Traces:
        """Read the source into traces at ``out``.

        Raises:
            DataError: the source is missing, or not the release that this file knows.
        """
        from habitus.data.ingest import ingest

        self.fetch()
        ingest(self.tables(), self.mapping(), out)
        return Traces(out)


def check_release(folder: Path, digests: Mapping[str, str]) -> None:
    """Compare the files of a source with the release that was described.

    Args:
        folder: where the files lie.
        digests: BLAKE2b (128 bits) of each file, in hex.

    Raises:
        DataError: a file is missing or another one.
    """
    for name, expected in digests.items():
        file = folder / name
        try:
            found = file_digest(file)
        except OSError as error:
            raise DataError(f"{file} cannot be read ({error}); get the data again") from error
        if found != expected:
            raise DataError(
                f"{file} is not the release that this version knows: its BLAKE2b is {found}, "
                f"expected {expected}; get the data again, or map it yourself with 'habitus ingest'"
            )


def file_digest(file: Path) -> str:
    """Return BLAKE2b (128 bits) of a file, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
