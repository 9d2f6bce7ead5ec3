"""Tasks files: of one sort each."""

from pathlib import Path

import pytest

from habitus.errors import DataError, UsageError
from habitus.tasks.entries import read_class_tasks, sort_of

GROUP = """
- {kind: profile_class, name: group, question: 'Which group?', classes: [a, b], attribute: group}
"""
FORUM = """
- kind: main_value
  name: forum
  question: Which forum?
  classes: [art, law]
  channel: forum
  as_of: 2020-01-01
"""
INACTIVE = """
- {kind: inactive, name: inactive, question: 'Will they go?', horizon_days: 30}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "tasks.yaml"
    file.write_text(text)
    return file


def test_class_tasks_are_read_and_a_date_is_text(tmp_path: Path) -> None:
    tasks = read_class_tasks(written(tmp_path, GROUP + FORUM))
    assert [(task.name, task.kind) for task in tasks] == [
        ("group", "profile_class"),
        ("forum", "main_value"),
    ]
    assert tasks[1].config.as_of == "2020-01-01"


@pytest.mark.parametrize(("text", "sort"), [(GROUP + FORUM, "classes"), (INACTIVE, "dated")])
def test_a_file_is_of_one_sort(tmp_path: Path, text: str, sort: str) -> None:
    assert sort_of(written(tmp_path, text)) == sort


def test_a_mixed_file_is_an_error_that_names_both(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\(inactive\) with class tasks \(profile_class\)"):
        sort_of(written(tmp_path, GROUP + INACTIVE))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- kind: profile_clas", "did you mean 'profile_class'"),
        ("- {name: x}", "needs kind, one of bought_again, has, inactive, .*profile_class"),
        ("- x", "must be a mapping"),
        ("{}", "must hold a list"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        sort_of(written(tmp_path, text))


@pytest.mark.parametrize("content", [b"[", b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_no_data(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "tasks.yaml"
    file.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        sort_of(file)


def test_a_name_stands_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'group' twice"):
        read_class_tasks(written(tmp_path, GROUP + GROUP))
