"""The door of an analysis refuses what its page could not show."""

from typing import Any

import pytest

from habitus.errors import DataError, GuardError
from habitus.reports.analysis import check_analysis
from tests.reports.analysis.sample import analysis


def test_the_sample_passes() -> None:
    check_analysis(analysis())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.update(format=2), "format must be 1, got 2"),
        (lambda a: a.update(format=True), "format must be 1"),
        (lambda a: a.pop("title"), "title"),
        (lambda a: a["tables"][0]["rows"][0].pop(), r"tables\[0\].rows\[0\] has 2 cells"),
        (lambda a: a["tables"][0]["rows"][1].__setitem__(2, float("nan")), r"rows\[1\]\[2\]"),
        (lambda a: a["plots"][0].update(kind="pie"), r"plots\[0\].kind"),
        (lambda a: a["plots"][0].pop("series"), "series"),
        (lambda a: a["plots"][1]["words"][0].update({"class": 2}), r"words\[0\].class is 2"),
        (lambda a: a["plots"][1]["points"][0].update({"class": 9}), r"points\[0\].class is 9"),
        (lambda a: a["data"][0].pop("digest"), r"data\[0\]"),
    ],
)
def test_what_is_wrong_is_named(change: Any, message: str) -> None:
    broken = analysis()
    change(broken)
    with pytest.raises(DataError, match=message):
        check_analysis(broken)


def test_a_list_with_one_entry_for_each_user_is_refused() -> None:
    broken = analysis()
    broken["config"]["members"] = [f"u{i}" for i in range(30)]
    with pytest.raises(GuardError, match=r"config.members looks like a list of user ids"):
        check_analysis(broken)
