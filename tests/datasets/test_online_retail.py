import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from habitus.data.snapshot import parse_time
from habitus.data.traces import Traces
from habitus.datasets.online_retail import OnlineRetail
from habitus.datasets.tables import file_digest
from habitus.testing.datasets import DatasetContract


class TestOnlineRetail(DatasetContract):
    """The real one, where HABITUS_DATA is set."""

    @classmethod
    def make_dataset(cls) -> OnlineRetail:
        return OnlineRetail()

    def test_it_is_as_large_as_it_says(self, traces: Traces) -> None:
        # 541,909 rows less the 135,080 without a customer
        assert (traces.num_users, traces.num_events) == (4_372, 406_829)


@pytest.fixture
def traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Traces:
    """Return a twin of five rows, the last without a customer."""
    day = dt.datetime(2011, 1, 2, 9, 30)
    pl.DataFrame(
        {
            "InvoiceNo": ["1", "1", "C2", "3", "4"],
            "StockCode": ["a", "b", "a", "a", "a"],
            "Description": ["MUG ", "PLATE", "MUG", "mug?", None],
            "Quantity": [6, 1, -2, 1, 1],
            "InvoiceDate": [day, day, day, day, day],
            "UnitPrice": [2.5, 1.0, 2.5, 2.5, 0.0],
            "CustomerID": [17850.0, 17850.0, 17850.0, 9.0, None],
            "Country": ["France"] * 5,
        }
    ).write_parquet(tmp_path / "transactions.parquet")

    digests = {"transactions.parquet": file_digest(tmp_path / "transactions.parquet")}
    monkeypatch.setattr(OnlineRetail, "digests", digests)
    return OnlineRetail(tmp_path).ingest(tmp_path / "out")


def test_ids_are_whole_numbers_and_unknown_people_are_left_out(traces: Traces) -> None:
    assert traces.user_ids.to_pylist() == ["17850", "9"]
    assert traces.num_events == 4


def test_a_negative_quantity_is_a_return(traces: Traces) -> None:
    names = [None, *traces.dictionary("kind").to_pylist()]
    kinds = [names[code] for code in traces.column("kind")]
    assert kinds == ["purchase", "purchase", "return", "purchase"]
    assert traces.column("quantity").tolist() == [6.0, 1.0, -2.0, 1.0]
    assert set(traces.time_L.tolist()) == {parse_time("2011-01-02T09:30")}


def test_an_item_has_its_most_frequent_description(traces: Traces) -> None:
    items = traces.table("items")
    assert items is not None
    # "MUG " and "MUG" are one description, written twice
    assert items.select(["item_id", "text"]).to_pylist() == [
        {"item_id": "a", "text": "MUG"},
        {"item_id": "b", "text": "PLATE"},
    ]
