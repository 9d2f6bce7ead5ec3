"""Answers about users of one platform, by what was learned on another (PASUM A-P24).

Both platforms are traces of the same users, row by row, so that their answers are one; who trains
and who is tested are different people all the same.

Shapes: B users of one part, C classes, D width.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from habitus.comparisons import Classifies
from habitus.comparisons.kept_users import KeptUsers
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import GuardError
from habitus.evaluation.features import Represent
from habitus.probes.base import Matrix
from habitus.probes.multinomial import Classified, Multinomial
from habitus.tasks.classes import ClassAsked, Classes

Floats = npt.NDArray[np.float64]


class OtherPlatform:
    """A method that learns on other traces than it is asked about.

    Args:
        method: fitted on the training users of ``home``.
        home: where training and validation users are read, of those who have an event there.
        tests_at_home: read the test users there, too: what is lost on the way is seen beside it.
    """

    def __init__(self, method: Classifies, home: Traces, *, tests_at_home: bool = False) -> None:
        self.method, self.home, self.tests_at_home = method, home, tests_at_home

    def classify(self, asked: ClassAsked, seed: int = 0) -> Floats:
        """Return what the method says of the test users, ``(B, C)``.

        Raises:
            GuardError: nobody who trains, or who validates, has an event at home.
        """
        train, train_y_B = self._at_home(asked.train, asked.train_y_B)
        valid, valid_y_B = self._at_home(asked.valid, asked.valid_y_B)
        test = self._moved(asked.test) if self.tests_at_home else asked.test
        moved = replace(
            asked, train=train, train_y_B=train_y_B, valid=valid, valid_y_B=valid_y_B, test=test
        )
        return self.method.classify(moved, seed)

    def _moved(self, snapshot: Snapshot) -> Snapshot:
        return Snapshot(self.home, snapshot.as_of, snapshot.users_U)

    def _at_home(self, snapshot: Snapshot, y_B: Classes) -> tuple[Snapshot, Classes]:
        moved = self._moved(snapshot)
        there_B = moved.lengths_U > 0
        if not there_B.any():
            raise GuardError(f"none of {len(y_B)} users has an event on the other platform")
        return Snapshot(self.home, snapshot.as_of, snapshot.users_U[there_B]), y_B[there_B]


class Probed:
    """Vectors read by a linear probe, as a method that answers itself.

    Args:
        known: what encodes those who train and validate.
        asked: what encodes those who are tested.
    """

    def __init__(self, known: Represent, asked: Represent) -> None:
        self.known, self.asked = known, asked

    def classify(self, asked: ClassAsked, seed: int = 0) -> Floats:  # noqa: ARG002
        """Return the probability of each class for each test user, ``(B, C)``."""
        train = Classified(self.known(asked.train), asked.train_y_B)
        valid = Classified(self.known(asked.valid), asked.valid_y_B)
        probe = Multinomial().fit(train, valid, len(asked.classes))
        return probe.predict(self.asked(asked.test))


def kept_vectors(represent: Represent) -> Represent:
    """Return what encodes each user of some traces once."""
    kept: KeptUsers[Matrix] = KeptUsers(
        represent, lambda one, other: np.concatenate([one, other]), lambda rows, at: rows[at]
    )
    return kept.read
