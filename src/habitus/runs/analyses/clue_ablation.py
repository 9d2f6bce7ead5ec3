"""Ablation of CLUE: one Transformer or two, narrower slots, one service or two (Tables 5 and 6).

Each encoder is trained on the same users with the same loss for the same steps, and people are
looked for across services: among valid users, who also stop the training, and among test users.
What a second service is worth at pre-training is also asked of next items, by stratum (the paper's
cold-start claim): encoders that saw one service alone learn by halves of its histories.

Differs from the paper: Table 5 has 235 M weights and 2,048 tokens, Table 6 a task of its own, and
Table 4 an online test. Here sizes are those that two cores train in minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from habitus.errors import GuardError
from habitus.evaluation.matching import Matching, MatchingTable, MatchingTask
from habitus.evaluation.matching_split import MatchingSplit
from habitus.evaluation.next_item import ItemMethod, VectorMethod, evaluate_next_items
from habitus.evaluation.next_item_table import NextItemTable
from habitus.representations.model import Model
from habitus.runs.analyses.base import AnalysisPlan, Answer, analysis_results
from habitus.runs.analyses.clue_ablation_rows import (
    ITEMS,
    STEPS,
    USERS,
    Costs,
    FirstNumbers,
    Variant,
    dim_variants,
    dims_of,
    paper_variant,
    shape_variants,
)
from habitus.runs.analyses.clue_ablation_tables import (
    BOTH,
    LABELS,
    ONE,
    OWN,
    POOL,
    UNTRAINED,
    VALID,
    dim_plot,
    dim_table,
    findings,
    service_table,
    shape_plot,
    shape_table,
    uplift_plot,
    uplift_table,
)
from habitus.runs.analyses.matching_rows import work_of
from habitus.runs.analyses.next_item_rows import ModelVectors, model_row, quick_towers, rungs
from habitus.runs.analyses.next_item_sets import (
    FEW,
    FEW_EXAMPLES,
    TOWERS,
    questions_of,
    set_of,
)
from habitus.runs.analyses.one_service import ByService, UnseenSlots, by_halves, service_traces
from habitus.runs.clue import ClueRun, clue
from habitus.runs.pretrain_step import pretrained_step
from habitus.runs.steps import Json

QUESTION: Final = "What are two Transformers, wide slots and a second service worth?"
"""Of the paper's Tables 4, 5 and 6, what can be asked here."""


def clue_ablation(plan: AnalysisPlan) -> Json:
    """Return the analysis.

    Raises:
        DataError: the set is not at hand, or has no texts.
        GuardError: not two services, or too few users on both.
        UsageError: no next items are asked for on the set.
    """
    what = set_of(plan.data)
    if len(what.services) != 2:
        raise GuardError(f"the ablation is of two services, and {plan.data} is asked about one")
    split = MatchingSplit.of_test_users(plan.traces)
    base = replace(
        clue("quick" if plan.quick else plan.preset), split=split, as_of=what.asked.get("cutoff")
    )
    asked = Asked(plan, base, what.split)
    shapes, dims = shape_variants(base, quick=plan.quick), dim_variants(base, quick=plan.quick)
    shapes.append(paper_variant(base, quick=plan.quick))
    costs = {variant.name: asked.match(variant) for variant in shapes}
    for variant in dims:
        asked.match(variant, dims_of(dims) if variant.name == "matryoshka" else ())
    asked.services(what.services, dims[-2])
    tables = {name: MatchingTable(found, plan.resampling) for name, found in asked.found.items()}
    uplift = next_items(plan, asked)
    answer = Answer(
        findings=findings(tables, shapes, dims_of(dims), uplift),
        tables=[
            shape_table(tables, shapes, costs),
            dim_table(tables, dims_of(dims)),
            service_table(tables, asked.labels),
            uplift_table(uplift),
        ],
        plots=[
            shape_plot(tables, shapes, costs),
            dim_plot(tables, dims_of(dims)),
            uplift_plot(uplift),
        ],
        notes=_notes(plan, asked, base),
    )
    runs = {variant.name: variant.run.to_dict() for variant in (*shapes, *dims)}
    title = "One Transformer or two, wide or narrow, one service or two"
    return analysis_results(plan, "clue_ablation", title, QUESTION, {"runs": runs}, answer)


