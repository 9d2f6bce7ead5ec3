from hashlib import blake2b
from pathlib import Path
from typing import ClassVar

import polars as pl
import pytest

from habitus.data.columns import TableName
from habitus.data.mapping import TracesMapping
from habitus.data.sources import Source
from habitus.datasets.tables import TablesDataset, check_release, file_digest
from habitus.errors import DataError


class Two(TablesDataset):
    """Two events of two users."""

    name: ClassVar[str] = "two"
    description: ClassVar[str] = "two events"
    notices: ClassVar[tuple[str, ...]] = ("nobody's",)

    def missing(self) -> str | None:
        return None

    def tables(self) -> dict[TableName, Source]:
        return {"events": pl.DataFrame({"user_id": ["b", "a"], "time": [20, 10]})}

    def mapping(self) -> TracesMapping:
        return TracesMapping()


class Gone(Two):
    """The same, not at hand."""

    def missing(self) -> str | None:
        return "ask somebody for it"


def test_tables_and_a_mapping_become_traces(tmp_path: Path) -> None:
    traces = Two().ingest(tmp_path / "out")
    assert traces.user_ids.to_pylist() == ["a", "b"]
    assert traces.time_L.tolist() == [10, 20]


def test_what_is_missing_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="ask somebody for it"):
        Gone().ingest(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"abc" * 100_000)
    assert file_digest(file) == blake2b(b"abc" * 100_000, digest_size=16).hexdigest()


def test_the_right_release_passes_and_another_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"abc")
    right = blake2b(b"abc", digest_size=16).hexdigest()
    check_release(tmp_path, {"a.bin": right})
    (tmp_path / "a.bin").write_bytes(b"abd")
    with pytest.raises(DataError, match=f"expected {right}"):
        check_release(tmp_path, {"a.bin": right})
    with pytest.raises(DataError, match=r"b\.bin cannot be read"):
        check_release(tmp_path, {"b.bin": right})
