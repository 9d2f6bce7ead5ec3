from pathlib import Path

import polars as pl
import pytest

from habitus.data.infer import infer_mapping
from habitus.data.ingest import ingest
from habitus.data.sources import Source
from habitus.data.traces import Traces
from habitus.errors import DataError, UsageError

FRAME = pl.DataFrame(
    {
        "user_id": [f"u{i % 7}" for i in range(2_000)],
        "time": range(2_000),
        "item_id": [f"i{i % 3}" for i in range(2_000)],
        "kind": ["view", "buy"] * 1_000,
        "place": [f"place {i}" for i in range(2_000)],
        "price": [i / 4 for i in range(2_000)],
        "constant": "x",
    }
)


@pytest.mark.parametrize("kind", ["frame", "csv", "jsonl"])
def test_columns_become_channels_of_their_names(tmp_path: Path, kind: str) -> None:
    source: Source = FRAME
    if kind == "csv":
        FRAME.write_csv(tmp_path / "e.csv")
        source = tmp_path / "e.csv"
    elif kind == "jsonl":
        FRAME.write_ndjson(tmp_path / "e.jsonl")
        source = tmp_path / "e.jsonl"
    found = infer_mapping(source, "e")
    # Many texts are an ID, few a category; fractions are dense; what never changes says nothing.
    assert {name: c.kind for name, c in found.events.channels.items()} == {
        "item_id": "id",
        "kind": "category",
        "place": "id",
        "price": "dense",
    }
    ingest({"events": source}, found, tmp_path / "out")
    assert Traces(tmp_path / "out").num_events == 2_000


@pytest.mark.parametrize(("missing", "near"), [("user_id", "usr_id"), ("time", "tme")])
def test_without_our_names_a_mapping_is_needed(missing: str, near: str) -> None:
    with pytest.raises(DataError, match=f"no column '{missing}'; did you mean '{near}'.*check e"):
        infer_mapping(FRAME.rename({missing: near}), "e")


def test_a_name_that_no_channel_may_have_needs_a_mapping() -> None:
    with pytest.raises(UsageError, match="'the price' cannot name a channel"):
        infer_mapping(FRAME.rename({"price": "the price"}), "e")
