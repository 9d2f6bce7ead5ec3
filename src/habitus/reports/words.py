"""The words that differ between questions of yes or no and questions of several classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_TIE: Final = (
    "Each score carries a 95 % interval, and two methods whose difference may be zero are called a "
    "tie, whichever figure is larger."
)


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a page says of one sort of questions."""

    about: str
    """Follows "On 8 questions"; holds the number of test users."""
    page: str
    """What the page is, under the headline."""
    base: tuple[str, str]
    """The column that says what is scored without knowing anything: its title, and its meaning."""
    base_column: str
    """The same in the narrow tables of terminals and cards."""
    examples: str
    """Where answers come from."""
    too_few: str
    """Why a stratum may have no score."""
    says: str
    """What a score says, and what it does not."""
    unchanged: str
    """What the intervals do not hold."""


YES_OR_NO: Final = Words(
    about="about what {users} unseen users do next",
    page="This page compares ways to describe a user by what the user did before a cutoff date. "
    "Each description is frozen and given to the same small models, which learn from some users to "
    "answer yes-or-no questions about the days after the cutoff; the scores are those of users "
    f"kept apart for the test. {_TIE}",
    base=("Base rate", "The share of test users for whom the answer is yes."),
    base_column="yes",
    examples="A method reads what came before the cutoff; the answer is what happened in the "
    "window after it. One training user gives an example for each training cutoff.",
    too_few="a yes, or a no, was too rare among them to score",
    says="how well users are ranked, not why they act",
    unchanged="what another period, another split or another choice of questions would change",
)
CLASSES: Final = Words(
    about="about {users} users whose answers were kept apart",
    page="This page compares ways to tell which of several classes a user is in. Where a method "
    "describes a user, its description is frozen and read by the same small model; other methods "
    "answer themselves. All learn from some users, and the scores are those of users kept apart "
    f"for the test. {_TIE}",
    base=(
        "Largest class",
        "The share of test users in the class with the most of them: what a method gets right that "
        "gives this class to everybody.",
    ),
    base_column="largest",
    examples="A method reads what came before the cutoff, of one half of the posts where one is "
    "named; the class comes from a profile, a label, later events or the other half. One user is "
    "one example.",
    too_few="a class was too rare among them to score",
    says="how often users are put in their class, not why they are in it",
    unchanged="what another period or another choice of questions would change, nor another split, "
    "which the random splits show where they were run",
)

PROTOCOLS: Final = {
    "strict-inductive": "Test users were not there when anything was pre-trained or fitted: not "
    "their posts, not their edges, not their tags.",
    "transductive-text": "What test users wrote, and whom they follow, may have been there when "
    "something was pre-trained or fitted, as in the paper; their answers were not. People who come "
    "later may be served less well than these scores say.",
}
"""What pre-training saw of the test users (A-P20)."""
