"""A class task and a method into the test users' classes: a probe, or the method's own say (P21).

Each fit trains on its own random nine tenths of the training users, the same for all methods, so
that seeds mean something for a method without chance in it, too. The fixed split is fitted with
every probe seed, each random split with one (A-P21).

Shapes: B test users, C classes, D draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.errors import DataError
from habitus.evaluation.class_asked import AskedClasses, ClassAnswers
from habitus.evaluation.features import Method
from habitus.evaluation.kept import kept
from habitus.evaluation.predictions import ProbeTrials, chosen_rows
from habitus.evaluation.vectors import FeatureStore
from habitus.probes.multinomial import Classified, Multinomial
from habitus.random import numpy_generator
from habitus.tasks.classes import Classes

Floats = npt.NDArray[np.float64]
NUM_DRAWS = 1000
"""Of guesses, for the score of a method that guesses (B-1)."""


@dataclass(frozen=True, kw_only=True)
class ClassTrials(ProbeTrials):
    """Which seeds, which splits, and how many training users each fit sees."""

    split_seeds: tuple[int, ...] = (1, 2, 3, 4, 5)
    """Of the random splits beside the fixed one."""


class ClassPrediction(NamedTuple):
    """What one fit of a method says of the test users."""

    probe: str | None
    """None for a method that answers itself."""
    probability_BC: Floats
    validation: float | None
    """Macro-F1 of the probe on the validation users."""


def predict_classes(
    asked: AskedClasses, method: Method, store: FeatureStore, trials: ProbeTrials, place: int
) -> ClassPrediction:
    """Return what the fit with the seed in this place says.

    Raises:
        DataError: a method that answers itself gives no probabilities.
        GuardError: a method that answers itself cannot answer this task.
    """
    method, seed = method.at(place), trials.seeds[place % len(trials.seeds)]
    chosen_B = chosen_rows(asked.train.users_B, trials, seed)
    if method.classifies is not None:
        said_BC = np.asarray(method.classifies.classify(asked.handed(chosen_B), seed), np.float64)
        return ClassPrediction(None, _checked(said_BC, asked, method), None)

    def rows(answers: ClassAnswers) -> Classified:
        return Classified(store.take(method, asked.as_of, answers.users_B), answers.y_B)

    train, test = rows(asked.train), rows(asked.test)
    train = Classified(train.x_BD[chosen_B], train.y_B[chosen_B])
    probe = Multinomial().fit(train, rows(asked.valid), len(asked.classes))
    return ClassPrediction("multinomial", probe.predict(test.x_BD), probe.score.macro_f1)


def cached_classes(file: Path | None, make: Callable[[], ClassPrediction]) -> ClassPrediction:
    """Return the prediction that a file holds, or make it and keep it."""

    def values() -> dict[str, Any]:
        made = make()
        return {**made._asdict(), "probability_BC": made.probability_BC.tolist()}

    found = kept(file, values)
    probability_BC = np.array(found["probability_BC"], np.float64)
    return ClassPrediction(found["probe"], probability_BC, found["validation"])


def _checked(said_BC: Floats, asked: AskedClasses, method: Method) -> Floats:
    wanted = (len(asked.test.users_B), len(asked.classes))
    if said_BC.shape != wanted:
        raise DataError(
            f"method {method.name!r} must give one probability a test user and class, {wanted}, "
            f"got the shape {said_BC.shape} for task {asked.name!r}"
        )
    sums_B = said_BC.sum(axis=1)
    if not (
        np.isfinite(said_BC).all() and said_BC.min() >= 0 and np.allclose(sums_B, 1, atol=1e-3)
    ):
        raise DataError(
            f"method {method.name!r} gives no probabilities for task {asked.name!r}: each row must "
            f"be 0 or more and sum to 1"
        )
    return said_BC


def said(probability_BC: Floats) -> Floats:
    """Return 1 for the likeliest class of each row; where several are, each one's share of a guess.

    >>> said(np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])).tolist()
    [[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]]
    """
    likeliest_BC = probability_BC == probability_BC.max(axis=1, keepdims=True)
    return np.asarray(likeliest_BC / likeliest_BC.sum(axis=1, keepdims=True), np.float64)


def guessed_macro_f1(y_B: Classes, said_BC: Floats) -> float:
    """Return the mean macro-F1 of 1,000 draws of the classes that are guessed (B-1)."""
    num_rows, num_classes = said_BC.shape
    edges_BC = said_BC.cumsum(axis=1)
    uniform_DB = numpy_generator(0, "guesses").random((NUM_DRAWS, num_rows))
    drawn_DB = sum((uniform_DB >= edge_B).astype(np.int64) for edge_B in edges_BC.T[:-1])
    draw_D1 = num_classes**2 * np.arange(NUM_DRAWS)[:, None]
    cell_DB = draw_D1 + num_classes * y_B + drawn_DB
    count = np.bincount(cell_DB.ravel(), minlength=NUM_DRAWS * num_classes**2)
    count_DCC = count.reshape(NUM_DRAWS, num_classes, num_classes)
    both_DC = np.einsum("dcc->dc", count_DCC)
    either_DC = count_DCC.sum(axis=1) + count_DCC.sum(axis=2)
    return float((2 * both_DC / np.maximum(either_DC, 1)).mean())
