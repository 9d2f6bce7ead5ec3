"""Words of a plot: none covers another."""

import itertools

import numpy as np
import pytest

from habitus.reports.analysis.labels import Label, place_labels, text_width

WIDTH, HEIGHT = 560.0, 380.0


def box(label: Label, text: str) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom: 12 pixels high, the baseline a fifth above its foot."""
    foot = label.y + 2.4
    return label.x, foot - 12, label.x + text_width(text), foot


def meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    return not apart


def test_a_word_alone_stands_right_of_its_point() -> None:
    [label] = place_labels([(100.0, 100.0, "word")], [], WIDTH, HEIGHT)
    # Four letters of 6.9; 4 pixels from the point; its middle is level with the point.
    assert label.x == pytest.approx(100 + 4)
    assert label.y == pytest.approx(100 + 6 - 2.4)
    assert label.end == pytest.approx((104, 100))
    assert not label.is_far


def test_words_at_one_place_do_not_cover_each_other_or_a_mark() -> None:
    random = np.random.default_rng(0)
    texts = [(280 + 3 * x, 190 + 3 * y, f"word{i}") for i, (x, y) in
             enumerate(random.normal(size=(20, 2)))]  # fmt: skip
    labels = place_labels(texts, [(280.0, 190.0)], WIDTH, HEIGHT)
    boxes = [box(label, text) for label, (*_, text) in zip(labels, texts, strict=True)]
    mark = (271.0, 181.0, 289.0, 199.0)
    assert not any(meet(a, b) for a, b in itertools.combinations(boxes, 2))
    assert not any(meet(a, mark) for a in boxes)
    assert any(label.is_far for label in labels)


def test_a_word_at_the_edge_stays_on_the_page() -> None:
    [label] = place_labels([(WIDTH - 2, 100.0, "edge")], [], WIDTH, HEIGHT)
    assert label.x + text_width("edge") <= WIDTH


def test_where_nothing_is_free_a_word_stands_where_it_would_stand_alone() -> None:
    [label] = place_labels([(5.0, 5.0, "a word")], [], 10.0, 10.0)
    assert label.x == pytest.approx(9.0)


def test_a_line_to_a_far_word_ends_at_its_edge() -> None:
    labels = place_labels([(100.0, 100.0, "same")] * 20, [], WIDTH, HEIGHT)
    far = [label for label in labels if label.is_far]
    assert far
    for label in far:
        left, top, right, bottom = box(label, "same")
        assert left - 1e-9 <= label.end[0] <= right + 1e-9
        assert top - 1e-9 <= label.end[1] <= bottom + 1e-9


def test_the_same_words_are_written_at_the_same_places() -> None:
    texts = [(50.0 + i, 50.0, "x" * (i % 4 + 1)) for i in range(9)]
    assert place_labels(texts, [], WIDTH, HEIGHT) == place_labels(texts, [], WIDTH, HEIGHT)
