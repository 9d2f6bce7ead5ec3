"""Points on two principal components."""

from __future__ import annotations

import numpy as np
import pytest

from habitus.evaluation.class_space import Space
from habitus.runs.analyses.pictures import Page, fig_4


def users(seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.asarray(random.normal(size=(30, 5)) * np.array([5, 3, 0.1, 0.1, 0.1]), np.float32)


def test_points_are_projections_on_the_directions_of_most_spread() -> None:
    rows = users()
    page = Page(rows, ["a", "b"])
    found = page.points(rows, np.arange(30) % 2)
    values, vectors = np.linalg.eigh(np.cov(rows.T.astype(np.float64)))
    for at, name in ((-1, "x"), (-2, "y")):
        expected = (rows - rows.mean(axis=0)) @ vectors[:, at]
        drawn = np.array([point[name] for point in found])
        # The sign of a component is free.
        sign = np.sign(drawn @ expected)
        np.testing.assert_allclose(drawn, sign * expected, atol=2e-3)
    assert [point["class"] for point in found[:3]] == [0, 1, 0]
    plot = page.scatter("t", "n", found)
    share = 100 * values[-1] / values.sum()
    assert plot["x"].startswith(f"component 1 ({share:.0f}")


def test_anything_of_the_same_width_can_be_put_on_the_page() -> None:
    rows = users()
    page = Page(rows, ["a"])
    [middle] = page.points(rows.mean(axis=0, keepdims=True), np.array([0]))
    assert (middle["x"], middle["y"]) == pytest.approx((0, 0), abs=1e-3)


def test_fig_4_puts_both_halves_on_the_same_components() -> None:
    rows = users()
    space = Space(rows, np.arange(30) % 2, rows[:2], rows[2:5], np.array([0, 1, 1]), list("xyz"))
    left, right = fig_4(space, ("a", "b"))
    assert left["centroids"] == right["centroids"]
    assert (left["x"], left["y"]) == (right["x"], right["y"])
    assert [word["text"] for word in right["words"]] == ["x", "y", "z"]
    # Words are users here, so they lie where these users lie.
    assert [word["x"] for word in right["words"]] == [p["x"] for p in left["points"][2:5]]
    assert [word["class"] for word in right["words"]] == [0, 1, 1]
