"""The measures that a report can show: what each means in one line, and which way is better."""

from __future__ import annotations

import math
from typing import Final, NamedTuple


class Measure(NamedTuple):
    """How one metric is read."""

    title: str
    meaning: str
    higher_is_better: bool = True
    highest: float = 1.0
    brief: str = ""
    """The meaning in a few words."""

    has_interval: bool = True
    """Whether users drawn anew tell how sure it is."""

    @property
    def inline(self) -> str:
        """The title inside a sentence."""
        return self.title if self.title.isupper() else self.title[0].lower() + self.title[1:]


MEASURES: Final[dict[str, Measure]] = {
    "auroc": Measure(
        "AUROC",
        "Take a user for whom the answer is yes and one for whom it is no: how often does the "
        "method rank the first above the second? .5 is a coin toss, 1 is perfect.",
        brief=".5 is a coin toss, 1 is perfect",
    ),
    "auprc": Measure(
        "AUPRC",
        "Going down the ranked list until every yes is found, the average share of right guesses "
        "so far. A coin toss scores the share of yes, 1 is perfect.",
    ),
    "log_loss": Measure(
        "Log loss",
        "The price of a wrong probability: sure and wrong costs most. 0 is perfect.",
        higher_is_better=False,
        highest=math.inf,
    ),
    "brier": Measure(
        "Brier score",
        "Mean squared distance between the stated probability and what happened. 0 is perfect.",
        higher_is_better=False,
    ),
    "ece": Measure(
        "Calibration error (ECE)",
        "How far stated probabilities lie from observed shares. 0 is perfect, also for giving "
        "everybody the base rate, which is useless. Chance adds to it, and once more in users "
        "drawn anew: so it has no interval.",
        higher_is_better=False,
        has_interval=False,
    ),
}
CLASS_MEASURES: Final[dict[str, Measure]] = {
    "macro_f1": Measure(
        "Macro-F1",
        "Of the users in a class, how many are found, and of those put in it, how many belong "
        "there? F1 is their balance, and macro-F1 its mean over all classes: small ones count as "
        "much as large ones. 1 is perfect.",
        brief="the mean of F1 over all classes, 1 is perfect",
    ),
    "accuracy": Measure(
        "Accuracy",
        "The share of users who are put in their class. Who gives the largest class to everybody "
        "scores its share, 1 is perfect.",
        brief="the share of users who are put in their class",
    ),
}
ALL_MEASURES: Final = MEASURES | CLASS_MEASURES
"""In the order in which a page shows them."""
MAIN: Final = "auroc"
"""Of results whose questions name no main score."""


def measure(name: str) -> Measure:
    """Return how a metric is read; one we do not know is shown under its own name."""
    return ALL_MEASURES.get(name, Measure(name, "", highest=math.inf))
