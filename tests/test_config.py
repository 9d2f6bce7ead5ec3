import dataclasses
import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from habitus.config import Config, digest_of, override
from habitus.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Inner(Config):
    width: int = 8


@dataclass(frozen=True, kw_only=True)
class Outer(Config):
    name: str
    rate: float = 0.1
    flag: bool = False
    mode: Literal["a", "b", 3] = "a"
    path: Path | None = None
    sizes: tuple[int, ...] = (1, 2)
    window: tuple[int, float] = (1, 0.5)
    inner: Inner = field(default_factory=Inner)
    many: tuple[Inner, ...] = ()
    by_name: dict[str, Inner] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    limit: int | float | None = None


FULL = Outer(
    name="n",
    rate=2.5,
    flag=True,
    mode=3,
    path=Path("a/b"),
    sizes=(),
    window=(2, 1.5),
    inner=Inner(width=1),
    many=(Inner(width=2), Inner(width=3)),
    by_name={"x": Inner(width=4)},
    extra={"k": [1, {"z": None}]},
    limit=1.5,
)


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
        ({"name": "n", "inner": {"widht": 1}}, r"^Inner has no key 'widht'; did you mean 'width'"),
        ({"name": "n", "inner": 3}, "^Inner needs a mapping of keys to values, got 3$"),
        ({"name": 3}, r"^Outer\.name must be of type str, got 3$"),
        ({"name": "n", "rate": "fast"}, r"^Outer\.rate must be of type float, got 'fast'$"),
        ({"name": "n", "rate": True}, r"^Outer\.rate must be of type float, got True$"),
        ({"name": "n", "flag": 1}, r"^Outer\.flag must be of type bool, got 1$"),
        ({"name": "n", "inner": {"width": True}}, r"^Inner\.width must be of type int, got True$"),
        ({"name": "n", "inner": {"width": 1.0}}, r"^Inner\.width must be of type int, got 1\.0$"),
        ({"name": "n", "mode": "c"}, r"^Outer\.mode must be one of 'a', 'b', 3, got 'c'$"),
        ({"name": "n", "mode": 3.0}, r"^Outer\.mode must be one of 'a', 'b', 3, got 3\.0$"),
        ({"name": "n", "mode": [1]}, r"^Outer\.mode must be one of"),
        ({"name": "n", "sizes": 3}, r"^Outer\.sizes must be a list, got 3$"),
        ({"name": "n", "sizes": "12"}, r"^Outer\.sizes must be a list, got '12'$"),
        ({"name": "n", "sizes": [1, "x"]}, r"^Outer\.sizes\[1\] must be of type int, got 'x'$"),
        ({"name": "n", "window": [1]}, r"^Outer\.window must hold 2 values, got 1: \[1\]$"),
        ({"name": "n", "window": [1, 2, 3]}, r"^Outer\.window must hold 2 values, got 3"),
        ({"name": "n", "by_name": [1]}, r"^Outer\.by_name must be a mapping, got \[1\]$"),
        ({"name": "n", "by_name": {"x": {"w": 1}}}, "^Inner has no key 'w'"),
        ({"name": "n", "path": 3}, r"^Outer\.path must be of type Path, got 3$"),
        ({"name": "n", "limit": "x"}, r"type int, got 'x'; or Outer\.limit must be of type float"),
        ({"name": None}, r"^Outer\.name must be of type str, got None$"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_what_is_allowed(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Outer.from_dict(values)


@pytest.mark.parametrize("values", [None, 3, "name: n", ["name"]])
def test_something_that_is_no_mapping_is_refused(values: Any) -> None:
    with pytest.raises(UsageError, match="Outer needs a mapping"):
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
        ("name", "write a setting as key=value, got 'name'"),
        ("nmae=x", "no setting 'nmae'; did you mean 'name'"),
        ("iner.width=3", "no setting 'iner.width'; did you mean 'inner'"),
        ("inner.widht=3", "no setting 'inner.widht'; did you mean 'width'"),
        ("name.deeper=3", "no setting 'name.deeper'"),
        ("inner.width=many", "must be of type int, got 'many'"),
        ("window=[1, 2", "the value of 'window' is no YAML"),
        ("=3", "no setting ''"),
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
