"""What every named source promises: its terms, whether it is here, and the way into traces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from habitus.data.traces import Traces


class Dataset(ABC):
    """A named real source."""

    name: ClassVar[str]
    """The name in :data:`habitus.datasets.DATASETS`."""
    description: ClassVar[str]
    """What it is and how large, in a sentence or two."""
    notices: ClassVar[tuple[str, ...]]
    """Licence, source and citation, to be printed wherever results are."""

    @abstractmethod
    def missing(self) -> str | None:
        """Return None where the data is at hand, else a sentence that says how to get it."""

    @abstractmethod
    def ingest(self, out: Path) -> Traces:
        """Read the source into traces at ``out``.

        Raises:
            DataError: the source is missing, or not the release that this file knows.
        """
