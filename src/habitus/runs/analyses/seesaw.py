"""Seesaw: many tasks from one network, beside a network for each (SUPERMOE §3.3, D9, I3).

Heads read frozen vectors of the channel encoder, and the counts of an analyst. Every way to weigh
the tasks is held against the same head trained on each task alone.

Differs from the paper, which fine-tunes all weights and reports no control of one task: vectors are
frozen, so that what is seen is of heads and weights alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from habitus.data.snapshot import Snapshot
from habitus.errors import GuardError
from habitus.evaluation.asked import AskedTask, ask, users_by_cutoff
from habitus.evaluation.asked_together import AskedTogether
from habitus.evaluation.features import Method, concatenated, control_methods
from habitus.evaluation.seesaw import JudgedTask, SeesawTable
from habitus.evaluation.vectors import FeatureStore
from habitus.representations.model import Model
from habitus.runs.analyses.base import AnalysisPlan, Answer, analysis_results
from habitus.runs.analyses.seesaw_funnel import funnel, funnel_finding, funnel_table
from habitus.runs.analyses.seesaw_rows import (
    CONTROL,
    Amounts,
    Answered,
    Row,
    amounts_of,
    answer,
    rows_of,
    rows_of_both,
    with_numbers,
)
from habitus.runs.analyses.seesaw_sets import FUNNELS, tasks_of
from habitus.runs.analyses.seesaw_tables import Judged, findings, plots, tables
from habitus.runs.analyses.seesaw_tuning import tuning_table
from habitus.runs.analyses.tables import percent
from habitus.runs.channel import ChannelRun, channel
from habitus.runs.experiment import Experiment, model_rows, pretrained
from habitus.runs.steps import Json
from habitus.tasks.dated import DatedTask

QUESTION: Final = "Does one network serve every task as well as a network for each?"
QUICK_RESAMPLES: Final = 200


def seesaw(plan: AnalysisPlan) -> Json:
    """Return the analysis: the seesaw of every head and way to weigh tasks.

    Raises:
        DataError: the set is not at hand.
        GuardError: no task can tell methods apart.
        UsageError: no tasks at cutoffs are known of the set.
    """
    amounts, notes = amounts_of(plan)
    experiment = _experiment(plan, amounts)
    asked, left_out = _asked(experiment, experiment.tasks)
    amounts = with_numbers(amounts, asked)
    together = AskedTogether(asked)
    steps, cut_short = _funnel_steps(plan, experiment)
    users_at = users_by_cutoff([*asked, *steps])
    store = FeatureStore(plan.traces, users_at, plan.root / "vectors")
    judged = []
    models = [pretrained(experiment, seed)[0] for seed in experiment.pretrain_seeds]
    *alone, both = _representations(plan, experiment, models)
    for method in (*alone, both):
        rows = rows_of_both(amounts) if method is both else rows_of(amounts)
        found = answer(plan, method, together, store, amounts, rows)
        judged.append(Judged(method.label, rows, _tables(plan, together, found, rows), found.facts))
    more = [
        funnel_table(
            method.label,
            [step.name for step in steps],
            funnel(plan, method, AskedTogether(steps), store, amounts),
            AskedTogether(steps).test.user_B,
            _resamples(plan),
        )
        for method in alone
        if steps
    ]
    told = [funnel_finding(m.label, t) for m, t in zip(alone, more, strict=False)]
    if plan.fine_tune:
        more.append(tuning_table(plan, models[0], together, amounts, _resamples(plan)))
    result = Answer(
        findings=[*findings(judged), *told],
        tables=[*tables(judged), *more],
        plots=plots(judged[0]),
        notes=[*notes, *left_out, *cut_short, *_notes(plan, together, amounts)],
    )
    config = {
        "run": experiment.run.to_dict(),
        "probe": amounts.probe.to_dict(),
        "components": amounts.num_components,
        "probe_seeds": list(amounts.trials.seeds),
        "tasks": [task.dated.to_dict() for task in asked],
    }
    return analysis_results(plan, "seesaw", "Many tasks at once", QUESTION, config, result)


def _experiment(plan: AnalysisPlan, amounts: Amounts) -> Experiment:
    run: ChannelRun = channel("quick" if plan.quick else plan.preset)
    return plan.dated_experiment(run, tasks_of(plan.data, plan.traces), amounts.trials)


def _funnel_steps(plan: AnalysisPlan, experiment: Experiment) -> tuple[list[AskedTask], list[str]]:
    """Return the steps of the set's funnel up to the first that cannot be asked, and a note."""
    if plan.data not in FUNNELS:
        return [], []
    wanted = FUNNELS[plan.data]()
    for number in range(len(wanted), 0, -1):
        try:
            asked, problems = _asked(experiment, wanted[:number])
        except GuardError:
            continue
        if not problems:
            return asked, [] if number == len(wanted) else [f"The funnel ends at {asked[-1].name}."]
    return [], ["No step of the funnel can be asked."]


