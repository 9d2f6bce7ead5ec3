"""Keywords of classes, written down before any user is read (PASUM A-P23).

Of made-up people they are the words planted for a class; of forums a list that ships with the
package; of a task whose classes are matched by keywords (tables 9 and 10), those. Any other task
has none, and cannot be answered without labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

import pyarrow as pa
import yaml

from habitus.datasets.planted_words import planted_words
from habitus.datasets.population import SyntheticConfig
from habitus.datasets.synthetic import WITH_POSTS
from habitus.datasets.traits import TRAITS
from habitus.tasks.class_rules import RuledConfig, classes_of
from habitus.tasks.classes import ClassTask
from habitus.tasks.main_value import MainValueConfig
from habitus.tasks.profile_class import ProfileClassConfig

KEYWORDS_FILE: Final = "forum_keywords.yaml"
MOST: Final = 50
"""Keywords of a class (A-P23)."""
Lists = Mapping[str, Sequence[str]]
"""Class → keywords."""


def task_keywords(data: str, task: ClassTask) -> Lists | None:
    """Return up to 50 keywords of each class of a task; None where there are no lists.

    Args:
        data: the set; the words of ``synthetic_posts`` are known from its config.
        task: of this set.
    """
    lists = _planted(WITH_POSTS, task) if data == "synthetic_posts" else _listed(task)
    return None if lists is None else {name: list(lists[name])[:MOST] for name in lists}


def _planted(world: SyntheticConfig, task: ClassTask) -> Lists | None:
    config = task.config
    if not isinstance(config, ProfileClassConfig) or config.attribute not in TRAITS:
        return None
    words = planted_words(world, config.attribute)
    class_S = classes_of(pa.chunked_array([pa.array(list(words), pa.string())]), config)
    return {config.classes[c]: words[s] for s, c in zip(words, class_S.tolist(), strict=True)}


def _listed(task: ClassTask) -> Lists | None:
    """Return the lists of a task, each behind the name of its class."""
    config = task.config
    if isinstance(config, MainValueConfig) and set(config.classes) <= set(forum_keywords()):
        lists = forum_keywords()
    elif isinstance(config, RuledConfig) and config.keywords:
        lists = config.keywords
    else:
        return None
    return {name: [name, *lists[name]] for name in config.classes}


@cache
def forum_keywords() -> Lists:
    """Return the shipped keywords of each forum."""
    text = files("habitus.tasks").joinpath(KEYWORDS_FILE).read_text("utf-8")
    return {str(name): tuple(words) for name, words in yaml.safe_load(text).items()}
