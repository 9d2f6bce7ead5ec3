"""The rows of zero-shot: prototypes, and what they are held against.

Shapes: U users of the traces.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from habitus.comparisons import Classifies
from habitus.config import digest_of
from habitus.evaluation.class_asked import CLASS_SPLIT
from habitus.evaluation.features import Group, Method, over_seeds
from habitus.evaluation.keyword_rules import KeywordCounts, OracleClusters
from habitus.evaluation.prototypes import Prototypes
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.analyses.keywords import Lists
from habitus.runs.model_rows import ModelRows
from habitus.runs.pasum_wiring import parts_of
from habitus.tasks.classes import Classes


def answers_of(plan: AnalysisPlan) -> dict[str, Classes]:
    """Return the class of each user in each task, ``(U)``: for the oracle, and nobody else."""
    train, found = CLASS_SPLIT.rows(plan.traces, "train"), {}
    for task in plan.tasks:
        users_B, class_B = task.answers(plan.traces, train)
        found[task.name] = np.zeros(plan.traces.num_users, np.int64)
        found[task.name][users_B] = class_B
    return found


def zero_shot_rows(
    keywords: Mapping[str, Lists], ours: ModelRows, paper: ModelRows, answers: dict[str, Classes]
) -> list[Method]:
    """Return keyword counts, oracle clusters, and prototypes of the paper's encoder and of ours.

    Args:
        keywords: of each task and class.
        ours: what was pre-trained.
        paper: the same of the paper's choices.
        answers: of the oracle (:func:`answers_of`).
    """
    text = parts_of(ours.models[0])[1].text
    represent = ours.ours().at(0).represent
    assert represent is not None

    def row(name: str, label: str, group: Group, answering: Classifies, key: object) -> Method:
        words = (type(answering).__doc__ or "").splitlines()[0]
        digest = digest_of([name, keywords, key])
        return Method(
            name=name,
            label=label,
            group=group,
            description=words,
            fingerprint=digest,
            classifies=answering,
        )

    def prototypes(
        rows: ModelRows, name: str, label: str, group: Group, *, hubs: bool = True
    ) -> Method:
        kept = [rows.ours().at(place).represent for place in range(len(rows.models))]
        made = [
            Prototypes(model, keywords, vectors, correct_hubs=hubs)
            for model, vectors in zip(rows.models, kept, strict=True)
        ]
        return over_seeds([row(name, label, group, one, one.model.digest) for one in made])

    rates = KeywordCounts(text, keywords, over_mean=True)
    oracle = OracleClusters(represent, answers)
    return [
        row("keyword_counts", "keyword counts", "comparison", KeywordCounts(text, keywords), ""),
        row("keyword_rates", "keyword counts over mean", "comparison", rates, ""),
        row("oracle", "ORACLE clusters", "comparison", oracle, ours.models[0].digest),
        prototypes(paper, "paper", "prototypes, PASUM (paper)", "comparison"),
        prototypes(ours, "no_csls", "prototypes, no CSLS", "comparison", hubs=False),
        prototypes(ours, "ours", "prototypes, ours", "ours"),
    ]
