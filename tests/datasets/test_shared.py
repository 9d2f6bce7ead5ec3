from pathlib import Path
from typing import Any

import polars as pl
import pytest

from habitus.data.snapshot import Snapshot
from habitus.datasets.amazon_beauty import AmazonBeauty
from habitus.datasets.art_office import ArtOffice
from habitus.datasets.shared import VARIABLE, OrderedDataset
from habitus.datasets.tables import file_digest
from habitus.errors import DataError


def small(
    kind: type[OrderedDataset],
    folder: Path,
    events: dict[str, Any],
    items: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> OrderedDataset:
    """Return a twin of a set, of a few rows."""
    folder.mkdir()
    pl.DataFrame(events).write_parquet(folder / "events.parquet")
    pl.DataFrame(items).write_parquet(folder / "items.parquet")
    digests = {n: file_digest(folder / n) for n in ("events.parquet", "items.parquet")}
    monkeypatch.setattr(kind, "digests", digests)
    return kind(folder)


@pytest.fixture
def two_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OrderedDataset:
    events = {
        "user_id": [2, 2, 2, 1],
        "position": [1, 0, 2, 0],
        "item_id": [11, 10, 12, 10],
        "service": ["office", "arts", "arts", "arts"],
        "split": ["test", "test", "test", "train"],
        "is_target": [False, False, True, False],
    }
    items = {"item_id": [10, 11, 12], "text": ["glue", "pen", "yarn"]}
    return small(ArtOffice, tmp_path / "art-office", events, items, monkeypatch)


def test_events_stand_in_the_order_of_their_positions(
    two_services: OrderedDataset, tmp_path: Path
) -> None:
    traces = two_services.ingest(tmp_path / "out")
    assert traces.manifest.time_unit == "order"
    assert traces.user_ids.to_pylist() == ["1", "2"]
    names = [None, *traces.dictionary("item_id").to_pylist()]
    assert [names[c] for c in traces.column("item_id")] == ["10", "10", "11", "12"]


def test_a_cutoff_leaves_out_the_last_events(two_services: OrderedDataset, tmp_path: Path) -> None:
    snapshot = Snapshot(two_services.ingest(tmp_path / "out"), as_of=2)
    # user 1 has one event, and nothing before their last two
    assert snapshot.lengths_U.tolist() == [0, 1]


def test_targets_are_no_channel_and_the_split_is_a_profile(
    two_services: OrderedDataset, tmp_path: Path
) -> None:
    traces = two_services.ingest(tmp_path / "out")
    assert set(traces.columns) == {"item_id", "service", "kind"}
    profiles = traces.table("profiles")
    assert profiles is not None
    assert profiles["split"].to_pylist() == ["train", "test"]


def test_a_set_of_one_service_is_given_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = {"user_id": [1, 1], "position": [0, 1], "item_id": [4, 5]}
    items = {"item_id": [4, 5], "attribute_ids": [[1, 2], [3]]}
    dataset = small(AmazonBeauty, tmp_path / "amazon-beauty", events, items, monkeypatch)
    traces = dataset.ingest(tmp_path / "out")
    assert traces.dictionary("service").to_pylist() == ["beauty"]
    table = traces.table("items")
    assert table is not None
    assert table["attributes"].to_pylist() == ["1 2", "3"]


def test_without_the_variable_it_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert "set HABITUS_DATA to the one that holds art-office/" in (ArtOffice().missing() or "")
    with pytest.raises(DataError, match="HABITUS_DATA"):
        ArtOffice().ingest(tmp_path / "out")


def test_a_wrong_folder_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert f"{tmp_path / 'art-office'} is no folder" in (ArtOffice().missing() or "")


def test_the_folder_is_found_by_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "art-office").mkdir()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert ArtOffice().missing() is None


def test_another_release_is_refused(two_services: OrderedDataset, tmp_path: Path) -> None:
    assert two_services.folder is not None
    pl.DataFrame({"item_id": [1]}).write_parquet(two_services.folder / "items.parquet")
    with pytest.raises(DataError, match=r"items\.parquet is not the release"):
        two_services.ingest(tmp_path / "out")
