"""Targeting, replayed: whom a budget would have reached (SUPERMOE S17, in the place of Table 5).

People are ranked by what PLE says of them at the test cutoff, and the top share of a budget is
targeted. What they then did is on record: how many of all responders are among them, how many of
them respond, and what they spend.

Differs from the paper: Table 5 is of two tests on living people, some shown one thing and some
another. A replay shows nobody anything: it says who would have been chosen, and nothing of what
being chosen does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from habitus.data.snapshot import Snapshot, format_time
from habitus.data.split import Future, UserSplit
from habitus.errors import GuardError
from habitus.evaluation.asked import AskedTask, ask, users_by_cutoff
from habitus.evaluation.asked_together import AskedTogether
from habitus.evaluation.features import Method, encoder_method, over_seeds
from habitus.evaluation.predictions import ProbeTrials
from habitus.evaluation.vectors import FeatureStore
from habitus.metrics.arrays import Floats
from habitus.runs.analyses.base import AnalysisPlan, Answer, analysis_results
from habitus.runs.analyses.ple_rows import (
    AGGREGATES,
    ALONE,
    PLE,
    RANDOM,
    PleReader,
    PleRow,
    control_rows,
    counts_of,
)
from habitus.runs.analyses.targeting_sets import TargetingSet, targeting_set
from habitus.runs.analyses.targeting_table import Campaign, TargetingTable
from habitus.runs.analyses.targeting_tables import (
    BUDGETS,
    CURVE,
    DENSE,
    EXPERTS,
    LABELS,
    Replayed,
    findings,
    plots,
    tables,
)
from habitus.runs.pretrain_step import pretrained_step
from habitus.runs.steps import Json
from habitus.runs.supermoe import SupermoeRun, dense_control, supermoe

QUESTION: Final = "Whom would a budget have reached?"
SEEDS: Final = (0, 1, 2, 3, 4)
CI_STEPS: Final = 200
"""Of both encoders at preset ci, which begin warm: minutes on two cores. Others keep their own."""

QUICK_STEPS: Final = 8


def targeting(plan: AnalysisPlan) -> Json:
    """Return the analysis.

    Raises:
        DataError: the set is not at hand.
        GuardError: the main campaign cannot tell methods apart.
        UsageError: no campaigns are replayed on the set.
    """
    what = targeting_set(plan.data)
    run = _run(plan)
    asked, left_out = _asked(plan, what, run.split)
    first = min(task.dated.cutoffs.test_time for task in asked)
    run = replace(run, as_of=format_time(first))
    scores = _scores(plan, run, asked)
    campaigns = _campaigns(plan, what, asked, scores)
    resamples = 200 if plan.quick else plan.resampling.num_resamples_beside
    table = TargetingTable(campaigns, sorted({*BUDGETS, *CURVE}), resamples)
    found = Replayed(what, table)
    answer = Answer(
        findings=findings(found),
        tables=tables(found),
        plots=plots(found),
        notes=[*what.notes, *left_out, *_notes(plan, what, campaigns, run.training.max_steps)],
    )
    config = {"run": run.to_dict(), "dense": dense_control(run).to_dict(), "ple": PLE.to_dict()}
    title = "Targeting, replayed"
    return analysis_results(plan, "targeting", title, QUESTION, config, answer)


def _run(plan: AnalysisPlan) -> SupermoeRun:
    run = supermoe("quick" if plan.quick else plan.preset)
    if run.preset not in ("ci", "quick"):
        return run
    steps = QUICK_STEPS if plan.quick else CI_STEPS
    training = replace(run.training, max_steps=steps, evaluate_every=steps // 2)
    return replace(run, training=training)


def _asked(
    plan: AnalysisPlan, what: TargetingSet, split: UserSplit
) -> tuple[list[AskedTask], list[str]]:
    """Return the tasks that can tell methods apart, and a note for each that cannot."""
    users = {
        "train": split.rows(plan.traces, "train"),
        "valid": split.rows(plan.traces, "valid"),
        "test": split.rows(plan.traces, "test"),
    }
    asked, notes = [], []
    for dated in what.tasks(plan.traces):
        try:
            asked.append(ask(dated, plan.traces, users))  # type: ignore[arg-type]
        except GuardError as error:
            if dated.name == what.offers[0].task:
                raise
            notes.append(str(error))
    return asked, notes


def _scores(
    plan: AnalysisPlan, run: SupermoeRun, asked: Sequence[AskedTask]
) -> Mapping[str, Mapping[str, Floats]]:
    """Return row → task → what PLE says of the test users, ``(S, B)``."""
    train = Snapshot(plan.traces, run.as_of, run.split.rows(plan.traces, "train"))
    seeds = _seeds(plan)
    reader = PleReader(
        plan=plan,
        together=AskedTogether(asked),
        store=FeatureStore(plan.traces, users_by_cutoff(asked), plan.root / "vectors"),
        counts=counts_of(train),
        config=replace(PLE, max_epochs=2) if plan.quick else PLE,
        trials=ProbeTrials(seeds=seeds),
    )
    controls = [row for row in control_rows(train, 1, seeds) if row.name in (ALONE, AGGREGATES)]
    vectors = [
        PleRow(name=name, label=LABELS[name], beside=_vectors(plan, name, one))
        for name, one in ((EXPERTS, run), (DENSE, dense_control(run)))
    ]
    found = {row.name: reader.scores(row) for row in (*vectors, *controls)}
    # Everybody has one score: the mean over all orders, which is what chance reaches.
    nothing = {task: np.zeros((1, scores.shape[1])) for task, scores in found[ALONE].items()}
    return {**found, RANDOM: nothing}


def _seeds(plan: AnalysisPlan) -> tuple[int, ...]:
    return SEEDS[:2] if plan.quick else SEEDS


def _vectors(plan: AnalysisPlan, name: str, run: SupermoeRun) -> Method:
    work = plan.steps.folder("work", {"traces": plan.traces.digest})
    methods = []
    for seed in range(plan.seeds):
        show = partial(plan.show, f"pretrain, {LABELS[name]}")
        model, _ = pretrained_step(
            plan.traces, run.with_seed(seed), plan.steps, show, plan.card, work
        )
        key = str(model.digest)
        methods.append(encoder_method(name, LABELS[name], "ours", "Frozen vectors.", model, key))
    return over_seeds(methods)


def _campaigns(
    plan: AnalysisPlan,
    what: TargetingSet,
    asked: Sequence[AskedTask],
    scores: Mapping[str, Mapping[str, Floats]],
) -> list[Campaign]:
    """Return what is replayed: test users at the test cutoff of each task."""
    tasks = {task.name: task for task in asked}
    found = []
    for offer in what.offers:
        if offer.task not in tasks:
            continue
        task = tasks[offer.task]
        test, horizon = task.test, task.dated.cutoffs.horizon
        future = Future(plan.traces, test.cutoff, horizon, test.users_B)
        sign = 1.0 if offer.response else -1.0
        found.append(
            Campaign(
                name=offer.task,
                users_B=test.users_B,
                responds_B=(test.y_B == offer.response).astype(np.float64),
                value_B=offer.value(plan.traces, future),
                scores={row: sign * of_tasks[offer.task] for row, of_tasks in scores.items()},
            )
        )
    return found


def _notes(
    plan: AnalysisPlan, what: TargetingSet, campaigns: Sequence[Campaign], steps: int
) -> list[str]:
    sizes = "; ".join(
        f"{c.name}: {int(c.responds_B.sum()):,} of {len(c.users_B):,} respond" for c in campaigns
    )
    return [
        "A replay, and no test on living people: nobody was shown anything, so it says who would "
        "have been chosen and what they did anyway, and nothing of what being chosen does.",
        f"Test {what.people}, asked once. {sizes}.",
        "PLE learns all tasks of the set at once, from counts, and from counts and a frozen vector "
        "beside them. Random is the mean over all orders. Encoders: experts, and one expert with "
        f"the same active operations (B-27), pre-trained for {steps:,} steps each.",
        f"Seeds: {len(_seeds(plan))} of PLE, {plan.seeds} of pre-training. Intervals: people drawn "
        f"anew, the same for all methods and campaigns; they are not corrected for being many.",
    ]
