"""The demo of SUPERMOE: the questions of the first demo, asked of an encoder with experts.

On The Complete Journey, or with ``--data`` on Online Retail or MovieLens-1M, with questions of
their own. Beside the rows of the first demo stands the dense control: one expert, everything else
the same, at the same active operations (B-27), so that what experts are worth is a line of its own;
and the paper's choices at the same size, steps and operations. Many tasks at once, the capacity
study and what each choice is worth are analyses (``habitus analyze seesaw``, ``capacity``,
``supermoe_ablation``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from habitus.errors import UsageError
from habitus.evaluation.predictions import ProbeTrials
from habitus.registry import did_you_mean
from habitus.representations.model import Model
from habitus.runs.demo import CHOSEN_IN_SIGHT, DATA_NAME, DemoPlan, ingest_counts
from habitus.runs.demo_pasum import resampling, traces_step
from habitus.runs.experiment import Experiment, Show, run_experiment
from habitus.runs.steps import Json, Steps
from habitus.runs.supermoe import dense_control, papers_choices, supermoe
from habitus.tasks.complete_journey import complete_journey_tasks
from habitus.tasks.dated import DatedTask
from habitus.tasks.movielens_1m import movielens_1m_tasks
from habitus.tasks.online_retail import online_retail_tasks

CONTROL: Final = "dense"
CONTROL_WORDS: Final = (
    "The same encoder with one expert, pre-trained in the same way (B-27): BERT over channels."
)
PAPER: Final = "paper"
PAPER_WORDS: Final = (
    "The paper's choices at the same size, steps and active operations: experts in attention, two "
    "feed-forward layers a block, the maximum alone as pooling, random first embeddings."
)


@dataclass(frozen=True, kw_only=True)
class ExpertsDemo:
    """A set: its title, its questions, and what its page must say."""

    title: str
    data_name: str
    tasks: Callable[[], Sequence[DatedTask]]
    sensitive: Callable[[], Sequence[DatedTask]] = list
    """Those that profile people."""
    notes: tuple[str, ...] = ()


HOUSEHOLDS: Final = "complete_journey"
SETS: Final[Mapping[str, ExpertsDemo]] = {
    HOUSEHOLDS: ExpertsDemo(
        title="What experts add to a year of groceries",
        data_name=DATA_NAME,
        tasks=complete_journey_tasks,
        sensitive=lambda: complete_journey_tasks(sensitive=True),
        notes=(CHOSEN_IN_SIGHT,),
    ),
    "online_retail": ExpertsDemo(
        title="What experts add to a year of a gift shop",
        data_name="Online Retail",
        tasks=online_retail_tasks,
    ),
    "movielens_1m": ExpertsDemo(
        title="What experts add to ratings of films",
        data_name="MovieLens-1M",
        tasks=movielens_1m_tasks,
    ),
}
"""Name of a set in :data:`habitus.datasets.DATASETS` → its demo; one more is one more entry."""


def run_demo_supermoe(
    root: Path,
    plan: DemoPlan,
    *,
    show: Show,
    card: Callable[[Model], str],
    data: str | None = None,
) -> Json:
    """Return the results; steps are kept below ``root`` and reused.

    Args:
        root: where steps are kept.
        plan: preset, seeds, whether it is quick, whether sensitive tasks are asked.
        show: told how far it is.
        card: writes the card of a model.
        data: the set; None for The Complete Journey.

    Raises:
        DataError: the set is not at hand.
        UsageError: no such set.
    """
    name = data or HOUSEHOLDS
    if name not in SETS:
        raise UsageError(f"no supermoe demo is called {name!r}; {did_you_mean(name, SETS)}")
    demo, steps = SETS[name], Steps(root / "steps")
    traces, notices = traces_step(name, steps, show)
    run = supermoe("quick" if plan.quick else plan.preset)
    experiment = Experiment(
        traces=traces,
        tasks=[*demo.tasks(), *(demo.sensitive() if plan.sensitive else ())],
        run=run,
        others={
            CONTROL: (dense_control(run), "dense control", CONTROL_WORDS),
            PAPER: (papers_choices(run), "SUPERMOE (paper)", PAPER_WORDS),
        },
        steps=steps,
        show=show,
        card=card,
        data_name=demo.data_name,
        notices=notices,
        pretrain_seeds=tuple(range(plan.seeds)),
        trials=ProbeTrials(seeds=(0, 1)) if plan.quick else ProbeTrials(),
        resampling=resampling(plan),
        allow_sensitive=plan.sensitive,
    )
    results = run_experiment(experiment)
    results["data"]["ingest"] = ingest_counts(traces)
    results["notes"] += demo.notes
    results["title"] = demo.title
    return results
