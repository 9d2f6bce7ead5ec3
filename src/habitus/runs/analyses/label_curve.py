"""Label curve: what another company's encoder is worth where few people are known (D7, ICLT).

Next items on a set of one service, at several shares of its train users. Beside the encoder of
another company stand one that was pre-trained on the labelled people alone (from scratch, at equal
labels) and one of both sets together. All are read by the same towers; whatever is counted, is
counted on the labelled people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from habitus.errors import GuardError
from habitus.evaluation.next_item import ItemMethod, evaluate_next_items
from habitus.evaluation.next_item_table import NextItemTable
from habitus.runs.analyses.base import AnalysisPlan, Answer, analysis_results
from habitus.runs.analyses.label_share import LabelledSplit, can_join, joined_traces
from habitus.runs.analyses.next_item import Trained, pretrained_on
from habitus.runs.analyses.next_item_rows import ModelVectors, model_row, quick_towers, rungs
from habitus.runs.analyses.next_item_sets import (
    FEW,
    FEW_EXAMPLES,
    NextItemSet,
    questions_of,
    run_for,
    set_of,
)
from habitus.runs.analyses.next_item_tables import BLEND, MAIN, SCRATCH, verdict
from habitus.runs.analyses.one_service import by_halves
from habitus.runs.steps import Json

QUESTION: Final = "From how many labelled people on is another company's encoder not needed?"
SHARES: Final = (0.01, 0.05, 0.2, 1.0)
QUICK_SHARES: Final = (0.2, 1.0)
TRANSFER, JOINT = "transfer", "joint"
SHOWN: Final = ("most_popular", BLEND, "item_text_vectors")
"""Rungs that stand beside the encoders."""


@dataclass(frozen=True)
class Point:
    """All methods at one number of labelled people."""

    num_users: int
    table: NextItemTable


def label_curve(plan: AnalysisPlan) -> Json:
    """Return the analysis.

    Raises:
        DataError: the set, or the one that is pre-trained on, is not at hand.
        GuardError: the set is not one that another company's encoder is applied to.
        UsageError: no next items are asked for on the set.
    """
    what = set_of(plan.data)
    if what.source is None:
        raise GuardError(
            f"{plan.data} has pre-training of its own; the curve is of amazon_scientific or "
            f"online_retail, which another company's encoder is applied to"
        )
    curve = Curve(plan, what)
    points = [curve.point(share) for share in (QUICK_SHARES if plan.quick else SHARES)]
    answer = Answer(
        findings=findings(points, curve.labels),
        tables=[score_table(points, curve.labels), gain_table(points, curve.labels)],
        plots=[plot(points, curve.labels)],
        notes=curve.notes,
    )
    config = {"source": curve.source.run.to_dict(), "towers": curve.towers.to_dict()}
    title = "How many labelled people a transfer is worth"
    return analysis_results(plan, "label_curve", title, QUESTION, config, answer)


class Curve:
    """The encoders at any share of the labels.

    Args:
        plan: of the analysis.
        what: the set that is asked about.
    """

    def __init__(self, plan: AnalysisPlan, what: NextItemSet) -> None:
        self.plan, self.what = plan, what
        self.towers = quick_towers(FEW) if plan.quick else FEW
        self.source = pretrained_on(plan, what)
        self._transfer = ModelVectors(self.source.models("pretrain on the other company"))
        self.joins = can_join(self.source.traces, plan.traces)
        self.labels: dict[str, str] = {}
        """Row → what tables call it; known after the first point."""

    @property
    def notes(self) -> list[str]:
        """What the reader should know."""
        source = self.what.source
        notes = [
            f"The encoder of another company is that of {source}; it never saw the service here.",
            "From scratch: pre-trained on the histories of the labelled people alone, by halves. "
            "Validation users, who stop each training, are the same at every share.",
            "Smaller shares are within larger ones.",
            f"Seeds of pre-training and towers: {self.plan.seeds}.",
        ]
        if not self.joins:
            return [*notes, f"No encoder of both: time in {source} is an order, and here dates."]
        both = "Both together: the people of the source on several services, and the labelled ones."
        return [*notes, both]

    def point(self, share: float) -> Point:
        """Return all methods at one share of the labelled people."""
        split = LabelledSplit(share=share)
        number = len(split.rows(self.plan.traces, "train"))
        questions = questions_of(
            self.plan.traces, self.what, quick=self.plan.quick, examples=FEW_EXAMPLES, split=split
        )
        methods: list[ItemMethod] = [m for m in rungs(self.towers) if m.name in SHOWN]
        for name, label, vectors in self._encoders(split, f"{number:,} people"):
            methods.append(model_row(name, label, vectors, self.towers, own=True))
        self.labels = {method.name: method.label for method in methods}

        def show(words: str, done: int, total: int) -> None:
            self.plan.show(f"next items, {number:,} people", done, total, words)

        outcomes = list(evaluate_next_items(questions, methods, range(self.plan.seeds), show))
        return Point(number, NextItemTable(outcomes, self.plan.resampling.num_resamples_beside))

    def _encoders(self, split: LabelledSplit, words: str) -> list[tuple[str, str, ModelVectors]]:
        preset = "quick" if self.plan.quick else self.plan.preset
        alone = replace(by_halves(run_for(self.what, preset), None), split=split)
        scratch = Trained(self.plan, self.plan.traces, alone).models(f"from scratch, {words}")
        found = [
            (TRANSFER, "CLUE, another company's", self._transfer),
            (SCRATCH, "CLUE, from scratch", ModelVectors(scratch)),
        ]
        if self.joins:
            traces = joined_traces(self.plan, self.source.traces, self.plan.traces, split)
            run = replace(self.source.run, split_attribute="split", halves_if_needed=False)
            run = replace(run, pairs=replace(run.pairs, halves=True))
            joint = Trained(self.plan, traces, run).models(f"both together, {words}")
            found.append((JOINT, "CLUE, both together", ModelVectors(joint)))
        return found


def score_table(points: Sequence[Point], labels: Mapping[str, str]) -> Json:
    """Return the main score of each method at each number of people."""
    rows = [
        [label, *(point.table.entry(point.table.score(name, MAIN)) for point in points)]
        for name, label in labels.items()
    ]
    return {
        "title": f"{MAIN} by labelled people",
        "note": "Among all items; the same test users at every share; 95 % intervals over them.",
        "columns": ["method", *(f"{point.num_users:,}" for point in points)],
        "rows": rows,
    }


def gain_table(points: Sequence[Point], labels: Mapping[str, str]) -> Json:
    """Return what transfer gains over the others at each number of people, paired."""
    rows = [
        [
            f"less {label}",
            *(point.table.entry(point.table.difference(TRANSFER, name, MAIN)) for point in points),
        ]
        for name, label in labels.items()
        if name != TRANSFER
    ]
    return {
        "title": f"{MAIN} of {labels[TRANSFER]} less that of others",
        "columns": ["method", *(f"{point.num_users:,}" for point in points)],
        "rows": rows,
    }


def plot(points: Sequence[Point], labels: Mapping[str, str]) -> Json:
    """Return the curves."""
    series = []
    for name, label in labels.items():
        found = [(point.num_users, point.table.score(name, MAIN)) for point in points]
        drawn = [
            {"x": x, "y": score.value, "low": score.low, "high": score.high}
            for x, score in found
            if score is not None
        ]
        series.append({"label": label, "points": drawn})
    return {
        "kind": "lines",
        "title": f"{MAIN} by labelled people",
        "note": "Upright lines are 95 % intervals over test users.",
        "x": "labelled people",
        "y": MAIN,
        "log_x": True,
        "series": series,
    }


def findings(points: Sequence[Point], labels: Mapping[str, str]) -> list[str]:
    """Return transfer beside the others at each number of people."""
    found = []
    for name in (SCRATCH, JOINT, BLEND):
        if name in labels:
            said = "; ".join(
                f"{point.num_users:,}: {verdict(point.table.difference(TRANSFER, name, MAIN))}"
                for point in points
            )
            found.append(
                f"{labels[TRANSFER]} beside {labels[name]}, by labelled people ({MAIN}): {said}."
            )
    return found
