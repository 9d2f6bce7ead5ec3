from __future__ import annotations

import copy

import pytest

from habitus.reports.findings import Findings
from habitus.reports.sections.calibration import calibration_section
from tests.reports.page import Page
from tests.reports.sample import sample


def test_each_question_has_a_plot_with_the_three_shown_methods() -> None:
    page = Page(calibration_section(Findings(sample(num_tasks=3))))
    assert [e.text for e in page.all("figcaption")] == ["coupon", "inactive", "diapers"]
    for picture in page.all("svg"):
        assert len(page.inside(picture, "polyline")) == 3
        assert "ECE ." in (picture.attributes["aria-label"] or "")


def test_a_perfectly_calibrated_method_lies_on_the_diagonal() -> None:
    results = copy.deepcopy(sample(num_tasks=1))
    for cell in results["cells"]:
        cell["calibration"] = {"predicted": [0.1, 0.4], "observed": [0.1, 0.4], "count": [5, 5]}
    page = Page(calibration_section(Findings(results)))
    (diagonal,) = page.all("line", "dashed")
    x1, y1, x2, y2 = (float(diagonal.attributes[k] or "nan") for k in ("x1", "y1", "x2", "y2"))
    for pair in (page.all("polyline")[0].attributes["points"] or "").split():
        x, y = map(float, pair.split(","))
        # On the line through both ends: equal cross products, to the tenth that is written.
        assert (x - x1) * (y2 - y1) == pytest.approx((y - y1) * (x2 - x1), abs=30)


def test_empty_bins_are_left_out() -> None:
    results = copy.deepcopy(sample(num_tasks=1))
    for cell in results["cells"]:
        cell["calibration"] = {
            "predicted": [0.1, None, 0.9],
            "observed": [0.2, None, 0.8],
            "count": [5, 0, 0],
        }
    page = Page(calibration_section(Findings(results)))
    assert [len((e.attributes["points"] or "").split()) for e in page.all("polyline")] == [1, 1, 1]


def test_bins_with_more_users_are_drawn_larger() -> None:
    results = copy.deepcopy(sample(num_tasks=1))
    for cell in results["cells"]:
        cell["calibration"] = {"predicted": [0.1, 0.4], "observed": [0.1, 0.4], "count": [1, 100]}
    few, many = Page(calibration_section(Findings(results))).all("circle")
    assert float(few.attributes["r"] or 0) < float(many.attributes["r"] or 0)


def test_without_calibration_the_section_says_so() -> None:
    results = copy.deepcopy(sample(num_tasks=1))
    for cell in results["cells"]:
        del cell["calibration"]
    assert "No calibration" in Page(calibration_section(Findings(results))).elements[0].text
