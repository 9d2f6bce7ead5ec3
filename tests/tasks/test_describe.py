"""What can be asked is listed with every field."""

import textwrap
from dataclasses import dataclass, field
from typing import Literal

import yaml

from habitus.config import Config
from habitus.tasks import CLASS_TASKS, TASKS, ClassTaskConfig, TaskConfig, task_from_config
from habitus.tasks.describe import CUTOFFS, FieldLine, describe_task_kinds, fields_of


@dataclass(frozen=True, kw_only=True)
class Base(Config):
    """What is shared."""

    name: str
    """A word,
    on two lines."""
    days: int = 3


@dataclass(frozen=True, kw_only=True)
class Own(Base):
    """What is not."""

    days: int = 4
    share: float | None = None
    """How much."""
    values: tuple[str, ...] = ("a", "b")
    """Which."""
    edges: tuple[float, ...] = ()
    loud: bool = True
    half: Literal["first", "second"] = "first"
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)


def test_fields_are_read_from_the_class() -> None:
    assert fields_of(Own) == [
        FieldLine("name", "a text", None, "A word, on two lines."),
        FieldLine("days", "a whole number", "4", ""),
        FieldLine("share", "a number or null", "null", "How much."),
        FieldLine("values", "a list of texts", "[a, b]", "Which."),
        FieldLine("edges", "a list of numbers", "[]", ""),
        FieldLine("loud", "true or false", "true", ""),
        FieldLine("half", "first or second", "first", ""),
        FieldLine("words", "a mapping of texts to lists of texts", "empty", ""),
    ]


def sections(told: str) -> dict[str, str]:
    """Return what is said of each kind."""
    parts = [part.partition("\n") for part in told.split("\nkind: ")[1:]]
    return {kind: text.partition("\n\n")[0] for kind, _, text in parts}


def test_every_kind_and_every_field_of_its_own_is_listed() -> None:
    told = describe_task_kinds()
    found = sections(told)
    assert list(found) == [*TASKS, *CLASS_TASKS]
    for registry, base in ((TASKS, TaskConfig), (CLASS_TASKS, ClassTaskConfig)):
        for kind, task in registry.items():
            for name in set(fields(task.config_type)) - set(fields(base)):
                assert f"  {name}: " in found[kind]
    assert "active_within_days: a whole number or null, null if left out" in found["inactive"]
    assert CUTOFFS in told
    assert max(map(len, told.splitlines())) <= 100


def fields(config: type[Config]) -> list[str]:
    return [line.name for line in fields_of(config)]


def test_a_shared_field_is_told_once_unless_a_kind_changes_it() -> None:
    told = describe_task_kinds()
    found = sections(told)
    # Once for tasks at cutoffs, and once for class tasks.
    assert told.count("  sensitive: true or false, false if left out") == 2
    # False for all, but true where people are profiled.
    assert "  sensitive: true or false, true if left out" in found["profile"]
    assert "sensitive" not in found["has"]


def test_the_example_is_a_tasks_file() -> None:
    example = CUTOFFS.partition("For example\n")[2]
    entries = yaml.safe_load(textwrap.dedent(example))
    assert [task_from_config(entry).kind for entry in entries] == ["inactive", "has"]
