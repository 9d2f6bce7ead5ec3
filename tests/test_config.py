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

from habitus.config import Config, allowed, as_yaml, digest_of, meanings, override
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


@dataclass(frozen=True, kw_only=True)
class MayBeOff(Config):
    """What may be off.

    At length.
    """

    part: Inner | None = None
    """A part that
    is off. It has a width."""
    modes: tuple[Literal["a", "b"], ...] = ()
    pair: tuple[float, float] = (0.0, 1.0)
    undocumented: int = 3


@dataclass(frozen=True, kw_only=True)
class Heir(MayBeOff):
    undocumented: int = 4
    """Documented here."""
    part: Inner | None = Inner(width=2)


def test_a_part_that_is_off_is_on_as_soon_as_something_of_it_is_set() -> None:
    assert override(MayBeOff(), ["part.width=3"]).part == Inner(width=3)
    assert override(MayBeOff(part=Inner(width=3)), ["part=null"]).part is None
    message = "part has no key 'with'; did you mean 'width'?; write it like part.width=1"
    with pytest.raises(UsageError, match=re.escape(message)):
        override(MayBeOff(), ["part={with: 3}"])
    with pytest.raises(UsageError, match=re.escape("write it like 'modes=[a]'")):
        override(MayBeOff(), ["modes=a"])


def test_the_meaning_of_a_field_is_what_stands_under_it() -> None:
    off = "A part that is off. It has a width."
    assert meanings(MayBeOff) == {"part": off, "modes": "", "pair": "", "undocumented": ""}
    assert meanings(Heir) == {**meanings(MayBeOff), "undocumented": "Documented here."}


def test_fields_are_known_without_their_source_too() -> None:
    made = dataclasses.make_dataclass("Made", [("x", int, 3)], bases=(Inner,), frozen=True)
    assert meanings(made) == {"width": "", "x": ""}


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int, "a whole number"),
        (float | None, "a number or null"),
        (bool, "true or false"),
        (Path, "a path"),
        (Literal["a", 3], "a or 3"),
        (tuple[str, ...], "a list of texts"),
        (tuple[float, float], "a list of 2 numbers"),
        (tuple[int, str], "a list of a whole number, a text"),
        (dict[str, tuple[int, ...]], "a mapping of texts to lists of whole numbers"),
        (dict[str, Any], "a mapping of texts to anything"),
        (Inner, "a mapping with keys of width"),
        (bytes, "<class 'bytes'>"),
    ],
)
def test_what_is_allowed_is_said_in_the_words_of_a_file(hint: Any, words: str) -> None:
    assert allowed(hint) == words


@pytest.mark.parametrize("value", [None, 3, 1e-8, "a: b", "", "|", (1, 2), {"k": [1, None]}])
def test_a_value_as_yaml_is_one_line_that_can_be_read_back(value: Any) -> None:
    line = as_yaml(value)
    assert "\n" not in line
    back = override(Outer(name="n"), [f"extra={{x: {line}}}"]).extra["x"]
    # YAML 1.1 reads 1.0e-08 as a number, and a tuple comes back as a list.
    assert back == ([1, 2] if value == (1, 2) else value)
