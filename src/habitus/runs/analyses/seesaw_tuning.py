"""Fine-tuning in the seesaw analysis: the trunk frozen, slow or free, below one tower a task.

A-S18: the frozen figure is that of a universal representation. The encoder is that of the first
pre-training; its rows are the same people at the same cutoffs that the probes learn from.

Shapes: B rows (a user at a cutoff).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

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
    TRUNKS,
    MultiTaskTuningConfig,
    TuningRows,
    tune_tasks,
)
from habitus.representations.model import Model
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.analyses.seesaw_rows import Amounts
from habitus.runs.analyses.seesaw_tables import IN_WORDS, entry, mean_of
from habitus.runs.steps import Json

LABELS: Final[Mapping[str, str]] = {
    "frozen": "trunk frozen",
    "slow": "trunk at a tenth of the rate",
    "full": "trunk at the full rate",
}


def tuning_table(
    plan: AnalysisPlan, model: Model, together: AskedTogether, amounts: Amounts, resamples: int
) -> Json:
    """Return the score of each task by trunk, and its difference to the frozen one.

    Args:
        plan: where steps are kept.
        model: a pre-trained channel encoder.
        together: the tasks.
        amounts: seeds, and how much.
        resamples: of the users.

    Raises:
        UsageError: the model is of another kind.
    """
    scores: dict[str, list[dict[str, Floats]]] = {trunk: [] for trunk in TRUNKS}
    for seed in amounts.trials.seeds:
        for trunk in TRUNKS:
            scores[trunk].append(_tuned(plan, model, together, amounts, trunk, seed))
    tasks = [
        JudgedTask(
            name,
            task.test.users_B,
            task.test.y_B,
            {trunk: np.stack([found[name] for found in scores[trunk]]) for trunk in TRUNKS},
            task.dated.is_number,
        )
        for name, task in together.tasks.items()
    ]
    table = SeesawTable(tasks, "frozen", resamples)
    columns = [f"{task.name} (ρ)" if task.is_number else task.name for task in tasks]
    rows: list[list[object]] = []
    for trunk in TRUNKS:
        found = [table.score(task.name, trunk) for task in tasks]
        yes_or_no = zip(tasks, found, strict=True)
        mean = mean_of([score.value for task, score in yes_or_no if not task.is_number])
        rows.append([LABELS[trunk], mean, *map(entry, found)])
    for trunk in TRUNKS[1:]:
        seesaw = table.seesaw(trunk)
        differences = [entry(d) for d in seesaw.differences.values()]
        rows.append([f"{LABELS[trunk]}, less frozen", None, *differences])
    return {
        "title": "Fine-tuning on all tasks at once",
        "note": f"Linear towers on the encoder (eq. 8), equal weights; {IN_WORDS}, test users, and "
        "the paired difference to the frozen trunk. 95 % intervals.",
        "columns": ["row", "mean AUROC", *columns],
        "rows": rows,
    }


def _tuned(
    plan: AnalysisPlan,
    model: Model,
    together: AskedTogether,
    amounts: Amounts,
    trunk: str,
    seed: int,
) -> dict[str, Floats]:
    """Return the scores of the test users of each task, tuned now or before."""
    numbers = tuple(n for n, task in together.tasks.items() if task.dated.is_number)
    config = MultiTaskTuningConfig.from_dict({"trunk": trunk, "regression": numbers})
    if plan.quick:
        config = replace(config, max_epochs=1)
    inputs = {
        "model": model.digest,
        "traces": plan.traces.digest,
        "config": config.to_dict(),
        "tasks": [task.dated.to_dict() for task in together.tasks.values()],
        "share": amounts.trials.train_share,
        "seed": seed,
    }

    def make(folder: Path) -> Json:
        plan.show(f"fine-tune, seed {seed}", TRUNKS.index(config.trunk), len(TRUNKS), LABELS[trunk])
        chosen_B = chosen_rows(together.train.user_B, amounts.trials, seed)
        train = _rows(model, plan.traces, _some(together.train, chosen_B))
        valid = _rows(model, plan.traces, together.valid)
        network = tune_tasks(model.encoder, train, valid, config, seed)
        test = together.test
        said = network.predict(_rows(model, plan.traces, test).batches, len(test.user_B))
        kept = {name: y_B[~np.isnan(test.y[name])] for name, y_B in said.items()}
        np.savez(folder / "scores.npz", **kept)  # type: ignore[arg-type]
        return {"epoch": network.best_epoch, "valid": network.valid}

    folder, _ = plan.steps.run("tuned", inputs, make)
    with np.load(folder / "scores.npz", allow_pickle=False) as kept:
        return {name: kept[name] for name in together.tasks}


def _some(part: PartRows, chosen_B: Any) -> PartRows:  # noqa: ANN401
    y = {name: y_B[chosen_B] for name, y_B in part.y.items()}
    return PartRows(part.cutoff_B[chosen_B], part.user_B[chosen_B], y)


def _rows(model: Model, traces: Traces, part: PartRows) -> TuningRows:
    return TuningRows(row_batches(model, traces, part), part.y)


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
