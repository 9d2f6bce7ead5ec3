"""A component that is written but not registered, or has no test, is found here."""

import importlib
import pkgutil
from inspect import isabstract, isclass
from typing import Any, NamedTuple, get_args, get_origin

import pytest

import habitus
from habitus.registry import Registry

from .source import TESTS

FAMILIES = {"comparisons", "datasets", "encoders", "objectives", "probes", "tasks"}


class Family(NamedTuple):
    """A folder of components: their table and their base class."""

    package: str
    registry: Registry[Any]
    base: type


def families() -> list[Family]:
    """Return every folder whose ``__init__`` holds a table of classes."""
    found = []
    for info in pkgutil.iter_modules(habitus.__path__, "habitus."):
        if not info.ispkg:
            continue
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, Registry):
                # Registry[type[Base]](…) remembers what it was made of.
                (entry,) = get_args(value.__orig_class__)  # type: ignore[attr-defined]
                if get_origin(entry) is type:
                    found.append(Family(info.name.partition(".")[2], value, get_args(entry)[0]))
    return found


ALL = families()
of_each_family = pytest.mark.parametrize("family", ALL, ids=lambda family: family.package)
of_each_entry = pytest.mark.parametrize(
    ("family", "name"),
    [(family, name) for family in ALL for name in family.registry],
    ids=lambda value: value if isinstance(value, str) else value.package,
)


def concrete(family: Family) -> set[type]:
    """Return the classes of a folder that can be used as they are."""
    package = importlib.import_module(f"habitus.{family.package}")
    modules = [
        importlib.import_module(info.name)
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    return {
        value
        for module in modules
        for value in vars(module).values()
        if isclass(value)
        and value.__module__ == module.__name__
        and issubclass(value, family.base)
        and not isabstract(value)
        and value is not family.base
        and not value.__name__.startswith("_")
        and not any(is_part_of(value, entry) for entry in family.registry.values())
    }


def is_part_of(value: type, entry: type) -> bool:
    """Return whether a class is only what a registered one is made from."""
    return value is not entry and issubclass(entry, value)


def test_every_kind_of_component_has_a_table() -> None:
    assert {family.package for family in ALL} >= FAMILIES


@of_each_family
def test_every_concrete_class_is_registered(family: Family) -> None:
    assert concrete(family) == set(family.registry.values())


@of_each_entry
def test_an_entry_is_a_class_of_its_family_under_its_own_name(family: Family, name: str) -> None:
    component = family.registry[name]
    assert issubclass(component, family.base)
    assert not isabstract(component)
    assert getattr(component, "name", None) == name or getattr(component, "kind", None) == name


@of_each_entry
def test_an_entry_has_a_test_beside_it_by_path(family: Family, name: str) -> None:
    module = family.registry[name].__module__.removeprefix("habitus.").split(".")
    assert TESTS.joinpath(*module[:-1], f"test_{module[-1]}.py").is_file()
