"""Encoders that differ in the number of experts alone, at equal active operations (Table 4, A-S23).

A router costs operations that a dense layer does not have: ``2 D E`` an event, beside the ``4 D H``
of the expert that the event goes to. Experts are therefore ``E / 2`` narrower than the dense layer:
``4 D (H - E/2) + 2 D E = 4 D H``, so that an encoder with experts has no operation more.

Shapes: D width, H hidden, E experts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.encoders.channel_transformer import ChannelTransformerConfig
from habitus.errors import UsageError
from habitus.nn.experts import parameter_counts
from habitus.nn.experts_config import ExpertsConfig
from habitus.objectives.masked_channel import MaskedChannelPrediction
from habitus.representations.model import Model, load
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.analyses.capacity_held_out import HeldOut, held_out
from habitus.runs.pretrain import pretrain
from habitus.runs.routing import routing_entries
from habitus.runs.steps import Json
from habitus.runs.supermoe import SupermoeRun


@dataclass(frozen=True)
class Variant:
    """One encoder of the study."""

    size: str
    """Words for the amount of data."""
    experts: int
    run: SupermoeRun
    traces: Traces

    @property
    def name(self) -> str:
        """The name among scores."""
        return f"{self.experts} of {self.size}"

    @property
    def label(self) -> str:
        """What tables call it."""
        experts = "one expert" if self.experts == 1 else f"{self.experts} experts"
        return f"{experts}, {self.size}"


@dataclass(frozen=True)
class Trained:
    """One pre-training: the model, what it cost, and what it predicts."""

    model: Model
    facts: Json
    """Of the pre-training, the routers, and the three parameter counts."""
    held_out: HeldOut


def equal_operations(
    encoder: ChannelTransformerConfig, num_experts: int
) -> ChannelTransformerConfig:
    """Return an encoder with experts and the active operations of a dense one.

    Raises:
        UsageError: no hidden unit is left beside the router, or half an expert's would be.
    """
    if num_experts == 1:
        return replace(encoder, experts=ExpertsConfig())
    hidden = encoder.hidden - num_experts // 2
    if num_experts % 2 or hidden < 1:
        raise UsageError(
            f"experts must be 1 or an even number below 2 · hidden = {2 * encoder.hidden}, so that "
            f"their router's operations can be taken from them; got {num_experts}"
        )
    return replace(encoder, hidden=hidden, experts=ExpertsConfig(num_experts=num_experts))


def variants(
    run: SupermoeRun, experts: tuple[int, ...], sizes: Mapping[str, Traces]
) -> list[Variant]:
    """Return every encoder, by size of the data, the dense one first."""
    return [
        Variant(size, number, replace(run, encoder=equal_operations(run.encoder, number)), traces)
        for size, traces in sizes.items()
        for number in experts
    ]


def trained(
    plan: AnalysisPlan, variant: Variant, seed: int, snapshot: Snapshot, hidden: str | None
) -> Trained:
    """Return a pre-training of a variant and what it predicts of a snapshot, made now or before."""
    run = variant.run.with_seed(seed)

    def on_step(step: int, total: int, metrics: Mapping[str, float]) -> None:
        plan.show(f"pretrain, {variant.label}", step, total, f"loss {metrics['loss']:.3f}")

    def make(folder: Path) -> Json:
        made = pretrain(variant.traces, run, folder / "training", on_step=on_step)
        assert isinstance(made.objective, MaskedChannelPrediction)
        made.model.save(folder / "model", card=plan.card(made.model), overwrite=True)
        held_out(made.model, made.objective, snapshot, hidden).save(folder / "held_out.npz")
        counts = parameter_counts(made.model.encoder)._asdict()
        routing = routing_entries(made.model, snapshot)
        return {**made.facts(), "counts": counts, "routing": routing}

    inputs: dict[str, Any] = {
        "run": run.to_dict(),
        "traces": variant.traces.digest,
        "held_out": [snapshot.traces.digest, snapshot.as_of, snapshot.users_U.tolist(), hidden],
        "threads": torch.get_num_threads(),
    }
    folder, facts = plan.steps.run("capacity", inputs, make)
    return Trained(load(folder / "model"), facts, HeldOut.load(folder / "held_out.npz"))
