"""Where users, classes and words lie in one space, and whether that is where they belong.

Shapes: U users, W words, C classes, D width.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from habitus.evaluation.prototypes import cosines
from habitus.representations.model import Vectors
from habitus.tasks.classes import Classes

SURE: Final = 0.05
"""A count that chance reaches more often than this is not above chance."""


class Space(NamedTuple):
    """What lies in the space; users are test users."""

    user_UD: Vectors
    y_U: Classes
    middle_CD: Vectors
    """The mean of each class's training users."""
    word_WD: Vectors
    """By class, the most typical first."""
    home_W: Classes
    """The class that each word is typical of."""
    texts: list[str]


class Share(NamedTuple):
    """How many lie where they belong, and how many would by chance."""

    right: int
    total: int
    chance: float

    @property
    def is_above_chance(self) -> bool:
        """Whether chance reaches so many less often than one time in twenty (binomial)."""
        if not self.total:
            return False
        return bool(binomtest(self.right, self.total, self.chance, "greater").pvalue < SURE)

    def __str__(self) -> str:
        """Return what a reader is told.

        >>> str(Share(9, 10, 0.5))  # 11 of 1,024 draws have nine heads or more
        '9 of 10, above chance (5 expected)'
        """
        word = "above chance" if self.is_above_chance else "no more than chance"
        return f"{self.right} of {self.total}, {word} ({self.chance * self.total:.0f} expected)"


def users_at_home(space: Space) -> Share:
    """Return how many test users lie nearest to the middle of their own class."""
    far_UC = np.linalg.norm(space.user_UD[:, None] - space.middle_CD[None], axis=2)
    nearest_U, num_users = far_UC.argmin(axis=1), len(space.y_U)
    both_2C = [np.bincount(y_U, minlength=far_UC.shape[1]) for y_U in (nearest_U, space.y_U)]
    chance = float(both_2C[0] @ both_2C[1]) / num_users**2
    return Share(int((nearest_U == space.y_U).sum()), num_users, chance)


def words_at_home(space: Space) -> Share:
    """Return how many words lie in the direction of the class that they are typical of."""
    return Share(int(nearest_to_words(space)[1].sum()), len(space.texts), 1 / len(space.middle_CD))


def nearest_to_words(space: Space) -> tuple[Classes, npt.NDArray[np.bool_]]:
    """Return the class in whose direction each word lies, and whether that is its own."""
    words_WD = space.word_WD - space.word_WD.mean(axis=0)
    middle_CD = space.middle_CD - space.middle_CD.mean(axis=0)
    class_W = cosines(words_WD, middle_CD).argmax(axis=1)
    return class_W, class_W == space.home_W
