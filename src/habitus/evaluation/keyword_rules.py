"""What a claim about zero-shot has to beat, and what it cannot: keyword counts, oracle clusters.

PASUM A-P23 (b) and (c).

Shapes: U users, B test users, W words, C classes, D width.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from habitus.comparisons.word_counts import count_words
from habitus.data.segmentation import Segmenter
from habitus.data.snapshot import Snapshot
from habitus.data.tokens import TextSource
from habitus.errors import GuardError
from habitus.evaluation.features import Represent
from habitus.evaluation.prototypes import Keywords
from habitus.random import derive_seed
from habitus.tasks.classes import ClassAsked, Classes

Floats = npt.NDArray[np.float64]


class KeywordCounts:
    """The class whose keywords a user writes most: no model, no label (A-P23 b).

    A keyword counts as the words that segmentation makes of it, each of them whole: "art" is not in
    "department"; of Chinese, what the segmenter calls a word.

    Args:
        text: where words come from.
        keywords: of each task that can be answered.
        over_mean: count each class in units of what the training users write of it on average, so
            that a class with common keywords is not said of everybody.
    """

    def __init__(self, text: TextSource, keywords: Keywords, *, over_mean: bool = False) -> None:
        self.text, self.keywords, self.over_mean = text, keywords, over_mean

    def classify(self, asked: ClassAsked, seed: int = 0) -> Floats:  # noqa: ARG002
        """Return shares that rank the classes, ``(B, C)``: equal ones for who writes no keyword.

        Raises:
            GuardError: the task has no keywords.
        """
        if asked.task not in self.keywords:
            raise GuardError(f"no keywords are known for its classes {list(asked.classes)}")
        count_BC = self._shares(asked.test, asked)
        if self.over_mean:
            usual_C = self._shares(asked.train, asked).mean(axis=0)
            count_BC = count_BC / np.where(usual_C > 0, usual_C, 1)
        total_B1 = count_BC.sum(axis=1, keepdims=True)
        share_BC: Floats = np.full_like(count_BC, 1 / count_BC.shape[1])
        np.divide(count_BC, total_B1, out=share_BC, where=total_B1 > 0)
        return share_BC

    def _shares(self, snapshot: Snapshot, asked: ClassAsked) -> Floats:
        """Return which share of each user's words are keywords of each class, ``(U, C)``."""
        tokens, words = self.text.read(snapshot)
        segmenter, place = Segmenter(self.text.segmentation), dict[str, int]()
        place.update({word: w for w, word in enumerate(words.to_pylist())})
        member_WC = np.zeros((len(words), len(asked.classes)))
        for c, name in enumerate(asked.classes):
            for text in self.keywords[asked.task][name]:
                for word in segmenter.words(text):
                    if word in place:
                        member_WC[place[word], c] = 1
        count_UW = count_words(tokens, len(words))
        total_U1 = np.asarray(count_UW.sum(axis=1), np.float64).reshape(-1, 1)
        return np.asarray((count_UW @ member_WC) / np.maximum(total_U1, 1), np.float64)


class OracleClusters:
    """k-means of the test users' vectors, each cluster named after the *test* labels.

    An upper reference of what lies in the vectors, mapped by an oracle: it is never zero-shot.

    Args:
        represent: whose vectors.
        class_U: task → class of each user of the traces: the answers.
    """

    def __init__(self, represent: Represent, class_U: Mapping[str, Classes]) -> None:
        self.represent, self.class_U = represent, class_U

    def classify(self, asked: ClassAsked, seed: int = 0) -> Floats:
        """Return 1 for the class of the user's cluster, ``(B, C)``; it knows the answers."""
        from sklearn.cluster import KMeans

        num_classes = len(asked.classes)
        chance = derive_seed(seed, "oracle clusters") % 2**31
        model = KMeans(num_classes, n_init=10, random_state=chance)
        cluster_B = model.fit_predict(np.asarray(self.represent(asked.test), np.float64))
        both_KC = np.zeros((num_classes, num_classes))
        np.add.at(both_KC, (cluster_B, self.class_U[asked.task][asked.test.users_U]), 1)
        class_K = linear_sum_assignment(both_KC, maximize=True)[1]
        said_BC: Floats = np.eye(num_classes)[class_K[cluster_B]]
        return said_BC
