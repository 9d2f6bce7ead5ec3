"""A config goes to plain values and back, and says what is wrong with them."""

import dataclasses
import json
import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from habitus.config import digest_of
from habitus.errors import UsageError

from .toys import FULL, Inner, Outer


@pytest.mark.parametrize("config", [Outer(name="n"), FULL], ids=["defaults", "full"])
def test_a_config_survives_json_and_yaml(config: Outer) -> None:
    assert Outer.from_dict(config.to_dict()) == config
    assert Outer.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert Outer.from_dict(yaml.safe_load(yaml.safe_dump(config.to_dict()))) == config


def test_to_dict_holds_plain_values_only() -> None:
    assert FULL.to_dict()["path"] == "a/b"
    assert FULL.to_dict()["many"] == [{"width": 2}, {"width": 3}]
    assert FULL.to_dict()["by_name"] == {"x": {"width": 4}}


@given(
    st.builds(
        Outer,
        name=st.text(),
        rate=st.floats(allow_nan=False),
        flag=st.booleans(),
        sizes=st.lists(st.integers()).map(tuple),
        many=st.lists(st.builds(Inner, width=st.integers())).map(tuple),
        limit=st.none() | st.integers() | st.floats(allow_nan=False),
    )
)
def test_any_config_comes_back_as_it_was(config: Outer) -> None:
    again = Outer.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert again.fingerprint() == config.fingerprint()


def test_a_config_cannot_be_changed_or_given_by_position() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Inner().width = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        Inner(3)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "n", "flg": True}, r"^Outer has no key 'flg'; did you mean 'flag'\?$"),
        ({"name": "n", 3: True}, "^Outer has no key 3; known: name, rate"),
        ({}, "^Outer needs name$"),
        ({"name": "n", "inner": {"widht": 1}}, r"^Outer\.inner has no key 'widht'; did you mean"),
        ({"name": "n", "inner": 3}, r"^Outer\.inner must be a mapping with keys of width, got 3$"),
        ({"name": 3}, r"^Outer\.name must be a text, got 3$"),
        ({"name": "n", "rate": "fast"}, r"^Outer\.rate must be a number, got 'fast'$"),
        ({"name": "n", "rate": True}, r"^Outer\.rate must be a number, got True$"),
        ({"name": "n", "flag": 1}, r"^Outer\.flag must be true or false, got 1$"),
        ({"name": "n", "inner": {"width": True}}, r"inner\.width must be a whole number, got True"),
        ({"name": "n", "inner": {"width": 1.0}}, r"inner\.width must be a whole number, got 1\.0$"),
        ({"name": "n", "mode": "c"}, r"^Outer\.mode must be one of 'a', 'b', 3, got 'c'$"),
        ({"name": "n", "mode": 3.0}, r"^Outer\.mode must be one of 'a', 'b', 3, got 3\.0$"),
        ({"name": "n", "mode": [1]}, r"^Outer\.mode must be one of"),
        ({"name": "n", "sizes": 3}, r"^Outer\.sizes must be a list of whole numbers, got 3$"),
        ({"name": "n", "sizes": "12"}, r"^Outer\.sizes must be a list of whole numbers, got '12'$"),
        ({"name": "n", "sizes": [1, "x"]}, r"^Outer\.sizes\[1\] must be a whole number, got 'x'$"),
        ({"name": "n", "window": [1]}, r"^Outer\.window must hold 2 values, got 1: \[1\]$"),
        ({"name": "n", "window": [1, 2, 3]}, r"^Outer\.window must hold 2 values, got 3"),
        ({"name": "n", "by_name": [1]}, r"^Outer\.by_name must be a mapping of .*, got \[1\]$"),
        ({"name": "n", "by_name": {"x": {"w": 1}}}, r"^Outer\.by_name\.x has no key 'w'"),
        ({"name": "n", "path": 3}, r"^Outer\.path must be a path or null, got 3$"),
        ({"name": "n", "limit": "x"}, r"limit must be a whole number or a number or null"),
        ({"name": None}, r"^Outer\.name must be a text, got None$"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_what_is_allowed(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Outer.from_dict(values)


@pytest.mark.parametrize("values", [None, 3, "name: n", ["name"]])
def test_something_that_is_no_mapping_is_refused(values: Any) -> None:
    with pytest.raises(UsageError, match=r"^Outer must be a mapping with keys of name, rate"):
        Outer.from_dict(values)


def test_a_whole_number_will_do_for_a_float() -> None:
    config = Outer.from_dict({"name": "n", "rate": 1, "window": [1, 2]})
    assert isinstance(config.rate, float)
    assert isinstance(config.window[1], float)


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "+1e-3", "1.0e-3", "1.e-3"])
def test_an_exponent_without_a_point_is_a_float_although_yaml_reads_a_string(text: str) -> None:
    values = yaml.safe_load(f"name: n\nrate: {text}")
    assert Outer.from_dict(values).rate == 1e-3


def test_an_object_of_the_right_class_is_taken_as_it_is() -> None:
    inner = Inner(width=5)
    assert Outer.from_dict({"name": "n", "inner": inner}).inner is inner


def test_the_fingerprint_changes_with_every_field() -> None:
    changed = [
        dataclasses.replace(Outer(name="n"), **{f.name: getattr(FULL, f.name)})
        for f in dataclasses.fields(Outer)
        if f.name != "name"
    ]
    prints = {c.fingerprint() for c in [Outer(name="n"), Outer(name="m"), *changed]}
    assert len(prints) == 2 + len(changed)


def test_the_fingerprint_does_not_tell_1_from_1_point_0_in_a_field_of_floats() -> None:
    written = Outer(name="n", rate=1, window=(1, 2))
    read = Outer.from_dict(json.loads(json.dumps(written.to_dict())))
    assert written.fingerprint() == read.fingerprint()
    assert digest_of({"a": [1, 2.5]}) == digest_of({"a": (1.0, 2.5)})
    assert digest_of(1.5) != digest_of(1)
    assert digest_of(True) != digest_of(1)


def test_a_digest_does_not_depend_on_the_order_of_keys_but_on_that_of_values() -> None:
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    assert digest_of([1, 2]) != digest_of([2, 1])
    assert digest_of("1") != digest_of(1)
    assert digest_of({"a": None}) != digest_of({})


def test_a_digest_is_the_start_of_a_sha_256_of_compact_json() -> None:
    # printf '{"ä":[1,2.5]}' | sha256sum
    import hashlib

    expected = hashlib.sha256('{"ä":[1,2.5]}'.encode()).hexdigest()[:16]
    assert digest_of({"ä": [1, 2.5]}) == expected
    assert len(expected) == 16


def test_infinity_survives() -> None:
    config = Outer(name="n", rate=math.inf)
    assert Outer.from_dict(json.loads(json.dumps(config.to_dict()))) == config
