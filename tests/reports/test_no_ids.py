from __future__ import annotations

from typing import Any

import pytest

from habitus.errors import GuardError
from habitus.reports.no_ids import refuse_ids
from habitus.runs import RUNS
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


def settings(count: int) -> dict[str, Any]:
    """As many settings as that, of several kinds, as a training's are."""
    values = [0.5, "adamw", None, True, [1, 2], {"a": 1}]
    return {f"setting_{'x' * i}": values[i % len(values)] for i in range(count)}


@pytest.mark.parametrize("path", [("config",), ("config", "training"), ("config", "a", "b")])
def test_as_many_settings_as_test_users_pass(path: tuple[str, ...]) -> None:
    extra: Any = settings(40)
    for name in reversed(path):
        extra = {name: extra}
    refuse_ids(with_extra(**extra))


def test_the_settings_of_every_run_pass_whatever_the_number_of_users() -> None:
    for name in RUNS:
        config = RUNS[name]("ci").to_dict()
        for num_test in range(20, 40):
            refuse_ids(sample(num_tasks=1, num_test=num_test) | {"config": config})


@pytest.mark.parametrize(
    "hidden",
    [
        {f"u{i}": [0.5, 1][i % 2] for i in range(40)},  # whole or not, a number
        {f"u{i}": None if i % 2 else "a" for i in range(40)},
        {f"{i:04d}": settings(6)[f"setting_{'x' * (i % 6)}"] for i in range(40)},  # no names
        [f"u{i}" for i in range(40)],
    ],
    ids=["numbers", "some", "numerals", "list"],
)
def test_what_is_told_of_each_user_is_refused_among_settings_too(hidden: Any) -> None:
    with pytest.raises(GuardError, match=r"^config\.training\.extra looks like"):
        refuse_ids(with_extra(config={"training": settings(23) | {"extra": hidden}}))


def test_as_many_settings_outside_the_config_are_refused() -> None:
    with pytest.raises(GuardError, match=r"^elsewhere looks like"):
        refuse_ids(with_extra(elsewhere=settings(40)))


def test_known_parts_may_be_as_many_as_test_users() -> None:
    results = with_extra(
        versions={f"package{i}": "1.0" for i in range(40)},
        machine={"cores": {f"core{i}": 1 for i in range(40)}},
        seeds=list(range(40)),
        pretrain_seeds=list(range(40)),
    )
    results["tasks"][0] |= {
        "classes": [f"c{i}" for i in range(40)],
        "train_cutoffs": [f"2020-01-{i}" for i in range(40)],
    }
    results["cells"][0]["splits"] = {str(i): {"macro_f1": 0.5} for i in range(40)}
    refuse_ids(results)
    # The results themselves have no more than two dozen keys, and their number is no sign either.
    refuse_ids(results | {f"part{i}": 1 for i in range(40 - len(results))})


@pytest.mark.parametrize("part", ["versions", "machine", "config"])
def test_a_list_named_as_ids_is_refused_in_known_parts_too(part: str) -> None:
    with pytest.raises(GuardError, match=rf"^{part}\.user_ids looks like"):
        refuse_ids(with_extra(**{part: {"user_ids": ["a"]}}))
