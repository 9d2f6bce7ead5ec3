"""What is compared when people are matched across services: encoders, and rungs below them.

Shapes: U users, K services, E width of a slot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from habitus.comparisons.cca_matching import CCAMatching, plain_cca, tuned_cca
from habitus.comparisons.tfidf_matching import TfidfMatching
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.evaluation.matching import Matches
from habitus.evaluation.matching_pool import MatchingPool
from habitus.evaluation.matching_split import MatchingSplit
from habitus.representations.model import Model
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.analyses.own_models import OwnModel
from habitus.runs.clue import ClueRun
from habitus.runs.clue_slots import services_of, slots_of
from habitus.runs.pretrain_step import pretrained_step
from habitus.runs.steps import Json

OURS = "ours"
RUNG = "cca"
"""What ours has to beat: if it does not, it knows no more than bags of words."""


@dataclass(frozen=True)
class Row:
    """One row of the table; a method may have several seeds."""

    name: str
    label: str
    methods: Sequence[Matches]


class EncoderSlots:
    """The slots of a model."""

    def __init__(self, model: Model) -> None:
        self.model = model

    @property
    def services(self) -> tuple[str | None, ...]:
        """The service of each slot."""
        return services_of(self.model)

    def slots(self, snapshot: Snapshot) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Return the slots of each user, ``(U, K, E)``, and which hold items."""
        return slots_of(self.model, snapshot)


def rung_rows(traces: Traces, split: MatchingSplit) -> Iterator[Row]:
    """Yield TF-IDF, plain CCA and CCA with chosen settings, fitted on train users in pairs."""
    train = Snapshot(traces, None, split.pairs(traces))
    words = TfidfMatching()
    words.fit(train)
    yield Row("tfidf", words.label, [words])
    yield Row("cca_plain", "linear CCA, plain", [plain_cca(train)])
    yield Row(RUNG, "linear CCA, chosen", [chosen_cca(traces, split)])


def chosen_cca(traces: Traces, split: MatchingSplit) -> CCAMatching:
    """Return CCA with the settings that match the split's valid users best."""
    train = Snapshot(traces, None, split.pairs(traces))
    return tuned_cca(train, Snapshot(traces, None, split.rows(traces, "valid")))


def encoder_rows(plan: AnalysisPlan, run: ClueRun) -> Iterator[Row]:
    """Yield the encoder untrained, warm where the run begins so, and trained; for each seed."""
    runs = [run.with_seed(seed) for seed in range(plan.seeds)]
    work = work_of(plan)

    def slots(build: Callable[[ClueRun], Model]) -> list[Matches]:
        return [EncoderSlots(build(one)) for one in runs]

    yield Row("untrained", "untrained encoder", slots(lambda one: one.build(plan.traces, work)[0]))
    if run.begins_warm:
        warm = slots(lambda one: one.begin(plan.traces, work)[0])
        yield Row("warm_start", "warm start only", warm)
    yield Row(OURS, f"{run.label}, trained", trained(plan, run))


def own_rows(models: Sequence[OwnModel]) -> list[Row]:
    """Return the reader's own models as rows, as many seeds as there are of each: one."""
    return [Row(own.name, own.label, [EncoderSlots(own.model)]) for own in models]


def trained(plan: AnalysisPlan, run: ClueRun) -> list[Matches]:
    """Return the slots of a run's models, one a seed; pre-trained now or before."""
    share = getattr(run.split, "pairs_share", 1.0)

    def show(done: int, total: int, remark: str) -> None:
        plan.show(f"pretrain, {share:.0%} of the pairs", done, total, remark)

    return [
        EncoderSlots(
            pretrained_step(
                plan.traces, run.with_seed(seed), plan.steps, show, plan.card, work_of(plan)
            )[0]
        )
        for seed in range(plan.seeds)
    ]


def pool_step(plan: AnalysisPlan, split: MatchingSplit) -> MatchingPool:
    """Return the stored pool of a split, drawn now or before."""

    def make(folder: Path) -> Json:
        pool = MatchingPool.draw(plan.traces, split)
        pool.save(folder / "pool.npz")
        return {"users": len(pool.users_N), "seed": pool.seed}

    inputs = {"split": replace(split, pairs_share=1.0).to_dict(), "traces": plan.traces.digest}
    folder, _ = plan.steps.run("pool", inputs, make)
    return MatchingPool.load(folder / "pool.npz")


def work_of(plan: AnalysisPlan) -> Path:
    """Return where runs keep what they make of the traces."""
    return plan.steps.folder("work", {"traces": plan.traces.digest})
