"""What can be set of a run is all that it holds, in a form that can be given back."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from habitus.config import Config, override
from habitus.runs import RUNS
from habitus.runs.settings import Setting, first_sentence, settings_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sizes(Config):
    """How large it is. And how small."""

    width: int = 8
    """Columns. Never 0."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Toy(Config):
    """A toy."""

    name: str = "toy"
    sizes: Sizes = dataclasses.field(default_factory=Sizes)
    other: Sizes | None = None
    """Off; ``None``."""
    named: Sizes | None = dataclasses.field(default_factory=Sizes)
    """On."""
    rates: tuple[float, float] = (0.9, 1e-8)


def test_settings_are_listed_with_value_type_and_first_sentence() -> None:
    width = Setting("", "8", "a whole number", "Columns.")
    assert list(settings_of(Toy())) == [
        # Its name is chosen, not set; single values come before parts.
        Setting("other", "null", "a mapping with keys of width or null", "Off; None."),
        Setting("rates", "[0.9, 1.0e-08]", "a list of 2 numbers", ""),
        Setting("sizes", None, "", "How large it is."),
        width._replace(key="sizes.width"),
        Setting("named", None, "", "On."),
        width._replace(key="named.width"),
    ]


def keys(values: Mapping[str, Any], head: str = "") -> set[str]:
    """Return every key of nested dictionaries: a plain twin of what is listed."""
    found = set()
    for name, value in values.items():
        found.add(head + name)
        if isinstance(value, Mapping):
            found |= keys(value, f"{head}{name}.")
    return found


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("preset", ["paper", "ci"])
def test_every_setting_of_every_run_is_listed_and_can_be_given_back(name: str, preset: str) -> None:
    run = RUNS[name](preset)
    listed = list(settings_of(run))
    assert {s.key for s in listed} == keys(run.to_dict()) - {"name", "preset"}
    given = [f"{s.key}={s.value}" for s in listed if s.value is not None]
    assert override(run, given) == run


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("One. Two.", "One."),
        ("Whether? Yes.", "Whether?"),
        ("As of 2.5, e.g. of half. Then.", "As of 2.5, e.g. of half."),
        ("No end", "No end"),
        ("", ""),
        (":class:`A` or :func:`~a.b`. C.", "A or a.b."),
    ],
)
def test_a_first_sentence_ends_where_it_ends(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence
