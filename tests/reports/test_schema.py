from __future__ import annotations

import copy
from typing import Any

import pytest

from habitus.errors import DataError, GuardError
from habitus.reports import check_results
from tests.reports.class_sample import class_sample
from tests.reports.sample import sample, versus

RESULTS = sample()
OPTIONAL = [
    *("command", "config", "preset", "seeds", "pretrain_seeds", "versions", "machine"),
    *("pretraining", "encoding", "map", "canaries", "notes"),
]
REQUIRED = [
    *("title", "created", "data", "split", "tasks", "methods", "cells", "differences", "summary"),
]


def put(results: dict[str, Any], path: str, value: object) -> None:
    """Set what stands at a path such as ``cells.0.metrics.auroc.low``."""
    *steps, last = path.split(".")
    place: Any = results
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[int(last) if isinstance(place, list) else last] = value


def changed(path: str, value: object, of: dict[str, Any] | None = None) -> dict[str, Any]:
    results = copy.deepcopy(RESULTS if of is None else of)
    put(results, path, value)
    return results


@pytest.mark.parametrize("num_tasks", [0, 1, 8, 20])
def test_the_sample_is_format_1(num_tasks: int) -> None:
    if num_tasks == 0:
        empty: dict[str, list[Any]] = {"tasks": [], "cells": [], "differences": [], "summary": []}
        check_results(sample() | empty)
    else:
        check_results(sample(num_tasks=num_tasks))


@pytest.mark.parametrize("key", OPTIONAL)
def test_an_optional_part_may_be_missing_or_null(key: str) -> None:
    check_results({k: v for k, v in RESULTS.items() if k != key})
    check_results(RESULTS | {key: None})


@pytest.mark.parametrize("key", REQUIRED)
def test_a_required_part_is_named_when_it_is_missing(key: str) -> None:
    with pytest.raises(DataError, match=f"^{key} is missing$"):
        check_results({k: v for k, v in RESULTS.items() if k != key})


@pytest.mark.parametrize("found", [None, 2, "1", True])
def test_another_format_is_refused(found: object) -> None:
    with pytest.raises(DataError, match=f"^format must be 1, got {found!r}"):
        check_results(RESULTS | {"format": found})


