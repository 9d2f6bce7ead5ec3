from __future__ import annotations

from typing import Any

import pytest

from habitus.errors import GuardError
from habitus.reports.no_ids import refuse_ids
from tests.reports.sample import sample


def with_extra(**extra: object) -> dict[str, Any]:
    """Results of 40 test users with something more in them."""
    return sample(num_tasks=2, num_test=40) | extra


def test_clean_results_pass() -> None:
    refuse_ids(with_extra())


@pytest.mark.parametrize(
    "name",
    ["user_id", "user_ids", "userIds", "household_key", "customer_ids", "test_users", "USER ID"],
)
@pytest.mark.parametrize("ids", [["a"], [7, 8]])
def test_a_list_under_the_name_of_ids_is_refused_however_short(name: str, ids: list[Any]) -> None:
    with pytest.raises(GuardError, match=f"{name} looks like a list of user ids"):
        refuse_ids(with_extra(extra=[{name: ids}]))


def test_a_setting_that_names_the_id_column_passes() -> None:
    refuse_ids(with_extra(config={"events": {"user_id": "household_id"}, "ids": ["item_id"]}))


def test_a_long_list_called_ids_is_refused() -> None:
    with pytest.raises(GuardError, match=r"^ids looks like"):
        refuse_ids(with_extra(ids=[str(i) for i in range(25)]))


@pytest.mark.parametrize(
    "values", [[f"u{i}" for i in range(40)], list(range(1000, 1040))], ids=["text", "numbers"]
)
def test_one_distinct_value_for_each_test_user_is_refused_under_any_name(values: list[Any]) -> None:
    with pytest.raises(GuardError, match="40 distinct values, as many as users"):
        refuse_ids(with_extra(notes=values))


def test_one_key_for_each_test_user_is_refused() -> None:
    with pytest.raises(GuardError, match=r"^config\.scores looks like"):
        refuse_ids(with_extra(config={"scores": {f"u{i}": 0.5 for i in range(40)}}))


@pytest.mark.parametrize(
    "values",
    [
        [f"u{i}" for i in range(39)],  # as many as nobody counts
        [f"u{i % 39}" for i in range(40)],  # one stands twice
        [i / 7 for i in range(40)],  # measured, not whole
        ["a", "b"],  # few
    ],
)
def test_other_lists_pass(values: list[Any]) -> None:
    refuse_ids(with_extra(notes=values))


def test_measured_figures_may_be_one_distinct_whole_number_for_each_user() -> None:
    results = with_extra()
    results["map"]["colors"]["events before the cutoff"] = list(range(40))
    results["pretraining"]["curves"] = {"step": list(range(40)), "train_loss": list(range(40))}
    refuse_ids(results)


def test_ids_hidden_among_the_colours_of_the_map_are_refused_by_name() -> None:
    results = with_extra()
    results["map"]["colors"]["user_id"] = list(range(40))
    with pytest.raises(GuardError, match=r"^map\.colors\.user_id looks like"):
        refuse_ids(results)
