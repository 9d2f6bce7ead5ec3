"""Keywords: which there are, and that no user made them."""

from __future__ import annotations

import pytest

from habitus.runs.analyses.keywords import MOST, forum_keywords, task_keywords
from habitus.tasks import class_task_from_config
from habitus.tasks.pasum import (
    FORUMS,
    class_keywords,
    debate_forum_tasks,
    legislature_tasks,
    pasum_tasks,
)


@pytest.mark.parametrize("task", pasum_tasks(), ids=lambda task: task.name)
def test_every_class_of_the_made_up_world_has_fifty_planted_words(task: object) -> None:
    found = task_keywords("synthetic_posts", task)  # type: ignore[arg-type]
    assert found is not None
    assert list(found) == list(task.config.classes)  # type: ignore[attr-defined]
    assert {len(words) for words in found.values()} == {MOST}
    together = [word for words in found.values() for word in words]
    assert len(set(together)) == len(together)


def test_forums_have_their_shipped_lists_behind_their_names() -> None:
    tasks = {task.name: task for task in debate_forum_tasks(in_order=True)}
    for name in ("main_forum_later", "main_forum_unread"):
        found = task_keywords("debate_forum_in_order", tasks[name])
        assert found is not None
        assert set(found) == set(FORUMS)
        for forum, words in found.items():
            assert words[0] == forum
            assert 10 <= len(words) <= MOST
    assert task_keywords("debate_forum_in_order", tasks["stance_abortion"]) is None


def test_no_forum_shares_a_keyword_with_another() -> None:
    words = [word for lists in forum_keywords().values() for word in lists]
    assert len(words) == len(set(words))


def test_members_of_a_parliament_have_none() -> None:
    assert [task_keywords("legislature", task) for task in legislature_tasks()] == [None] * 4


def test_a_task_of_keywords_has_those_of_its_table() -> None:
    education = next(task for task in pasum_tasks() if task.name == "education")
    found = task_keywords("other", education)
    assert found is not None
    for name, words in class_keywords("education").items():
        assert found[name] == [name, *words]


def test_an_attribute_that_is_not_planted_has_none() -> None:
    values = {"kind": "profile_class", "name": "x", "question": "Which?", "classes": ["a", "b"]}
    task = class_task_from_config({**values, "attribute": "group"})
    assert task_keywords("synthetic_posts", task) is None
