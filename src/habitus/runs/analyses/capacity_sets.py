"""The sets on which capacity is studied: who is pre-trained on, who is asked, what is possible.

On sub-populations, people who are pre-trained on and people who are asked are different ones of
the same world.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from habitus.data.channel_sequence import ChannelSequenceConfig
from habitus.data.snapshot import Snapshot, format_time
from habitus.data.split import DAY, Cutoffs, Future, Part, UserSplit
from habitus.data.traces import Rows, Traces
from habitus.datasets.subpopulations import (
    HORIZON_DAYS,
    Subpopulations,
    SubpopulationsConfig,
    make_histories,
    offer_names,
)
from habitus.datasets.subpopulations_truth import (
    best_accuracy,
    best_loss,
    probability_by_counts,
    probability_by_maps,
)
from habitus.encoders.channel_transformer import ChannelTransformerConfig
from habitus.errors import GuardError, UsageError
from habitus.evaluation.asked import Answers, AskedTask, ask
from habitus.metrics.arrays import Floats
from habitus.objectives.masked_channel import MaskedChannelConfig
from habitus.registry import did_you_mean
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.analyses.ple_rows import PLE
from habitus.runs.steps import Json
from habitus.runs.supermoe import SupermoeRun, dense_control, supermoe
from habitus.tasks.complete_journey import complete_journey_tasks
from habitus.tasks.dated import DatedTask
from habitus.tasks.labeled import Labeled, LabeledConfig
from habitus.training.config import TrainingConfig

HIDDEN: Final = "remedy"
SIZES: Final = (500, 5_000)
"""People who are pre-trained on, with their valid tenth."""
ASKED: Final = 8_000
WORLD_SPLIT: Final = UserSplit(train=0.9, valid=0.1, test=0.0)
ASKED_SPLIT: Final = UserSplit(train=0.4, valid=0.1, test=0.5)
WORLD_STEPS: Final = 600
BASKET_STEPS: Final = 200
"""On The Complete Journey at preset ci, so that three encoders take two cores a few minutes."""

QUICK_STEPS: Final = 8


@dataclass(frozen=True, kw_only=True)
class CapacitySet:
    """What is trained on whom, and who is asked what."""

    run: SupermoeRun
    """With one expert; those with more have the same active operations."""
    experts: tuple[int, ...]
    sizes: Mapping[str, Traces]
    """Words for the amount of data → the traces that are pre-trained on."""
    asked_traces: Traces
    """Whose users are asked, and whose test users' channels are predicted."""
    split: UserSplit
    """Of those who are asked."""
    asked: Sequence[AskedTask]
    held_out: Snapshot
    """Users whose hidden channels are predicted."""
    hidden: str | None = None
    """A channel that is also hidden alone."""
    best_loss: float | None = None
    """Of that channel, hidden alone."""
    best_right: float | None = None
    bounds: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)
    """Words → task → scores of who knows so much, ``(1, B)``."""
    ple_batch: int = PLE.batch_size
    """Rows of a step of PLE: few where few are labelled."""
    notes: Sequence[str] = ()

    @property
    def as_of(self) -> str:
        """The cutoff of pre-training, and of the snapshot that counts are fitted on."""
        return str(self.run.as_of)

    @property
    def train(self) -> Snapshot:
        """Training users of those who are asked."""
        return Snapshot(self.asked_traces, self.as_of, self.split.rows(self.asked_traces, "train"))


def capacity_set(plan: AnalysisPlan) -> CapacitySet:
    """Return the set of a plan.

    Raises:
        DataError: the set is not at hand.
        UsageError: capacity is not studied on it.
    """
    if plan.data not in SETS:
        raise UsageError(
            f"capacity is not studied on {plan.data!r}; {did_you_mean(plan.data, SETS)}"
        )
    return SETS[plan.data](plan)


def world_run(*, quick: bool) -> SupermoeRun:
    """Return the dense run on sub-populations: one block, so that facts lie in few weights.

    Nine of ten hidden channels are hidden alone: a need and its remedy hidden together teach
    nothing.
    """
    config = SubpopulationsConfig()
    max_events = config.events_per_user + config.events_after
    steps = 20 if quick else WORLD_STEPS
    return SupermoeRun(
        preset="quick" if quick else "ci",
        as_of=config.cutoff,
        split=WORLD_SPLIT,
        sequence=ChannelSequenceConfig(
            max_events=max_events, token_budget=4_096, history_share=1.0
        ),
        encoder=ChannelTransformerConfig(
            max_events=max_events,
            width=48,
            num_blocks=1,
            num_heads=2,
            hidden=64,
            channel_dim=32,
            dropout=0.0,
            pooling="mean",
            pool_channels=True,
        ),
        objective=MaskedChannelConfig(mask_share=0.8, all_channels_share=0.05),
        training=TrainingConfig(
            max_steps=steps, learning_rate=1e-2, warmup_share=0.05, evaluate_every=steps
        ),
    )


