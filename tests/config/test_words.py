"""What a field means and may hold, in words."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

import pytest

from habitus.config import allowed, meanings

from .toys import Heir, Inner, MayBeOff


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