class Asked:
    """Who is looked for among whom, and what each encoder found.

    Args:
        plan: of the analysis.
        base: whose users.
        split: attribute of the profiles that parts the users, where the source has one.
    """

    def __init__(self, plan: AnalysisPlan, base: ClueRun, split: str | None) -> None:
        self.plan, self.split = plan, split
        self.tasks = {
            VALID: MatchingTask(base.snapshot(plan.traces, "valid")),
            POOL: MatchingTask(base.snapshot(plan.traces, "test")),
        }
        chance = {name: {"chance": [task.chance()]} for name, task in self.tasks.items()}
        self.found: dict[str, dict[str, list[Matching]]] = chance
        self.labels: dict[str, str] = {}
        """Rows of the table of services."""
        self.vectors: dict[str, ModelVectors] = {}
        """Of next items: two services, untrained, and one of each."""

    def match(self, variant: Variant, dims: Sequence[int] = ()) -> Costs:
        """Train a variant and look for people by it, or by the first numbers of its slots."""
        models = [self._trained(variant.run, seed, variant.label) for seed in self._seeds]
        for dim in dims or (None,):
            name = variant.name if dim is None else f"{variant.name}_{dim}"
            self._look(name, [FirstNumbers(model, dim) for model in models])
        return Costs(self.plan, variant.run, models[0])

    def services(self, services: Sequence[str], whole: Variant) -> None:
        """Look for people by an encoder of both services, and by those of one alone."""
        plan, run = self.plan, whole.run
        both = [self._trained(run, seed, "both services") for seed in self._seeds]
        new = [run.with_seed(s).begin(plan.traces, work_of(plan))[0] for s in self._seeds]
        self.vectors |= {BOTH: ModelVectors(both), UNTRAINED: ModelVectors(new)}
        self.labels |= {whole.name: "both services", UNTRAINED: "both, warm start only"}
        self._look(UNTRAINED, [FirstNumbers(model) for model in new])
        for service in services:
            models = [
                self._trained(by_halves(run, self.split), seed, f"{service} alone", service)
                for seed in self._seeds
            ]
            name = f"{ONE}_{service}"
            self.labels[name] = f"{service} alone"
            self.vectors[name] = ModelVectors(models)
            self._look(name, [UnseenSlots(model, services) for model in models])

    @property
    def _seeds(self) -> range:
        return range(self.plan.seeds)

    def _look(self, name: str, methods: Sequence[FirstNumbers | UnseenSlots]) -> None:
        for task, found in self.found.items():
            found[name] = [self.tasks[task].match(method) for method in methods]

    def _trained(self, run: ClueRun, seed: int, words: str, service: str | None = None) -> Model:
        plan, traces = self.plan, self.plan.traces
        if service is not None:
            traces = service_traces(plan, traces, service)
        work = plan.steps.folder("work", {"traces": traces.digest})

        def show(done: int, total: int, remark: str) -> None:
            plan.show(f"pretrain, {words}", done, total, remark)

        return pretrained_step(traces, run.with_seed(seed), plan.steps, show, plan.card, work)[0]


def next_items(plan: AnalysisPlan, asked: Asked) -> NextItemTable:
    """Return what frozen vectors of one service and of two are worth, beside most popular."""
    questions = questions_of(
        plan.traces,
        set_of(plan.data),
        quick=plan.quick,
        examples=FEW_EXAMPLES,
        max_train=FEW_EXAMPLES,
    )
    towers = quick_towers(TOWERS) if plan.quick else FEW
    alone = {q.name: asked.vectors[f"{ONE}_{q.config.service}"] for q in questions}
    one = ByService(alone)
    methods: list[ItemMethod] = [
        rungs(towers)[0],
        model_row(UNTRAINED, LABELS[UNTRAINED], asked.vectors[UNTRAINED], towers, group="control"),
        VectorMethod(
            name=ONE,
            label=LABELS[ONE],
            group="control",
            users=one.users,
            items=one.items,
            towers=towers,
        ),
        model_row(OWN, LABELS[OWN], asked.vectors[BOTH], towers, own=True),
        model_row(BOTH, LABELS[BOTH], asked.vectors[BOTH], towers),
    ]

    def show(words: str, done: int, total: int) -> None:
        plan.show("next items", done, total, words)

    outcomes = list(evaluate_next_items(questions, methods, range(plan.seeds), show))
    return NextItemTable(outcomes, plan.resampling.num_resamples_beside)


def _notes(plan: AnalysisPlan, asked: Asked, base: ClueRun) -> list[str]:
    sizes = {name: len(task.places_N) for name, task in asked.tasks.items()}
    users = base.snapshot(plan.traces, "train").num_users
    return [
        f"{sizes[VALID]:,} valid users stop each training, so that rows on them are a little "
        f"flattered, all in the same way; {sizes[POOL]:,} test users are looked for once. Trained "
        f"on: {users:,} users.",
        f"With blocks: {STEPS} steps of {USERS} users, their latest {ITEMS} items of a service, "
        "the best of three kept; a bag of tokens trained as long stands beside them. Few steps on "
        "few people say little about the paper's sizes.",
        "An encoder of one service reads the other as a service that it never saw.",
        f"Seeds of pre-training and towers: {plan.seeds}.",
    ]
