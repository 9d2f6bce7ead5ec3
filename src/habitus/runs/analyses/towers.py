"""Towers: how two towers are trained on frozen vectors, chosen on validation users alone (A-C15).

Each setting differs from the paper's reading in what its name says. Settings are scored by NDCG@10
of validation users at the best epoch, among all items; nobody who is tested is read. Vectors are
those of TF-IDF and of an encoder at its warm start, so that no pre-training is favoured.

    habitus analyze towers --data art_office
    habitus analyze towers --data food_kitchen
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from habitus.evaluation.next_item import VectorMethod
from habitus.evaluation.next_item_asked import AskedItems
from habitus.probes.two_tower import TwoTowerConfig
from habitus.runs.analyses.base import AnalysisPlan, Answer, analysis_results
from habitus.runs.analyses.matching_rows import work_of
from habitus.runs.analyses.next_item_rows import ModelVectors, model_row, quick_towers, rungs
from habitus.runs.analyses.next_item_sets import (
    FEW_EXAMPLES,
    TOWERS,
    questions_of,
    run_for,
    set_of,
)
from habitus.runs.analyses.wording import figure
from habitus.runs.steps import Json

QUESTION: Final = "Which training of two towers finds the next items of validation users?"
PAPER: Final = TwoTowerConfig(max_epochs=TOWERS.max_epochs)
SOFT: Final = replace(PAPER, loss="softmax", num_uniform=512)
SETTINGS: Final[Mapping[str, tuple[TwoTowerConfig, bool]]] = {
    "pairs, 4 negatives (A-C15)": (PAPER, False),
    "pairs, told how many had each": (PAPER, True),
    "softmax": (SOFT, False),
    "softmax, told how many had each": (SOFT, True),
    "softmax, told, batches of 256": (replace(SOFT, batch_size=256), True),
    "softmax, told, rate .0003": (replace(SOFT, learning_rate=3e-4), True),
    "softmax, told, each number on its scale": (replace(SOFT, inputs="each"), True),
    "softmax, told, weight decay .1": (replace(SOFT, weight_decay=0.1), True),
}
"""Name → towers, and whether the tower of items is told how many train users had each."""


def towers(plan: AnalysisPlan) -> Json:
    """Return the analysis: each setting on each service and each kind of vectors.

    Raises:
        DataError: the set is not at hand.
        GuardError: too few people can be asked.
        UsageError: no next items are asked for on the set.
    """
    what = set_of(plan.data)
    questions = questions_of(
        plan.traces, what, quick=plan.quick, examples=FEW_EXAMPLES, max_train=FEW_EXAMPLES
    )
    kinds = vectors_of(plan)
    cases = [(asked, kind) for asked in questions for kind in kinds]
    scores: dict[str, list[float]] = {}
    for place, (name, (config, popularity)) in enumerate(SETTINGS.items()):
        plan.show("towers", place, len(SETTINGS), name)
        chosen = quick_towers(config) if plan.quick else config
        scores[name] = [
            score(replace(kind, towers=chosen, popularity=popularity), asked, plan.seeds)
            for asked, kind in cases
        ]
    answer = Answer(
        findings=findings(scores, TOWERS),
        tables=[table(scores, [f"{asked.name}, {kind.label}" for asked, kind in cases])],
        notes=[
            f"Validation users: {', '.join(f'{len(a.valid.target_B):,}' for a in questions)}. "
            "They also stop the training. No test user was read.",
            f"Train users learn from about {FEW_EXAMPLES:,} examples; seeds: {plan.seeds}.",
        ],
    )
    tried = {name: settings.to_dict() for name, (settings, _) in SETTINGS.items()}
    return analysis_results(plan, "towers", "How towers are trained", QUESTION, tried, answer)


def vectors_of(plan: AnalysisPlan) -> list[VectorMethod]:
    """Return the vectors that settings are tried on: bags of words, and a warm start."""
    bags = rungs(TOWERS)[-1]
    assert isinstance(bags, VectorMethod)
    run = run_for(set_of(plan.data), "quick" if plan.quick else plan.preset)
    models = [run.with_seed(s).begin(plan.traces, work_of(plan))[0] for s in range(plan.seeds)]
    own = len(set_of(plan.data).services) == 1
    warm = model_row("warm_start", "warm start", ModelVectors(models), TOWERS, own=own)
    return [replace(bags, label="TF-IDF/SVD"), warm]


def score(method: VectorMethod, asked: AskedItems, num_seeds: int) -> float:
    """Return NDCG@10 of the validation users, the mean over seeds."""
    found = [method.train(asked, seed).valid_score for seed in range(num_seeds)]
    return sum(found) / len(found)


def table(scores: Mapping[str, Sequence[float]], cases: Sequence[str]) -> Json:
    """Return all scores, the best mean first."""
    rows = [
        [name, mean(scores[name]), *values]
        for name, values in sorted(scores.items(), key=lambda item: -mean(item[1]))
    ]
    return {
        "title": "NDCG@10 of validation users, among all items",
        "note": "At the best epoch. Chosen settings are flattered by the choice.",
        "columns": ["setting", "mean", *cases],
        "rows": rows,
    }


def findings(scores: Mapping[str, Sequence[float]], used: TwoTowerConfig) -> list[str]:
    """Return the best setting, and where the one that analyses use stands."""
    order = sorted(scores, key=lambda name: -mean(scores[name]))
    best = order[0]
    [ours] = [name for name, setting in SETTINGS.items() if setting == (used, True)]
    place = f"place {order.index(ours) + 1} of {len(order)}"
    return [
        f"Best on validation users: {best} ({figure(mean(scores[best]), digits=4)}).",
        f"What analyses use, {ours}: {figure(mean(scores[ours]), digits=4)}, {place}.",
    ]


def mean(values: Sequence[float]) -> float:
    """Return the mean."""
    return sum(values) / len(values)
