"""A funnel in the seesaw analysis: steps over their own sample spaces, and the whole (S5, A-S6).

One network learns every step among those who passed the one before; the product of its
probabilities is that of the whole. Beside it stands a network that knows no steps: it learns of
everybody whether the whole was passed.

Shapes: B test rows, K steps, S seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from habitus.evaluation.asked_together import AskedTogether, PartRows
from habitus.evaluation.features import Method
from habitus.evaluation.predictions import chosen_rows
from habitus.evaluation.seesaw import JudgedTask, SeesawTable
from habitus.evaluation.vectors import FeatureStore
from habitus.metrics.arrays import Floats
from habitus.metrics.funnel import funnel_answers, funnel_rates, whole_probabilities
from habitus.probes.components import Components
from habitus.probes.multi_task import MultiTask
from habitus.probes.task_answers import ManyLabelled
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.analyses.seesaw_rows import Amounts, Row
from habitus.runs.analyses.seesaw_tables import entry
from habitus.runs.analyses.wording import figure
from habitus.runs.steps import Json

ROW: Final = Row("mmoe", "fixed")
"""The network that learns the funnel."""


class Funnel(NamedTuple):
    """What two networks say of the test users."""

    answer_BK: Floats
    """NaN outside the sample space of a step."""
    step_SBK: Floats
    """P(step | steps before), of all test users."""
    whole_SBK: Floats
    """P(the whole up to the step), of the network that knows no steps."""


def funnel(
    plan: AnalysisPlan,
    method: Method,
    together: AskedTogether,
    store: FeatureStore,
    amounts: Amounts,
) -> Funnel:
    """Return what both networks say, trained now or before.

    Args:
        plan: where steps are kept.
        method: whose vectors are read.
        together: the steps, in their order, asked at one cutoff.
        store: of the vectors.
        amounts: how much.
    """
    steps, wholes = [], []
    for place, seed in enumerate(amounts.trials.seeds):
        variant = method.at(place)
        inputs = {
            "traces": plan.traces.digest,
            "method": variant.fingerprint,
            "steps": [task.dated.to_dict() for task in together.tasks.values()],
            "probe": ROW.config(amounts).to_dict(),
            "components": amounts.num_components,
            "share": amounts.trials.train_share,
            "seed": seed,
        }

        def make(folder: Path, variant: Method = variant, seed: int = seed) -> Json:
            step_BK, whole_BK = _train(variant, together, store, amounts, seed)
            np.savez(folder / "funnel.npz", step=step_BK, whole=whole_BK)
            return {}

        folder, _ = plan.steps.run("funnel", inputs, make)
        with np.load(folder / "funnel.npz", allow_pickle=False) as kept:
            steps.append(kept["step"])
            wholes.append(kept["whole"])
    answer_BK = np.stack(list(together.test.y.values()), axis=1)
    return Funnel(answer_BK, np.stack(steps), np.stack(wholes))


def funnel_table(
    label: str, names: Sequence[str], found: Funnel, users_B: np.ndarray, num_resamples: int
) -> Json:
    """Return the rates and the ranking of each step and of the whole up to it."""
    rates = [funnel_rates(found.answer_BK, step_BK) for step_BK in found.step_SBK]
    rows: list[list[object]] = []
    for k, name in enumerate(names):
        asked_B = ~np.isnan(found.answer_BK[:, k])
        passed_B = (found.answer_BK[:, : k + 1] == 1).all(axis=1).astype(float)
        product_SB = np.stack([whole_probabilities(step)[:, k] for step in found.step_SBK])
        step = JudgedTask(
            name,
            users_B[asked_B],
            found.answer_BK[asked_B, k],
            {"steps": found.step_SBK[:, asked_B, k]},
        )
        whole = JudgedTask(
            name, users_B, passed_B, {"steps": product_SB, "whole": found.whole_SBK[:, :, k]}
        )
        judged = SeesawTable([step], "steps", num_resamples).score(name, "steps")
        table = SeesawTable([whole], "whole", num_resamples)
        rows.append(
            [
                name,
                int(rates[0].asked_K[k]),
                _number(rates[0].step_observed_K[k]),
                _number(np.mean([r.step_predicted_K[k] for r in rates])),
                entry(judged),
                _number(rates[0].whole_observed_K[k]),
                _number(np.mean([r.whole_predicted_K[k] for r in rates])),
                _number(found.whole_SBK[:, :, k].mean()),
                entry(table.score(name, "steps")),
                entry(table.seesaw("steps").differences[name]),
            ]
        )
    return {
        "title": f"A funnel on {label}",
        "note": f"{ROW.label}: each step is learned from those who passed the one before; the "
        "whole is the product. In the last column, against a network that learns the whole from "
        "everybody: paired, above 0 the product ranks better. Test users.",
        "columns": [
            "step", "asked", "step, observed", "step, predicted", "step, AUROC",
            "whole, observed", "whole, product", "whole, learned", "whole, AUROC of the product",
            "its Δ to learned",
        ],
        "rows": rows,
    }  # fmt: skip


def funnel_finding(label: str, table: Json) -> str:
    """Return what a table of :func:`funnel_table` says of the last step and of the whole."""
    name, asked, observed, predicted, _, whole, product, learned, _, difference = table["rows"][-1]
    ends = [difference[end] for end in ("value", "low", "high")]
    value, low, high = (figure(end, sign=True) if np.isfinite(end) else "–" for end in ends)
    return (
        f"The funnel on {label}, up to {name} ({asked} test users asked): the step has a rate of "
        f"{observed} and is predicted at {predicted}; the whole has {whole}, the product of the "
        f"steps says {product}, and a network that knows no steps {learned}. By AUROC of the whole "
        f"the product is ahead by {value} [{low}, {high}]."
    )


def _train(
    method: Method, together: AskedTogether, store: FeatureStore, amounts: Amounts, seed: int
) -> tuple[Floats, Floats]:
    """Return P(step | before) and P(whole) of every test row, ``(B, K)`` each."""
    parts: Mapping[str, PartRows] = {
        "train": together.train, "valid": together.valid, "test": together.test,
    }  # fmt: skip
    x = {name: rows.vectors(method, store) for name, rows in parts.items()}
    chosen_B = chosen_rows(parts["train"].user_B, amounts.trials, seed)
    components = Components.fit(x["train"][chosen_B], amounts.num_components)
    config, names, found = ROW.config(amounts), list(together.tasks), []
    for answers in (_steps, _wholes):
        train = ManyLabelled(components(x["train"]), answers(parts["train"]))
        valid = ManyLabelled(components(x["valid"]), answers(parts["valid"]))
        train = ManyLabelled(train.x_BD[chosen_B], {t: y[chosen_B] for t, y in train.y.items()})
        said = MultiTask(config).fit(train, valid, seed).predict(components(x["test"]))
        found.append(np.stack([said[name] for name in names], axis=1))
    return found[0], found[1]


def _steps(part: PartRows) -> dict[str, Floats]:
    """Return the answers over the sample space of each step."""
    answer_BK = funnel_answers(np.stack(list(part.y.values()), axis=1))
    return dict(zip(part.y, answer_BK.T, strict=True))


def _wholes(part: PartRows) -> dict[str, Floats]:
    """Return whether everybody passed each step and all before it."""
    answer_BK = funnel_answers(np.stack(list(part.y.values()), axis=1))
    whole_BK = np.cumprod(np.nan_to_num(answer_BK), axis=1)
    return dict(zip(part.y, whole_BK.T, strict=True))


def _number(rate: float) -> float | None:
    return round(float(rate), 4) if np.isfinite(rate) else None
