"""Label prototypes: class tasks answered without any label, by graphs of keywords (PASUM A-P23).

A class is a list of keywords. The list becomes a graph, its edges from the posts of all training
users; the encoder makes a vector of it, the prototype. A user is of the class whose prototype lies
in the same direction, both counted from their means, corrected for hubs by CSLS.

Differs from the paper: it does not say how PASUM answers without labels (Table 3); this is our way.

Shapes: U users, C classes, D width, N users from whom means and hubs are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import softmax

from habitus.data.keyword_graphs import keyword_graphs, training_pairs
from habitus.data.segmentation import Segmenter
from habitus.data.text_graph import TextGraphs
from habitus.data.text_graph_batch import text_graph_batch
from habitus.data.text_graph_encoding import TextGraphEncoding
from habitus.data.tokens import relabel
from habitus.data.traces import Rows
from habitus.encoders import UserEncoder
from habitus.errors import GuardError
from habitus.evaluation.features import Represent
from habitus.representations.model import Model, Vectors
from habitus.tasks.classes import ClassAsked

Floats = npt.NDArray[np.float64]
Keywords = Mapping[str, Mapping[str, Sequence[str]]]
"""Task → class → its keywords, fixed before any user is read."""
NEIGHBOURS = 10
"""Of CSLS, as its authors have it."""


class Prototypes:
    """Answers class tasks by keywords and an encoder; no label is read, of anybody.

    What it says of a test user depends on that user and on the training users' posts.

    Args:
        model: a text graph encoder and its encoding.
        keywords: of each task that can be answered.
        represent: what encodes users, where their vectors are kept; None for the model.
        correct_hubs: False leaves CSLS out: plain cosines.
    """

    def __init__(
        self,
        model: Model,
        keywords: Keywords,
        represent: Represent | None = None,
        *,
        correct_hubs: bool = True,
    ) -> None:
        assert isinstance(model.encoding, TextGraphEncoding)
        self.model, self.encoding, self.keywords = model, model.encoding, keywords
        self.represent = represent or model.encode
        self.correct_hubs = correct_hubs

    def classify(self, asked: ClassAsked, seed: int = 0) -> Floats:  # noqa: ARG002
        """Return shares that rank the classes of each test user, ``(B, C)``; no chance is in it.

        Raises:
            GuardError: a class without a keyword that the encoder knows.
        """
        prototype_CD, known_ND, user_UD = self.centred(asked)
        score_UC = cosines(user_UD, prototype_CD)
        if self.correct_hubs:
            score_UC = csls(score_UC, cosines(known_ND, prototype_CD))
        return np.asarray(softmax(score_UC, axis=1), np.float64)

    def centred(self, asked: ClassAsked) -> tuple[Vectors, Vectors, Vectors]:
        """Return prototypes, training users and test users, from the means of the first two.

        Raises:
            GuardError: a class without a keyword that the encoder knows.
        """
        prototype_CD = encode_graphs(self.model.encoder, self._graphs(asked))
        known_ND, user_UD = self.represent(asked.train), self.represent(asked.test)
        mean_D = known_ND.mean(axis=0)
        return prototype_CD - prototype_CD.mean(axis=0), known_ND - mean_D, user_UD - mean_D

    def _graphs(self, asked: ClassAsked) -> TextGraphs:
        lists = keyword_ids(asked, self.keywords, self.encoding)
        tokens, words = self.encoding.text.read(asked.train)
        vocabulary = self.encoding.vocabulary
        known = relabel(tokens, vocabulary.lookup(words))
        word_K = np.unique(np.concatenate(lists))
        pairs = training_pairs(known, word_K, len(vocabulary), self.encoding.graph)
        return self.encoding.complete(keyword_graphs(lists, pairs))


def keyword_ids(asked: ClassAsked, keywords: Keywords, encoding: TextGraphEncoding) -> list[Rows]:
    """Return the ids of the known keywords of each class, ascending.

    Raises:
        GuardError: the task has no keywords, or a class none that is known.
    """
    if asked.task not in keywords:
        raise GuardError(f"no keywords are known for its classes {list(asked.classes)}")
    segmenter, found = Segmenter(encoding.text.segmentation), []
    for name in asked.classes:
        words = [word for text in keywords[asked.task][name] for word in segmenter.words(text)]
        ids = np.unique(encoding.vocabulary.lookup(words)) if words else np.zeros(0, np.int32)
        found.append(ids[ids >= 0].astype(np.int64))
    empty = [name for name, ids in zip(asked.classes, found, strict=True) if not len(ids)]
    if empty:
        raise GuardError(f"the encoder knows no keyword of the class {empty[0]!r}")
    return found


def encode_graphs(encoder: UserEncoder, graphs: TextGraphs) -> Vectors:
    """Return the vector of each graph, ``(U, D)``, as if it were a user's."""
    device = next(encoder.parameters()).device
    with torch.inference_mode():
        z_UD = encoder.eval()(text_graph_batch(graphs).to(device)).z_UD
    vectors: Vectors = z_UD.float().cpu().numpy()
    return vectors


def cosines(x_UD: Vectors, y_CD: Vectors) -> Floats:
    """Return the cosine of each pair of rows, ``(U, C)``; 0 with a row of zeros."""
    unit = [
        rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        for rows in (x_UD.astype(np.float64), y_CD.astype(np.float64))
    ]
    return np.asarray(unit[0] @ unit[1].T, np.float64)


def csls(cosine_UC: Floats, known_NC: Floats, neighbours: int = NEIGHBOURS) -> Floats:
    """Return ``2 cos(u, c) - r(u) - r(c)``, each r a mean over the nearest (Conneau et al. 2018).

    Args:
        cosine_UC: of users and classes.
        known_NC: of the users among whom the neighbours of a class are sought.
        neighbours: how many; all, where there are fewer.

    >>> csls(np.array([[0.5, 0.4]]), np.array([[0.9, 0.1]])).round(3).tolist()
    [[-0.35, 0.25]]
    """
    nearest_UC = np.sort(cosine_UC, axis=1)[:, -neighbours:]
    nearest_NC = np.sort(known_NC, axis=0)[-neighbours:]
    hubs_UC: Floats = nearest_UC.mean(axis=1, keepdims=True) + nearest_NC.mean(axis=0)
    return 2 * cosine_UC - hubs_UC