@pytest.mark.parametrize("value", [[], "text", None])
def test_results_that_are_no_object_are_refused(value: Any) -> None:
    with pytest.raises(DataError, match=r"^the results must be an object"):
        check_results(value)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("cells.3.metrics.auroc.low", "x", "cells[3].metrics.auroc.low must be a number from 0"),
        ("cells.3.metrics.auroc.value", 1.2, "cells[3].metrics.auroc.value must be a number from"),
        ("cells.3.metrics.log_loss.value", -0.1, "cells[3].metrics.log_loss.value must be"),
        ("cells.3.metrics.auroc.low", 0.99, "cells[3].metrics.auroc.low is 0.99, above"),
        ("cells.3.metrics.auroc.low", None, "cells[3].metrics.auroc has one end of an interval"),
        ("cells.3.metrics.auroc.seeds", 3, "cells[3].metrics.auroc.seeds must be a list"),
        ("cells.3.metrics.auroc", {"value": 1}, "cells[3].metrics.auroc.low is missing"),
        ("cells.0.method", "nobody", "cells[0].method must be one of 'majority'"),
        ("cells.0.task", "nothing", "cells[0].task must be one of 'coupon'"),
        ("cells.0.strata.cold.num_users", -1, "cells[0].strata.cold.num_users must be a whole"),
        ("cells.0.calibration.count", [1], "cells[0].calibration.count has 1 members, but"),
        ("differences.2.against", "nobody", "differences[2].against must be one of"),
        ("differences.2.verdict", "won", "differences[2].verdict must be one of 'better'"),
        ("differences.2.low", None, "differences[2] has one end of an interval"),
        ("summary.4.against.verdict", 3, "summary[4].against.verdict must be one of"),
        ("summary.4.against.method", "nobody", "summary[4].against.method must be one of"),
        ("summary.4.value", "x", "summary[4].value must be a number"),
        ("tasks.1.name", "coupon", "tasks[1].name is 'coupon', which stands there already"),
        ("tasks.1.base_rate_test", 12, "tasks[1].base_rate_test must be a number from 0 to 1"),
        ("tasks.1.question", None, "tasks[1].question must be text, got None"),
        ("methods.0.group", "theirs", "methods[0].group must be one of 'control'"),
        ("methods.1.name", "majority", "methods[1].name is 'majority', which stands there"),
        ("data.num_users", 3.5, "data.num_users must be a whole number"),
        ("data.notices", "one", "data.notices must be a list"),
        ("data.channels.0.kind", None, "data.channels[0].kind must be text"),
        ("split.train", "many", "split.train must be a whole number"),
        ("map.x", [0.0], "map.y has 617 members, but map.x has 1"),
        ("map.colors.coupon", [0, 1], "map.colors.coupon has 2 members, but map.x has 617"),
        ("map.colors.coupon.0", "yes", "map.colors.coupon[0] must be a number"),
        ("pretraining.padding_share", 2.7, "pretraining.padding_share must be a number from 0 to"),
        ("pretraining.seconds", "long", "pretraining.seconds must be a number from 0"),
        ("pretraining.curves.step", [1, 2], "pretraining.curves.train_loss has 120 members, but"),
        ("pretraining.curves.valid_loss", [], "pretraining.curves.valid_loss has 0 members, but"),
        ("pretraining.curves.parts.store", [1.0], "pretraining.curves.parts.store has 1 members"),
        ("canaries.0.passed", "yes", "canaries[0].passed must be true or false"),
        ("seeds", ["a"], "seeds[0] must be a whole number"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(path: str, value: object, message: str) -> None:
    with pytest.raises(DataError) as caught:
        check_results(changed(path, value))
    assert str(caught.value).startswith(message)


def test_a_cell_that_stands_twice_is_refused() -> None:
    results = copy.deepcopy(RESULTS)
    results["cells"].append(results["cells"][0])
    with pytest.raises(DataError, match="repeats task 'coupon', method 'majority'"):
        check_results(results)


@pytest.mark.parametrize(
    ("low", "high", "verdict", "right"),
    [
        (0.01, 0.03, "better", True),
        (-0.03, -0.01, "worse", True),
        (-0.01, 0.03, "tie", True),
        # Holm's correction may turn a clear interval into a tie, never the other way round.
        (0.01, 0.03, "tie", True),
        (-0.01, 0.03, "better", False),
        (-0.01, 0.03, "worse", False),
        (0.01, 0.03, "worse", False),
        (-0.03, -0.01, "better", False),
    ],
)
def test_a_verdict_must_agree_with_its_interval(
    low: float, high: float, verdict: str, right: bool
) -> None:
    results = copy.deepcopy(RESULTS)
    results["differences"][0] |= {
        "value": (low + high) / 2,
        "low": low,
        "high": high,
        "verdict": verdict,
    }
    if right:
        check_results(results)
        return
    with pytest.raises(DataError, match=r"^differences\[0\]\.verdict is"):
        check_results(results)


def test_of_an_error_less_is_better() -> None:
    results = copy.deepcopy(RESULTS)
    results["differences"][0] |= {"metric": "brier", "value": -0.02, "low": -0.03, "high": -0.01}
    results["differences"][0]["verdict"] = "better"
    check_results(results)
    results["differences"][0]["verdict"] = "worse"
    with pytest.raises(DataError, match=r"^differences\[0\]\.verdict is 'worse'"):
        check_results(results)


def test_a_win_without_an_interval_is_refused() -> None:
    results = changed("differences.0.verdict", "better")
    results["differences"][0] |= {"low": None, "high": None}
    with pytest.raises(DataError, match="without a value and an interval"):
        check_results(results)


def test_nothing_known_is_a_tie_and_passes() -> None:
    results = copy.deepcopy(RESULTS)
    results["differences"][0] |= {"value": None, "low": None, "high": None, "verdict": "tie"}
    check_results(results)


def test_unknown_keys_pass_so_that_a_later_writer_can_add_some() -> None:
    check_results(RESULTS | {"remarks": {"a": [1, 2]}})


def test_user_ids_are_refused_at_this_door() -> None:
    with pytest.raises(GuardError, match=r"^map\.user_ids looks like"):
        check_results(changed("map.user_ids", ["u1", "u2"]))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("tasks.1.main_score", "auroc", "tasks[1].main_score must be that of the first task, 'mac"),
        ("tasks.0.class_shares_test", [0.5, 0.5], "tasks[0].class_shares_test has 2 members, but"),
        ("tasks.0.part", "third", "tasks[0].part must be one of 'all', 'first', 'second'"),
        ("cells.0.strata.cold", {"num_users": 3}, "cells[0].strata.cold.macro_f1 is missing"),
        ("cells.0.strata.mid.macro_f1.low", 2, "cells[0].strata.mid.macro_f1.low must be a"),
        ("cells.0.splits.2.macro_f1", 1.5, "cells[0].splits.2.macro_f1 must be a number from 0"),
        ("cells.0.metrics.accuracy.value", 1.5, "cells[0].metrics.accuracy.value must be"),
        ("protocol", "both", "protocol must be one of 'strict-inductive', 'transductive-text'"),
        ("split_seeds", ["a"], "split_seeds[0] must be a whole number"),
    ],
)
def test_what_is_wrong_in_class_results_is_named_too(
    path: str, value: object, message: str
) -> None:
    results = class_sample(num_tasks=2)
    check_results(results)
    with pytest.raises(DataError) as caught:
        check_results(changed(path, value, results))
    assert str(caught.value).startswith(message)


def test_a_split_that_was_not_run_is_null() -> None:
    check_results(changed("cells.0.splits.2", None, class_sample(num_tasks=2)))


def test_differences_beside_the_reference_are_checked_too() -> None:
    results = copy.deepcopy(sample())
    ours = next(i for i, s in enumerate(results["summary"]) if s["method"] == "ours")
    row = {"method": "untrained"} | versus(0.1, 0.01)
    results["summary"][ours]["beside"] = [row]
    check_results(results)
    for change, path in (
        ({"method": "nobody"}, r"beside\[0\].method"),
        ({"verdict": "worse"}, r"beside\[0\].verdict"),
    ):
        results["summary"][ours]["beside"] = [row | change]
        with pytest.raises(DataError, match=path):
            check_results(results)
    results["summary"][ours]["beside"] = row
    with pytest.raises(DataError, match="beside"):
        check_results(results)
