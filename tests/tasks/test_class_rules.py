"""From raw values to classes."""

from typing import Any

import pyarrow as pa
import pytest

from habitus.errors import DataError, UsageError
from habitus.tasks.class_rules import RuledConfig, classes_of


def ruled(raw: list[Any], **rule: Any) -> list[int]:
    values = {"name": "t", "question": "Which?", "classes": ("a", "b"), **rule}
    config = RuledConfig.from_dict(values)
    class_B = classes_of(pa.chunked_array([raw[:2], raw[2:]]), config)
    return [int(c) for c in class_B]


def test_without_a_rule_a_value_is_a_class() -> None:
    assert ruled(["b", "a", None, "c", "b"]) == [1, 0, -1, -1, 1]


def test_several_values_are_one_class() -> None:
    rule = {"values": {"a": ["x", "y"], "b": ["z"]}}
    assert ruled(["x", "y", "z", "a", None], **rule) == [0, 0, 1, -1, -1]


def test_numbers_are_compared_as_they_are_written() -> None:
    assert ruled([1, 2, 3], values={"a": ["1"], "b": ["2", "3"]}) == [0, 1, 1]


def test_a_keyword_is_a_word_anywhere_and_two_classes_are_none() -> None:
    rule = {"keywords": {"a": ["bank", "Fund"], "b": ["army"]}}
    raw = ["a Bank clerk", "PENSION FUND", "Army", "army bank", "nurse", None]
    assert ruled(raw, **rule) == [0, 0, 1, -1, -1, -1]
    # A part of a word is no keyword: "Art" is not in "Department" (A-P23).
    art = {"keywords": {"a": ["Art"], "b": ["艺术"]}}
    raw = ["Department of Law", "School of Art", "中央艺术学院", "state-of-the-art", "ARTs"]
    assert ruled(raw, **art) == [-1, 0, 1, 0, -1]


def test_a_list_is_searched_as_a_whole() -> None:
    raw = [["sports", "NBA"], ["food"], None, [], ["food", "nba"]]
    assert ruled(raw, keywords={"a": ["nba"], "b": ["food"]}) == [0, 1, -1, -1, -1]


def test_of_several_values_each_is_looked_at() -> None:
    # Values of one class are that class, of two none; others do not count.
    raw = [["x", "q"], ["x", "y"], ["x", "z"], [None, "z"], ["q"]]
    assert ruled(raw, values={"a": ["x", "y"], "b": ["z"]}) == [0, 0, -1, 1, -1]
    assert ruled([["a"], ["b", "b"], ["a", "b"]]) == [0, 1, -1]
    # A keyword of two words is looked for within one value.
    both = {"keywords": {"a": ["skin care"], "b": ["food"]}}
    assert ruled([["skin care"], ["skin", "care"], ["food"]], **both) == [0, -1, 1]
    large = pa.chunked_array([pa.array(["a"], pa.large_string())])
    config = RuledConfig(name="t", question="Which?", classes=("a", "b"))
    assert classes_of(large, config).tolist() == [0]
    assert classes_of(pa.chunked_array([], pa.string()), config).tolist() == []


def test_an_edge_belongs_to_the_class_above() -> None:
    assert ruled([1.0, 2.0, 2.5, None], edges=[2.0]) == [0, 1, 1, -1]
    assert ruled(["1", "9"], edges=[2.0]) == [0, 1]


def test_edges_need_numbers() -> None:
    with pytest.raises(DataError, match="'t' has edges, so it needs one number"):
        ruled(["one", "two"], edges=[2.0])
    with pytest.raises(DataError, match="'t' has edges, so it needs one number"):
        ruled([[1.0], [2.0, 3.0]], edges=[2.0])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"values": {"a": ["x"], "b": ["x"]}}, "lists 'x' twice"),
        ({"values": {"a": ["x"]}}, "lists nothing for class 'b'"),
        ({"keywords": {"a": ["x"], "b": ["y"], "bb": ["z"]}}, "no class 'bb'; did you mean 'b'"),
        ({"edges": [1.0, 2.0]}, "needs 1 rising edges"),
        ({"classes": ["a", "b", "c"], "edges": [2.0, 1.0]}, "needs 2 rising edges"),
        ({"edges": [1.0], "values": {"a": ["x"], "b": ["y"]}}, "give one of values and edges"),
    ],
)
def test_what_is_wrong_is_said(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ruled([], **rule)