def _asked(experiment: Experiment, tasks: Sequence[DatedTask]) -> tuple[list[AskedTask], list[str]]:
    """Return the tasks that can tell methods apart, and a note for each that cannot."""
    split, traces = experiment.run.split, experiment.traces
    users = {part: split.rows(traces, part) for part in ("train", "valid", "test")}
    asked, notes = [], []
    for dated in tasks:
        try:
            asked.append(ask(dated, traces, users))  # type: ignore[arg-type]
        except GuardError as error:
            notes.append(str(error))
    if not asked:
        raise GuardError("no task is left to ask: " + "; ".join(notes))
    return asked, notes


def _representations(
    plan: AnalysisPlan, experiment: Experiment, models: Sequence[Model]
) -> list[Method]:
    """Return the vectors that heads read: ours, the counts of an analyst, and both."""
    ours = model_rows(experiment, models).ours()
    train = experiment.run.split.rows(plan.traces, "train")
    snapshot = Snapshot(plan.traces, experiment.as_of, train)
    counts = control_methods(snapshot, (0,))[-1]
    both = concatenated("both", "habitus + aggregates", "ours", "Side by side.", ours, counts)
    return [ours, counts, both]


def _tables(
    plan: AnalysisPlan, together: AskedTogether, found: Answered, rows: Sequence[Row]
) -> dict[str, SeesawTable]:
    """Return the table of each head: its rows against its own control."""
    made = {}
    for head in dict.fromkeys(row.head for row in rows):
        names = [row.name for row in rows if row.head == head]
        tasks: Sequence[JudgedTask] = [
            JudgedTask(
                name,
                task.test.users_B,
                task.test.y_B,
                {row: found.scores[head, row][name] for row in names},
                task.dated.is_number,
            )
            for name, task in together.tasks.items()
        ]
        made[str(head)] = SeesawTable(tasks, CONTROL, _resamples(plan))
    return made


def _resamples(plan: AnalysisPlan) -> int:
    return QUICK_RESAMPLES if plan.quick else plan.resampling.num_resamples_beside


def _notes(plan: AnalysisPlan, together: AskedTogether, amounts: Amounts) -> list[str]:
    train = together.train
    return [
        f"{len(train.user_B):,} training rows, a user at a cutoff, of {len(set(train.user_B)):,} "
        f"users; a task asks those of its own cutoffs. Test users: "
        + ", ".join(f"{name} {len(t.test.y_B):,}" for name, t in together.tasks.items())
        + ".",
        "Questions for a number are learned by the Huber loss of standardised answers, beside the "
        "log loss of yes or no, and ranked by Spearman's ρ; of amounts the logarithm is asked.",
        f"Vectors are brought to {amounts.num_components} principal components. A control is the "
        f"same head with one task: the same experts and rule for when to stop. Trainings stop by "
        f"the validation users, by the mean over tasks of the loss relative to the base rate's.",
        f"Intervals: 95 %, paired, over users; probe seeds {list(amounts.trials.seeds)}, "
        f"pre-training seeds {list(range(plan.seeds))}.",
        "Linear towers on frozen vectors share no weight: what differs from their controls is when "
        "training stops. PCGrad and Nash-MTL mix gradients on what tasks share.",
        f"The bi-level search keeps {percent(amounts.probe.bilevel.meta_share)} of its training "
        "users to choose its weights by, and learns nothing else from them; in the few steps that "
        "heads on frozen vectors take, its weights stay near 1.",
        "Principal components at one scale, and learning rates, were chosen by the validation "
        "users while scores of the test households were in sight.",
    ]