def _subpopulations(plan: AnalysisPlan) -> CapacitySet:
    if plan.preset != "ci":
        raise UsageError(
            f"on made-up sub-populations capacity is studied with preset ci alone, not with "
            f"{plan.preset!r}; --quick shows that it runs"
        )
    sizes = (200, 400) if plan.quick else SIZES
    world = SubpopulationsConfig()
    asked = SubpopulationsConfig(num_users=800 if plan.quick else ASKED, people=1)
    traces = _made(plan, asked)
    tasks = offers_of(asked, traces)
    test_U = ASKED_SPLIT.rows(traces, "test")
    return CapacitySet(
        run=world_run(quick=plan.quick),
        experts=(1, 4) if plan.quick else (1, 4, 16, 64),
        sizes={f"{n:,} users": _made(plan, replace(world, num_users=n)) for n in sizes},
        asked_traces=traces,
        split=ASKED_SPLIT,
        asked=tasks,
        held_out=Snapshot(traces, asked.cutoff, test_U[: 200 if plan.quick else 1_000]),
        hidden=HIDDEN,
        best_loss=best_loss(asked),
        best_right=best_accuracy(asked),
        bounds=_bounds(asked, test_U),
        ple_batch=128,
        notes=[
            f"Made up: {asked.num_groups} groups and {asked.num_needs} needs, so "
            f"{asked.num_groups * asked.num_needs:,} facts to store. People who are asked are "
            f"others than those who are pre-trained on. What holds here is shown of this world and "
            f"of no other.",
            "Best possible: the probability of yes to who knows every map and sees the same "
            "history. Remedies added up: to who knows no map, and takes remedies as they come.",
            "Chosen with this same world in sight: how many remedies there are and how often they "
            "are followed, steps of pre-training, that vectors are read with remedies hidden and "
            "brought to principal components, and the batch of PLE. In a first reading, without "
            "components and with fewer people asked, no vector was worth more than PLE alone.",
        ],
    )


def _made(plan: AnalysisPlan, config: SubpopulationsConfig) -> Traces:
    def make(folder: Path) -> Json:
        shutil.rmtree(folder / "traces", ignore_errors=True)
        return {"events": Subpopulations(config).ingest(folder / "traces").num_events}

    inputs = {"dataset": Subpopulations.name, "config": config.to_dict()}
    folder, _ = plan.steps.run("traces", inputs, make)
    return Traces(folder / "traces")


def offers_of(config: SubpopulationsConfig, traces: Traces) -> list[AskedTask]:
    """Return the offers: everybody is asked once, at the cutoff; parts differ by user alone."""
    cutoffs = Cutoffs(first=config.start, test=config.cutoff, horizon_days=HORIZON_DAYS)
    found = []
    for name in offer_names(config):
        label = LabeledConfig(
            name=name,
            question=f"Will the user take {name}?",
            horizon_days=HORIZON_DAYS,
            label=name,
        )
        dated = DatedTask(task=Labeled(label), cutoffs=cutoffs)
        train, valid, test = (_answers(dated, traces, p) for p in ("train", "valid", "test"))
        found.append(AskedTask(dated, (train,), (valid,), test))
    return found


def _answers(dated: DatedTask, traces: Traces, part: Any) -> Answers:  # noqa: ANN401
    users_B = ASKED_SPLIT.rows(traces, part)
    cutoff = dated.cutoffs.test_time
    future = Future(traces, cutoff, HORIZON_DAYS * DAY, users_B)
    return Answers(cutoff, users_B, dated.task.labels(future))


def _bounds(config: SubpopulationsConfig, users_B: Rows) -> dict[str, dict[str, Floats]]:
    histories = make_histories(config)
    known = {
        "best possible": probability_by_maps(histories),
        "remedies added up": probability_by_counts(config, histories),
    }
    return {
        words: {name: yes_UK[users_B, k][None] for k, name in enumerate(offer_names(config))}
        for words, yes_UK in known.items()
    }


def _complete_journey(plan: AnalysisPlan) -> CapacitySet:
    traces = plan.traces
    run = dense_control(supermoe("quick" if plan.quick else plan.preset))
    users = {part: run.split.rows(traces, part) for part in _PARTS}
    asked, notes = [], []
    for dated in complete_journey_tasks():
        try:
            asked.append(ask(dated, traces, users))
        except GuardError as error:
            notes.append(str(error))
    as_of = format_time(min(task.dated.cutoffs.test_time for task in asked))
    steps = run.training.max_steps
    if run.preset in ("ci", "quick"):
        steps = min(steps, QUICK_STEPS if plan.quick else BASKET_STEPS)
    every = min(run.training.evaluate_every or steps, max(1, steps // 2))
    training = replace(run.training, max_steps=steps, evaluate_every=every)
    return CapacitySet(
        run=replace(run, as_of=as_of, training=training),
        experts=(1, 4) if plan.quick else (1, 4, 16),
        sizes={f"{len(users['train']):,} households": traces},
        asked_traces=traces,
        split=run.split,
        asked=asked,
        held_out=Snapshot(traces, as_of, users["test"]),
        notes=[
            *notes,
            f"Trained for {steps:,} steps: a study of capacity at equal operations, not of the "
            f"best encoder. Some settings of the encoder were chosen in sight of these test "
            f"households.",
        ],
    )


_PARTS: Final[tuple[Part, ...]] = ("train", "valid", "test")
SETS: Final[Mapping[str, Callable[[AnalysisPlan], CapacitySet]]] = {
    "complete_journey": _complete_journey,
    "subpopulations": _subpopulations,
}
"""Name of a set → what is studied on it."""
