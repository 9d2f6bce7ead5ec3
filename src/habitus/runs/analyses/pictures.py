"""Scatter plots that analyses share: users, classes and words on two principal components.

Shapes: B users or words of one plot, C classes, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from habitus.evaluation.class_asked import AskedClasses
from habitus.evaluation.class_space import Space
from habitus.evaluation.prototypes import Prototypes
from habitus.representations.model import Vectors
from habitus.runs.analyses.tables import percent
from habitus.runs.steps import Json
from habitus.tasks.classes import Classes

DIGITS: Final = 4


class Page:
    """Two principal components of some vectors, on which anything of their width can be put."""

    def __init__(self, user_UD: Vectors, classes: Sequence[str]) -> None:
        from sklearn.decomposition import PCA

        self.classes = list(classes)
        self._components = PCA(2, random_state=0).fit(user_UD)

    def points(self, rows_BD: Vectors, class_B: Classes) -> list[Json]:
        """Return where some vectors lie, and the class of each."""
        at_B2 = self._components.transform(rows_BD).round(DIGITS)
        return [
            {"x": float(x), "y": float(y), "class": int(c)}
            for (x, y), c in zip(at_B2, class_B, strict=True)
        ]

    def scatter(
        self, title: str, note: str, points: Sequence[Json], **more: Sequence[Json]
    ) -> Json:
        """Return a plot; ``more`` holds centroids and words."""
        shares = self._components.explained_variance_ratio_
        names = [
            f"component {i + 1} ({percent(share)} of the spread)" for i, share in enumerate(shares)
        ]
        plot = {"kind": "scatter", "title": title, "note": note, "x": names[0], "y": names[1]}
        return {**plot, "classes": self.classes, "points": list(points), **more}


def fig_4(space: Space, classes: Sequence[str]) -> list[Json]:
    """Return the two halves of PASUM's Fig. 4: users by class, and middles with words."""
    page = Page(space.user_UD, classes)
    middles = page.points(space.middle_CD, np.arange(len(classes)))
    words = [
        {**at, "text": text}
        for at, text in zip(page.points(space.word_WD, space.home_W), space.texts, strict=True)
    ]
    return [
        page.scatter(
            "Test users by class",
            "Large: the middle of each class's training users.",
            page.points(space.user_UD, space.y_U),
            centroids=middles,
        ),
        page.scatter(
            "Middles of classes, and words",
            "The same components; each word is a graph of one.",
            [],
            centroids=middles,
            words=words,
        ),
    ]


def directions(prototypes: Prototypes, asked: AskedClasses) -> Json:
    """Return the directions of test users by class, and those of the prototypes."""
    prototype_CD, _, user_UD = map(_unit, prototypes.centred(asked.handed()))
    page = Page(user_UD, asked.classes)
    return page.scatter(
        f"{asked.name}: directions of test users and prototypes",
        "Large: prototypes. Users and prototypes are each counted from their own mean.",
        page.points(user_UD, asked.test.y_B),
        centroids=page.points(prototype_CD, np.arange(len(asked.classes))),
    )


def _unit(rows_BD: Vectors) -> Vectors:
    lengths_B1 = np.linalg.norm(rows_BD, axis=1, keepdims=True)
    unit_BD: Vectors = rows_BD / np.maximum(lengths_B1, 1e-12)
    return unit_BD
