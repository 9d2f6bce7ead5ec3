"""Fine-tuning in the seesaw analysis: the trunk frozen, slow or free, below one tower a task.

A-S18: the frozen figure is that of a universal representation. Tasks weigh alike, and at the full
rate also as the paper's bi-level search weighs them (eq. 10). The encoder is that of the first
pre-training; its rows are the same people at the same cutoffs that the probes learn from.

Shapes: B rows (a user at a cutoff).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from habitus.data.channel_batches import ChannelEncoding, pack, snapshot_request, take
from habitus.data.channel_sequence import ChannelReader, Request
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows, Traces
from habitus.errors import UsageError
from habitus.evaluation.asked_together import AskedTogether, PartRows
from habitus.evaluation.predictions import chosen_rows
from habitus.evaluation.seesaw import JudgedTask, SeesawTable
from habitus.metrics.arrays import Floats
from habitus.probes.fine_tune import Batches
from habitus.probes.multi_task_tuning import (
    MultiTaskTuningConfig,
    Trunk,
    TuningRows,
    tune_tasks,
)
from habitus.representations.model import Model
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.analyses.seesaw_rows import Amounts
from habitus.runs.analyses.seesaw_tables import IN_WORDS, entry, mean_of
from habitus.runs.steps import Json
from habitus.training.bilevel import BilevelConfig


class Tuning(NamedTuple):
    """One way to tune an encoder for all tasks."""

    trunk: Trunk
    is_searched: bool
    """Whether the bi-level search weighs the tasks."""
    label: str


TUNINGS: Final[Mapping[str, Tuning]] = {
    "frozen": Tuning("frozen", False, "trunk frozen"),
    "slow": Tuning("slow", False, "trunk at a tenth of the rate"),
    "full": Tuning("full", False, "trunk at the full rate"),
    "bilevel": Tuning("full", True, "trunk at the full rate, bi-level AUC"),
}
"""Linear towers on a frozen trunk share nothing that a search could weigh."""
AGAINST: Final[Mapping[str, tuple[str, str]]] = {
    "slow": ("frozen", "trunk at a tenth of the rate, less frozen"),
    "full": ("frozen", "trunk at the full rate, less frozen"),
    "bilevel": ("full", "bi-level AUC, less equal weights"),
}
"""Name of a way → what it is held against, and what the row of the difference is called."""
QUICK_SEARCH: Final = BilevelConfig(every=1, meta_batch=32)


def tuning_table(
    plan: AnalysisPlan, model: Model, together: AskedTogether, amounts: Amounts, resamples: int
) -> Json:
    """Return the score of each task by each way to tune, and differences between them.

    Args:
        plan: where steps are kept.
        model: a pre-trained channel encoder.
        together: the tasks.
        amounts: seeds, and how much.
        resamples: of the users.

    Raises:
        UsageError: the model is of another kind.
    """
    scores = {
        name: [_tuned(plan, model, together, amounts, name, s) for s in amounts.trials.seeds]
        for name in TUNINGS
    }
    tasks = [
        JudgedTask(
            name,
            task.test.users_B,
            task.test.y_B,
            {how: np.stack([found[name] for found in scores[how]]) for how in TUNINGS},
            task.dated.is_number,
        )
        for name, task in together.tasks.items()
    ]
    tables = {name: SeesawTable(tasks, name, resamples) for name in ("frozen", "full")}
    rows: list[list[object]] = []
    for name, how in TUNINGS.items():
        found = [tables["frozen"].score(task.name, name) for task in tasks]
        pairs = zip(tasks, found, strict=True)
        mean = mean_of([score.value for task, score in pairs if not task.is_number])
        rows.append([how.label, mean, *map(entry, found)])
    for name, (control, label) in AGAINST.items():
        seesaw = tables[control].seesaw(name)
        rows.append([label, None, *(entry(d) for d in seesaw.differences.values())])
    return {
        "title": "Fine-tuning on all tasks at once",
        "note": f"Linear towers on the encoder (eq. 8), equal weights unless the search is named; "
        f"{IN_WORDS}, test users, and paired differences. 95 % intervals.",
        "columns": [
            "row",
            "mean AUROC",
            *(f"{task.name} (ρ)" if task.is_number else task.name for task in tasks),
        ],
        "rows": rows,
    }


def _tuned(
    plan: AnalysisPlan,
    model: Model,
    together: AskedTogether,
    amounts: Amounts,
    name: str,
    seed: int,
) -> dict[str, Floats]:
    """Return the scores of the test users of each task, tuned now or before."""
    how, search = TUNINGS[name], QUICK_SEARCH if plan.quick else amounts.probe.bilevel
    config = MultiTaskTuningConfig(
        trunk=how.trunk,
        regression=tuple(n for n, task in together.tasks.items() if task.dated.is_number),
        bilevel=search if how.is_searched else None,
        max_epochs=1 if plan.quick else MultiTaskTuningConfig().max_epochs,
    )
    inputs = {
        "model": model.digest,
        "traces": plan.traces.digest,
        "config": config.to_dict(),
        "tasks": [task.dated.to_dict() for task in together.tasks.values()],
        "share": amounts.trials.train_share,
        "seed": seed,
    }

    def make(folder: Path) -> Json:
        plan.show(f"fine-tune, seed {seed}", list(TUNINGS).index(name), len(TUNINGS), how.label)
        chosen_B = chosen_rows(together.train.user_B, amounts.trials, seed)
        train = _rows(model, plan.traces, _some(together.train, chosen_B))
        valid = _rows(model, plan.traces, together.valid)
        network = tune_tasks(model.encoder, train, valid, config, seed)
        test = together.test
        said = network.predict(_rows(model, plan.traces, test).batches, len(test.user_B))
        kept = {name: y_B[~np.isnan(test.y[name])] for name, y_B in said.items()}
        np.savez(folder / "scores.npz", **kept)  # type: ignore[arg-type]
        return {
            "epoch": network.best_epoch,
            "valid": network.valid,
            "path": network.weight_path,
        }

    folder, _ = plan.steps.run("tuned", inputs, make)
    with np.load(folder / "scores.npz", allow_pickle=False) as kept:
        return {name: kept[name] for name in together.tasks}


def _some(part: PartRows, chosen_B: Any) -> PartRows:  # noqa: ANN401
    y = {name: y_B[chosen_B] for name, y_B in part.y.items()}
    return PartRows(part.cutoff_B[chosen_B], part.user_B[chosen_B], y)


def _rows(model: Model, traces: Traces, part: PartRows) -> TuningRows:
    return TuningRows(row_batches(model, traces, part), part.y, part.user_B)


def row_batches(model: Model, traces: Traces, part: PartRows) -> Batches:
    """Return what makes batches of rows, each a user as known at a cutoff of its own.

    Raises:
        UsageError: the model is no channel encoder.
    """
    if not isinstance(model.encoding, ChannelEncoding):
        raise UsageError("only channel encoders can be tuned at cutoffs")
    config, reader = model.encoding.config, ChannelReader(traces, model.encoding.vocabulary)
    requests = [
        snapshot_request(
            Snapshot(traces, int(cutoff), part.user_B[part.cutoff_B == cutoff]), config.max_events
        )
        for cutoff in np.unique(part.cutoff_B)
    ]
    whole = Request(*(np.concatenate(values) for values in zip(*requests, strict=True)))

    def batches(places: Rows) -> Iterator[tuple[Rows, Any]]:
        for group in pack(whole.length_B[places], config.token_budget):
            yield group, reader.read(take(whole, places[group]))

    return batches
