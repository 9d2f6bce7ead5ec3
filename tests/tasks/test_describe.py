"""What can be asked is listed with every field."""

import textwrap
from dataclasses import dataclass

import yaml

from habitus.config import Config
from habitus.tasks import TASKS, task_from_config
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
    values: tuple[str, ...] = ()
    """Which."""
    loud: bool = True


def test_fields_are_read_from_the_class() -> None:
    assert fields_of(Own) == [
        FieldLine("name", "a text", None, "A word, on two lines."),
        FieldLine("days", "a whole number", "4", ""),
        FieldLine("share", "a number", "null", "How much."),
        FieldLine("values", "a list of texts", "()", "Which."),
        FieldLine("loud", "true or false", "true", ""),
    ]


def test_every_kind_and_every_field_is_listed() -> None:
    told = describe_task_kinds()
    for kind, task in TASKS.items():
        section = told.partition(f"kind: {kind}\n")[2].partition("\n\n")[0]
        for name in set(task.config_type.__dataclass_fields__) - {"name", "question"}:
            where = told if name == "horizon_days" else section if name != "sensitive" else told
            assert f"  {name}: " in where
    assert "active_within_days: a whole number, null if left out" in told
    assert CUTOFFS in told
    assert max(map(len, told.splitlines())) <= 100


def test_a_shared_field_is_told_once_unless_a_kind_changes_it() -> None:
    told = describe_task_kinds()
    assert told.count("  horizon_days: ") == 1
    # False for all, but true where people are profiled.
    assert told.count("  sensitive: true or false, false if left out") == 1
    assert told.count("  sensitive: true or false, true if left out") == 1


def test_the_example_is_a_tasks_file() -> None:
    entries = yaml.safe_load(textwrap.dedent(describe_task_kinds().partition("For example\n")[2]))
    assert [task_from_config(entry).kind for entry in entries] == ["inactive", "has"]
