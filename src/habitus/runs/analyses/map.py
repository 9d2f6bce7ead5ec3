"""Map: users, classes and words in one space (PASUM P23, Fig. 4).

Principal components of the test users' vectors; the middle of each class; and words, each encoded
as the graph of one word. A picture persuades more than it proves, so two figures stand beside it,
counted in the whole space and not on the page.

Differs from the paper: middles are those of training users, so that where test users lie says
something; keywords are chosen by a statistic, not by hand.

Shapes: U users, W words, C classes, D width.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from habitus.comparisons.word_counts import count_words
from habitus.data.keyword_graphs import one_word_graphs
from habitus.data.text_graph_encoding import TextGraphEncoding
from habitus.data.tokens import relabel
from habitus.data.traces import Rows
from habitus.evaluation.class_asked import AskedClasses
from habitus.evaluation.class_space import (
    Space,
    nearest_to_words,
    users_at_home,
    words_at_home,
)
from habitus.evaluation.class_words import LEAST_USERS, typical_words
from habitus.evaluation.prototypes import encode_graphs
from habitus.runs.analyses.asking import first_asked
from habitus.runs.analyses.base import AnalysisPlan, Answer, analysis_results
from habitus.runs.analyses.models import trained_rows
from habitus.runs.analyses.pictures import fig_4
from habitus.runs.pasum_wiring import parts_of
from habitus.runs.steps import Json

QUESTION = "Do users, classes and words lie where they belong, in one space?"
WORDS: Final = 10
"""Of each class, at most."""


def word_map(plan: AnalysisPlan) -> Json:
    """Return the analysis: the map of one task, and what lies near its class."""
    asked = first_asked(plan)
    space = make_space(plan, asked)
    users, words = users_at_home(space), words_at_home(space)
    answer = Answer(
        findings=[
            f"Test users who lie nearest to the middle of their own class: {users}.",
            f"Typical words that lie in the direction of their own class: {words}.",
        ],
        tables=[_table(space, asked.classes)],
        plots=fig_4(space, asked.classes),
        notes=[
            "Chance: of users, as often as it would be with the same classes dealt out anew; of "
            f"words, one in {len(asked.classes)}. Users by distance; words by direction, words "
            "and middles each counted from their own mean.",
            f"Words: those of the greatest t between the class's training users and others, of "
            f"the share of a user's words; of {LEAST_USERS} users of the class or more.",
        ],
    )
    config = {"ours": plan.run.to_dict(), "task": asked.task.to_dict()}
    return analysis_results(plan, "map", f"A map of {asked.name}", QUESTION, config, answer)


def make_space(plan: AnalysisPlan, asked: AskedClasses) -> Space:
    """Return test users, middles of classes and typical words, as the pre-trained encoder sees."""
    model = trained_rows(plan.experiment(plan.run), plan.run).models[0]
    encoder, encoding = parts_of(model)
    lists = _typical(asked, encoding)
    word_W = np.concatenate(lists)
    alone = one_word_graphs(word_W, weighted=encoder.config.edge_weights)
    known_ND = model.encode(asked.snapshot(asked.train.users_B))
    middles = [known_ND[asked.train.y_B == c].mean(axis=0) for c in range(len(asked.classes))]
    return Space(
        user_UD=model.encode(asked.snapshot(asked.test.users_B)),
        y_U=asked.test.y_B,
        middle_CD=np.stack(middles),
        word_WD=encode_graphs(encoder, encoding.complete(alone)),
        home_W=np.repeat(np.arange(len(lists)), [len(one) for one in lists]),
        texts=[str(encoding.vocabulary.words[int(word)]) for word in word_W],
    )


def _typical(asked: AskedClasses, encoding: TextGraphEncoding) -> list[Rows]:
    """Return ids of the words most typical of each class, by training users only."""
    tokens, words = encoding.text.read(asked.snapshot(asked.train.users_B))
    known = relabel(tokens, encoding.vocabulary.lookup(words))
    counts_UW = count_words(known, len(encoding.vocabulary))
    return typical_words(counts_UW, asked.train.y_B, len(asked.classes), WORDS)


def _table(space: Space, classes: tuple[str, ...]) -> Json:
    nearest_W, right_W = nearest_to_words(space)
    rows = []
    for c, name in enumerate(classes):
        own_W = np.flatnonzero(space.home_W == c)
        strays = [f"{space.texts[w]} → {classes[nearest_W[w]]}" for w in own_W if not right_W[w]]
        words = ", ".join(space.texts[w] for w in own_W)
        rows.append([name, words or "none", int(right_W[own_W].sum()), ", ".join(strays) or "none"])
    return {
        "title": "Words typical of each class",
        "columns": ["class", "most typical first", "in its direction", "elsewhere"],
        "rows": rows,
    }
