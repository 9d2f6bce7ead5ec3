"""Settings are changed by key, and a wrong one is told with what would be right."""

import dataclasses
import re
from typing import Any

import pytest
import yaml

from habitus.config import as_yaml, override, read_yaml
from habitus.errors import UsageError

from .toys import FULL, Inner, MayBeOff, Outer


def test_an_override_changes_the_values_it_names_and_no_others() -> None:
    changed = override(FULL, ["name=other", "inner.width=5", "rate=1e-3"])
    expected = dataclasses.replace(
        FULL, name="other", inner=dataclasses.replace(FULL.inner, width=5), rate=1e-3
    )
    assert changed == expected
    assert override(FULL, []) == FULL


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("name", "write a setting as key=value, such as name=n, got 'name'"),
        ("window", "such as 'window=[2, 1.5]', got 'window'"),
        ("nmae=x", "no setting 'nmae'; did you mean 'name'?"),
        ("iner.width=3", "no setting 'iner.width'; did you mean 'inner.width'?"),
        ("width=3", "no setting 'width'; did you mean 'inner.width'?"),
        ("inner.widht=3", "no setting 'inner.widht'; did you mean 'inner.width'?"),
        ("name.deeper=3", "no setting 'name.deeper'; known there: name, rate, flag"),
        ("zzz=3", "no setting 'zzz'; known there: name, rate, flag"),
        ("inner.zzz=3", "no setting 'inner.zzz'; known there: width"),
        ("rate.zzz.yyy=3", "no setting 'rate.zzz.yyy'; known there: name"),
        (
            "inner.width=many",
            "inner.width must be a whole number, got 'many'; write it like inner.width=1",
        ),
        (
            "inner=3",
            "inner must be a mapping with keys of width, got 3; write it like inner.width=1",
        ),
        (
            "window=3",
            "window must be a list of a whole number, a number, got 3; write it like "
            "'window=[2, 1.5]'",
        ),
        # Where there is no value to show, some value of the right kind is.
        ("sizes=3", "sizes must be a list of whole numbers, got 3; write it like 'sizes=[1]'"),
        ("mode=c", "mode must be one of 'a', 'b', 3, got 'c'; write it like mode=3"),
        ("window=[1, 2", "the value of 'window' is no YAML, such as 'window=[2, 1.5]': '[1, 2'"),
        ("=3", "no setting ''; known there: name, rate"),
    ],
)
def test_an_override_that_means_nothing_is_told(assignment: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=re.escape(sentence)):
        override(FULL, [assignment])


def test_the_last_of_two_overrides_wins_and_a_value_may_hold_an_equals_sign() -> None:
    assert override(FULL, ["name=a", "name=b"]).name == "b"
    assert override(FULL, ["name=a=b"]).name == "a=b"
    assert override(FULL, [" name = spaced "]).name == "spaced"


def test_an_override_may_replace_a_whole_part() -> None:
    changed = override(FULL, ["inner={width: 9}", "window=[3, 0.5]"])
    assert changed.inner == Inner(width=9)
    assert changed.window == (3, 0.5)


def test_a_part_that_is_off_is_on_as_soon_as_something_of_it_is_set() -> None:
    assert override(MayBeOff(), ["part.width=3"]).part == Inner(width=3)
    assert override(MayBeOff(part=Inner(width=3)), ["part=null"]).part is None
    message = "part has no key 'with'; did you mean 'width'?; write it like part.width=1"
    with pytest.raises(UsageError, match=re.escape(message)):
        override(MayBeOff(), ["part={with: 3}"])
    with pytest.raises(UsageError, match=re.escape("write it like 'modes=[a]'")):
        override(MayBeOff(), ["modes=a"])


@pytest.mark.parametrize("value", [None, 3, 1e-8, "a: b", "", "|", (1, 2), {"k": [1, None]}])
def test_a_value_as_yaml_is_one_line_that_can_be_read_back(value: Any) -> None:
    line = as_yaml(value)
    assert "\n" not in line
    back = override(Outer(name="n"), [f"extra={{x: {line}}}"]).extra["x"]
    # YAML 1.1 reads 1.0e-08 as a number, and a tuple comes back as a list.
    assert back == ([1, 2] if value == (1, 2) else value)


def test_dates_are_texts_and_the_rest_is_yaml() -> None:
    text = (
        "{day: 2017-10-01, moment: 2017-10-01T12:00:00Z, none: 2017-13-01, n: 3, x: 1.5, b: true}"
    )
    assert read_yaml(text) == {
        "day": "2017-10-01",
        "moment": "2017-10-01T12:00:00Z",
        "none": "2017-13-01",
        "n": 3,
        "x": 1.5,
        "b": True,
    }
    # The reader of others is left as it was.
    assert not isinstance(yaml.safe_load("2017-10-01"), str)
    assert override(Outer(name="n"), ["name=2017-10-01"]).name == "2017-10-01"
