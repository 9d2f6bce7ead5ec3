"""The six questions of PASUM (P21), and those that the sets with posts can answer.

None of the paper's own data could be had. Its questions are asked of any profiles that hold the
attributes, such as those of made-up people (``synthetic_posts``), whose answers say nothing about
real ones. Who somebody is, or what they believe, is sensitive: such tasks run when the caller
allows it. Members of a parliament act in public, so their party and region are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import yaml

from habitus.datasets.debate_forum import HELD_OUT, STANCE, TAGS_BEFORE
from habitus.tasks import class_task_from_config
from habitus.tasks.classes import ClassTask

KEYWORDS_FILE: Final = "pasum_keywords.yaml"

FORUMS: Final[dict[str, tuple[str, ...]]] = {
    "abortion": ("Abortion",),
    "creation or evolution": ("Creation(Intelligent Design) vs Evolution",),
    "gay rights": ("Gay Rights",),
    "gun control": ("Gun Control",),
    "politics": ("Politics",),
    "religion": ("Religion",),
}
"""The six largest forums of the debates: two thirds of all posts."""
MIN_POSTS: Final = 5
"""Posts in these forums from which a main forum is read."""
STANCE_TOPICS: Final = (
    "abortion",
    "evolution",
    "existence of god",
    "gay marriage",
    "gun control",
)
"""Topics on which 250 users or more are pro or anti; the other five have at most 156."""

REGIONS: Final[dict[str, tuple[str, ...]]] = {
    "north": ("HSQ", "HSZ", "ILA", "KEE", "TAO", "TPE", "TPQ"),
    "central": ("CHA", "MIA", "NAN", "TXG", "TXQ", "YUN"),
    "south": ("CYI", "CYQ", "KHH", "KHQ", "PEN", "PIF", "TNN", "TNQ"),
}
"""Constituencies by part of Taiwan; the east and the islands have 15 members between them."""
GENDERS: Final[dict[str, tuple[str, ...]]] = {
    "female": ("f", "F", "female", "女"),
    "male": ("m", "M", "male", "男"),
}


def pasum_tasks() -> list[ClassTask]:
    """Return gender, age, education, occupation, depression and super topic.

    Read from the attributes ``gender``, ``birth_year``, ``education``, ``occupation``,
    ``depression`` and ``super_topic`` of the profiles.

    Differs from the paper: it names three classes of age and not their bounds; these are the
    years of birth that the SMP 2016 competition, its source, used, as far as we recall. Keyword
    lists are those printed, which are cut off there (:func:`class_keywords`).
    """
    years = ("before 1980", "1980 to 1989", "1990 or later")
    states = {"not depressed": ("no",), "depressed": ("yes",)}
    topics = {name: (name,) for name in ("games", "entertainment", "education", "sports")}
    return [
        _profile("gender", "Is the user a woman or a man?", GENDERS),
        _profile("age", "When was the user born?", years, attribute="birth_year", edges=_YEARS),
        _keyword("education", "What did the user study?"),
        _keyword("occupation", "In what line of work is the user?"),
        _profile("depression", "Is the user depressed?", states),
        _profile("super_topic", "Whose fans does the user meet with?", topics, sensitive=False),
    ]


def debate_forum_tasks(*, in_order: bool = False) -> list[ClassTask]:
    """Return the tasks of the dataset ``debate_forum``, or of ``debate_forum_in_order``.

    In order, the main forum of a user's last 20 posts is asked about; with dates, whether they
    will still write. Of the users with posts after any one day, too few wrote before it (87 with
    five posts on both sides of 2006-07-01) to ask for their main forum by date.

    Both also ask for the main forum of the discussions that are not read. The tags of these sets
    are made of posts in those discussions too: pre-train for that task without communities, or
    without the test users. Reply edges are undated and tell of all posts.
    """
    later = _in_order() if in_order else _by_date()
    return [later, _other_discussions(), *map(_stance, STANCE_TOPICS)]


def legislature_tasks() -> list[ClassTask]:
    """Return party of two and of three, region, and gender.

    A linear model on words is right on .84 of two parties (majority .56), on .77 of three regions
    (.43); of gender it finds nothing (F1 .50). Roll calls follow party, so edges tell of it:
    without the test users, or label what is shown so.
    """
    two = {name: (name,) for name in ("KMT", "DPP")}
    three = {**two, "PFP": ("PFP",)}
    party: dict[str, Any] = {"attribute": "party", "sensitive": False}
    return [
        _profile("party_of_two", "Which of the two largest parties?", two, **party),
        _profile("party_of_three", "Which of the three largest parties?", three, **party),
        _profile(
            "region", "For which part of Taiwan does the member sit?", REGIONS, sensitive=False
        ),
        _profile("gender", "Is the member a woman or a man?", GENDERS),
    ]


def class_keywords(attribute: str) -> dict[str, tuple[str, ...]]:
    """Return the keywords of each class of ``occupation`` (table 9) or ``education`` (table 10)."""
    text = files("habitus.tasks").joinpath(KEYWORDS_FILE).read_text("utf-8")
    classes: Mapping[str, Mapping[str, list[str]]] = yaml.safe_load(text)[attribute]
    return {
        name: tuple(word for words in lists.values() for word in words)
        for name, lists in classes.items()
    }


_YEARS: Final = (1980.0, 1990.0)


def _profile(
    name: str,
    question: str,
    classes: Mapping[str, tuple[str, ...]] | tuple[str, ...],
    **more: object,
) -> ClassTask:
    values = {"values": dict(classes)} if isinstance(classes, Mapping) else {}
    entry = {"kind": "profile_class", "name": name, "question": question, "attribute": name}
    return class_task_from_config({**entry, "classes": tuple(classes), **values, **more})


def _keyword(name: str, question: str) -> ClassTask:
    keywords = class_keywords(name)
    return _profile(name, question, tuple(keywords), keywords=keywords)


def _main_forum(name: str, question: str, **more: object) -> ClassTask:
    entry = {"kind": "main_value", "name": name, "question": question, "channel": "forum"}
    forums = {"classes": tuple(FORUMS), "values": FORUMS, "min_events": MIN_POSTS}
    return class_task_from_config({**entry, **forums, **more})


def _in_order() -> ClassTask:
    question = f"Where will the user write most of the next {HELD_OUT} posts?"
    return _main_forum("main_forum_later", question, as_of=HELD_OUT)


def _other_discussions() -> ClassTask:
    question = "Where does the user write most, of the discussions that are not read?"
    return _main_forum("main_forum_unread", question, part="first", part_by="discussion")


def _by_date() -> ClassTask:
    return class_task_from_config(
        {
            "kind": "activity",
            "name": "still_writes",
            "question": f"Will the user write in the year from {TAGS_BEFORE}?",
            "classes": ("no", "yes"),
            "as_of": TAGS_BEFORE,
            "horizon_days": 365,
        }
    )


def _stance(topic: str) -> ClassTask:
    return class_task_from_config(
        {
            "kind": "label_class",
            "name": f"stance_{topic.replace(' ', '_')}",
            "question": f"Is the user pro or anti on {topic}?",
            "label": STANCE + topic,
            "classes": ("anti", "pro"),
            "edges": (0.0,),
            "sensitive": True,
        }
    )
