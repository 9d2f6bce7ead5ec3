"""Next item: what people turn to next, by frozen vectors and by the rungs below them (C19–C25).

User-disjoint parts, two towers on vectors of users and items, the full ranking first. On a set of
one service the encoder is another company's, applied by text alone (D7), beside one that was
pre-trained on the set itself.

Differs from the paper: its tasks have 100 negatives only, its data cannot be had, and the sets here
are small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from habitus.data.traces import Rows, Traces
from habitus.evaluation.next_item import ItemMethod, evaluate_next_items
from habitus.evaluation.next_item_asked import AskedItems
from habitus.evaluation.next_item_table import NextItemTable
from habitus.probes.two_tower import TwoTowerConfig
from habitus.representations.model import Model
from habitus.runs.analyses.base import AnalysisPlan, Answer, analysis_results
from habitus.runs.analyses.next_item_hybrid import hybrid_rows
from habitus.runs.analyses.next_item_rows import ModelVectors, model_row, quick_towers, rungs
from habitus.runs.analyses.next_item_sets import (
    SETS,
    TOWERS,
    NextItemSet,
    questions_of,
    run_for,
    set_of,
    smaller,
)
from habitus.runs.analyses.next_item_tables import (
    BOTH,
    OWN,
    SCRATCH,
    cost_table,
    findings,
    score_tables,
    services_table,
    strata_plot,
    strata_table,
)
from habitus.runs.analyses.own_models import own_models
from habitus.runs.clue import ClueRun
from habitus.runs.demo_pasum import traces_step
from habitus.runs.pretrain_step import pretrained_step
from habitus.runs.steps import Json

QUESTION: Final = "What do people turn to next?"


@dataclass(frozen=True)
class Trained:
    """A run on some traces, as models for each seed."""

    plan: AnalysisPlan
    traces: Traces
    run: ClueRun

    def untrained(self) -> list[Model]:
        """Return the encoders with their first weights."""
        return [one.build(self.traces, self.work)[0] for one in self._runs]

    def warm(self) -> list[Model]:
        """Return the encoders with the vectors of tokens that they begin with."""
        return [one.begin(self.traces, self.work)[0] for one in self._runs]

    def models(self, words: str) -> list[Model]:
        """Return the pre-trained encoders, made now or before.

        Args:
            words: what a progress bar says.
        """

        def show(done: int, total: int, remark: str) -> None:
            self.plan.show(words, done, total, remark)

        steps, card = self.plan.steps, self.plan.card
        return [
            pretrained_step(self.traces, one, steps, show, card, self.work)[0] for one in self._runs
        ]

    @property
    def work(self) -> Path:
        """Where the run keeps what it makes of the traces."""
        return self.plan.steps.folder("work", {"traces": self.traces.digest})

    @property
    def _runs(self) -> list[ClueRun]:
        return [self.run.with_seed(seed) for seed in range(self.plan.seeds)]


def next_item(plan: AnalysisPlan) -> Json:
    """Return the analysis: all methods on the question of each service.

    Raises:
        DataError: the set, or the one that is pre-trained on, is not at hand.
        GuardError: too few people can be asked.
        UsageError: no next items are asked for on the set.
    """
    what = set_of(plan.data)
    questions = questions_of(plan.traces, what, quick=plan.quick)
    towers = quick_towers(TOWERS) if plan.quick else TOWERS
    own = own_models(plan, who_is_tested(questions), what.asked.get("cutoff"))
    trained = pretrained_on(plan, what)
    several = len(what.services) > 1
    models, rows = model_rows(plan, trained, towers, several=several)
    if what.source is not None:
        models[SCRATCH], row = scratch_row(plan, what, towers)
        rows.append(row)
    for one in own:
        models[one.name] = ModelVectors([one.model] * plan.seeds, plan.steps.root / "items")
        rows.append(model_row(one.name, one.label, models[one.name], towers, own=not several))
    rows += hybrid_rows(models[BOTH], towers, own=not several)
    methods = [*rungs(towers), *rows]

    def show(what: str, done: int, total: int) -> None:
        plan.show("next items", done, total, what)

    outcomes = list(evaluate_next_items(questions, methods, range(plan.seeds), show))
    table = NextItemTable(outcomes, plan.resampling.num_resamples_beside)
    labels = {method.name: method.label for method in methods}
    num_negatives = [o.seeds[0].sampled.num_candidates_U[0] - 1 for o in outcomes]
    answer = Answer(
        findings=findings(table, labels),
        tables=[
            *score_tables(table, labels, [int(n) for n in num_negatives]),
            strata_table(table, labels),
            *([services_table(table)] if OWN in table.methods else []),
            cost_table(outcomes, {n: m.users_per_second for n, m in models.items()}),
        ],
        plots=[strata_plot(table, labels)],
        notes=[*_notes(plan, what, questions), *(one.remark for one in own)],
    )
    config = {"run": trained.run.to_dict(), "towers": towers.to_dict()}
    config["asked"] = {asked.name: asked.config.to_dict() for asked in questions}
    return analysis_results(plan, "next_item", "The next item", QUESTION, config, answer)


def who_is_tested(questions: Sequence[AskedItems]) -> Rows:
    """Return the rows of all who are tested, or who stop what is trained on vectors."""
    parts = [part.history.users_U for asked in questions for part in (asked.valid, asked.test)]
    return np.unique(np.concatenate(parts))


def pretrained_on(plan: AnalysisPlan, what: NextItemSet) -> Trained:
    """Return what is pre-trained: on the set itself, or on another company's."""
    preset = "quick" if plan.quick else plan.preset
    if what.source is None:
        return Trained(plan, plan.traces, run_for(what, preset))
    traces, _ = traces_step(what.source, plan.steps, plan.show)
    return Trained(plan, traces, run_for(SETS[what.source], preset))


