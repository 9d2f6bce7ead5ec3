"""Capacity: what more experts are worth at equal active operations (SUPERMOE Table 4, point 7).

Encoders with 1, 4, 16 and 64 experts are pre-trained on the same data for the same steps, with the
same operations an event. Asked is what they stored, by hidden channels of people never seen, and
what a frozen vector adds to PLE on labels (B-29), beside random vectors and aggregates.

Differs from the paper: its data and its 1 to 20 billion weights are not to be had. Sub-populations
are made so that capacity matters; The Complete Journey is small, and says what is so of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from habitus.evaluation.asked import users_by_cutoff
from habitus.evaluation.asked_together import AskedTogether
from habitus.evaluation.features import Method, Represents, encoder_method, over_seeds
from habitus.evaluation.predictions import ProbeTrials
from habitus.evaluation.results import data_entry
from habitus.evaluation.vectors import FeatureStore
from habitus.runs.analyses.base import AnalysisPlan, Answer, analysis_results
from habitus.runs.analyses.capacity_findings import findings
from habitus.runs.analyses.capacity_held_out import HeldOutTable
from habitus.runs.analyses.capacity_reading import HiddenReading
from habitus.runs.analyses.capacity_rows import Trained, Variant, trained, variants
from habitus.runs.analyses.capacity_sets import CapacitySet, capacity_set
from habitus.runs.analyses.capacity_tables import Studied, plots, tables
from habitus.runs.analyses.ple_rows import PLE, PleReader, PleRow, control_rows, counts_of
from habitus.runs.analyses.ple_table import PleTable
from habitus.runs.steps import Json

QUESTION: Final = "What are more experts worth, at equal active operations?"
SEEDS: Final = (0, 1)
"""Of PLE, at least; as many as of pre-training, where those are more."""
RESAMPLES: Final = 1_000


def capacity(plan: AnalysisPlan) -> Json:
    """Return the analysis: loss and labels over experts, for each amount of data.

    Raises:
        DataError: the set is not at hand.
        GuardError: no task can tell methods apart.
        UsageError: capacity is not studied on the set.
    """
    what = capacity_set(plan)
    rows = variants(what.run, what.experts, what.sizes)
    made = {row.name: _trained(plan, row, what) for row in rows}
    resamples = 200 if plan.quick else RESAMPLES
    held_out = {name: [one.held_out for one in found] for name, found in made.items()}
    controls, labels = _labels(plan, what, rows, made, resamples)
    found = Studied(what, rows, made, HeldOutTable(held_out, resamples), controls, labels)
    answer = Answer(
        findings=findings(found),
        tables=tables(found),
        plots=plots(found),
        notes=[*what.notes, *_notes(plan, what)],
    )
    config = {"runs": {row.name: row.run.to_dict() for row in rows}, "ple": PLE.to_dict()}
    title = "Capacity at equal operations"
    return analysis_results(plan, "capacity", title, QUESTION, config, answer, _data(plan, what))


def _trained(plan: AnalysisPlan, row: Variant, what: CapacitySet) -> list[Trained]:
    return [trained(plan, row, seed, what.held_out, what.hidden) for seed in range(plan.seeds)]


def _labels(
    plan: AnalysisPlan,
    what: CapacitySet,
    rows: list[Variant],
    made: dict[str, list[Trained]],
    resamples: int,
) -> tuple[list[PleRow], PleTable]:
    """Return the controls, and the table of all rows."""
    together = AskedTogether(what.asked)
    store = FeatureStore(what.asked_traces, users_by_cutoff(what.asked), plan.root / "vectors")
    seeds = (0,) if plan.quick else tuple(range(max(plan.seeds, len(SEEDS))))
    reader = PleReader(
        plan=plan,
        together=together,
        store=store,
        counts=counts_of(what.train),
        config=replace(
            PLE, batch_size=what.ple_batch, max_epochs=2 if plan.quick else PLE.max_epochs
        ),
        trials=ProbeTrials(seeds=seeds),
    )
    run = what.run.encoder
    first = next(iter(made.values()))[0].model
    width = first.representation_dim if what.hidden is None else run.width
    controls = control_rows(what.train, width, seeds)
    vectors = [
        PleRow(name=row.name, label=row.label, beside=_vectors(row, made[row.name], what.hidden))
        for row in rows
    ]
    scores = {row.name: reader.scores(row) for row in (*controls, *vectors)}
    known = {words: dict(of_tasks) for words, of_tasks in what.bounds.items()}
    return controls, PleTable(together, {**scores, **known}, resamples)


def _vectors(row: Variant, found: list[Trained], hidden: str | None) -> Method:
    """Return the frozen vectors of a row; with a channel hidden where one is asked for."""
    words, methods = "Frozen vectors.", []
    for one in found:
        model: Represents = one.model if hidden is None else HiddenReading(one.model, hidden)
        key = f"{one.model.digest} {hidden}"
        methods.append(encoder_method(row.name, row.label, "ours", words, model, key))
    return over_seeds(methods)


def _data(plan: AnalysisPlan, what: CapacitySet) -> list[Json]:
    notices = plan.source[1] if plan.data == "complete_journey" else ()
    sets = {f"{plan.data}, {size}": traces for size, traces in what.sizes.items()}
    if what.asked_traces not in sets.values():
        sets[f"{plan.data}, who are asked"] = what.asked_traces
    return [data_entry(traces, name, notices) for name, traces in sets.items()]


def _notes(plan: AnalysisPlan, what: CapacitySet) -> list[str]:
    run = what.run
    return [
        f"Every encoder: {run.training.max_steps:,} steps of {run.sequence.token_budget:,} events "
        f"at most. Experts are narrower by what their router costs, so that active operations are "
        f"equal to the last one; one expert an event. Seconds are not equal: routing and small "
        f"products have their price.",
        "PLE reads counts of the commonest values of each channel, recency and regularity; a "
        "vector goes through a LayerNorm and stands beside them as principal components. "
        "Aggregates add windows of time and hundreds more of values. Training stops by validation "
        "users; test users are asked once.",
        *_reading(what),
        f"Seeds: {plan.seeds} of pre-training, {max(plan.seeds, len(SEEDS))} of PLE.",
    ]


def _reading(what: CapacitySet) -> list[str]:
    if what.hidden is None:
        return []
    return [
        f"The frozen vector of every encoder is the mean of its states with each {what.hidden} "
        f"hidden: what it stored, and not what it copies. Those that were taken stand in the "
        f"counts that PLE reads."
    ]