def model_rows(
    plan: AnalysisPlan, trained: Trained, towers: TwoTowerConfig, *, several: bool
) -> tuple[dict[str, ModelVectors], list[ItemMethod]]:
    """Return vectors by row, and the rows: controls, ours, and a smaller encoder.

    Args:
        plan: how much.
        trained: the run.
        towers: what is trained on the vectors.
        several: whether a user may have slots on several services here.
    """
    folder = plan.steps.root / "items"
    small = Trained(plan, trained.traces, smaller(trained.run))
    found = {"untrained": ModelVectors(trained.untrained(), folder)}
    if trained.run.begins_warm:
        found["warm_start"] = ModelVectors(trained.warm(), folder)
    found[BOTH] = ModelVectors(trained.models("pretrain"), folder)
    found["ours_small"] = ModelVectors(small.models("pretrain, smaller"), folder)
    where = "all services" if several else "another company's"
    labels = {
        "untrained": "Untrained encoder",
        "warm_start": "Warm start only",
        BOTH: f"CLUE, {where}",
        "ours_small": f"CLUE, {where}, {small.run.encoder.width} wide",
    }
    rows: list[ItemMethod] = [
        model_row(
            name,
            labels[name],
            vectors,
            towers,
            group="ours" if name.startswith(BOTH) else "control",
            own=not several,
        )
        for name, vectors in found.items()
    ]
    if several:
        row = model_row(OWN, "CLUE, own service alone", found[BOTH], towers, own=True)
        rows.insert(len(rows) - 1, row)
    return found, rows


def scratch_row(
    plan: AnalysisPlan, what: NextItemSet, towers: TwoTowerConfig
) -> tuple[ModelVectors, ItemMethod]:
    """Return the encoder that is pre-trained on the set alone, by halves of people's histories."""
    run = run_for(what, "quick" if plan.quick else plan.preset)
    models = Trained(plan, plan.traces, run).models("pretrain on this set")
    vectors = ModelVectors(models, plan.steps.root / "items")
    return vectors, model_row(SCRATCH, "CLUE, this set alone", vectors, towers, own=True)


def _notes(plan: AnalysisPlan, what: NextItemSet, questions: list[AskedItems]) -> list[str]:
    notes = [what.remark] if what.remark else []
    for asked in questions:
        examples = sum(len(part.target_B) for part in asked.train)
        notes.append(
            f"{asked.name}: {len(asked.catalogue_I):,} items; {len(asked.test.target_B):,} test "
            f"users, {len(asked.valid.target_B):,} who stop the training, {examples:,} examples of "
            f"{len(asked.train[0].target_B):,} train users; left out of the test users: "
            f"{asked.test.no_target} without a new item, {asked.test.too_short} without a history."
        )
    notes.append(
        "A target is an item that the user never had before, since items of the history are no "
        "candidates. Towers end in a softmax over all items and are told how many train users had "
        "each, in the place of A-C15: chosen on validation users of art_office (habitus analyze "
        "towers). How many examples they learn from is a matter of time alone."
    )
    if what.source is None:
        notes.append("The encoder was pre-trained on train users; nobody who is tested is in it.")
    else:
        notes.append(
            f"The encoder was pre-trained on {what.source}: the service here is one that it never "
            "saw, and items are told by their texts alone."
        )
    notes.append(f"Seeds of pre-training and towers: {plan.seeds}.")
    return notes
