"""The run of SUPERMOE: the channel encoder with sparse experts, by masked channel prediction.

Presets: ``paper`` has the sizes of A-S1 with 16 feed-forward experts and Switch layers in attention
(A-S10), two feed-forward layers a block (A-S14), the literal maximum as pooling; ``best`` has what
improvements.md I3 marks as established: fine-grained and shared experts, a bias that balances them,
dense attention, and the warm start, not yet shown to be better than ``paper`` at its size; ``ci``
is for the minutes of two cores: the channel encoder's ``ci`` with its feed-forward layers cut into
experts at the same active operations; ``quick`` only shows that everything runs. Beside each,
:func:`dense_control` has one expert and nothing else changed (B-27).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final

from habitus.data.channel_sequence import ChannelSequenceConfig
from habitus.encoders.channel_transformer import ChannelTransformerConfig
from habitus.nn.experts_config import DENSE, ExpertsConfig
from habitus.runs.base import of_preset
from habitus.runs.channel import ChannelRun, channel
from habitus.training.config import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class SupermoeRun(ChannelRun):
    """All that decides a pre-trained encoder with experts, beside the traces."""

    label: ClassVar[str] = "channel encoder with experts"

    name: str = "supermoe"


def supermoe(preset: str = "ci") -> SupermoeRun:
    """Return the run of one preset.

    Raises:
        UsageError: no such preset.
    """
    return of_preset(PRESETS, preset)


def dense_control(run: SupermoeRun) -> SupermoeRun:
    """Return a run with one expert everywhere and the same active operations (B-27)."""
    return replace(run, encoder=replace(run.encoder, experts=DENSE))


def papers_choices(run: SupermoeRun) -> SupermoeRun:
    """Return the paper's choices at the size, steps and active operations of a run.

    Two feed-forward layers a block, each half as wide (A-S14), Switch layers in attention (A-S10),
    the maximum over events alone as pooling (A-S17), and random first embeddings.
    """
    experts = ExpertsConfig(
        num_experts=run.encoder.experts.num_experts, attention="moe_qkv", attention_experts=4
    )
    encoder = replace(
        run.encoder,
        num_ffn=2,
        hidden=run.encoder.num_ffn * run.encoder.hidden // 2,
        pooling="max",
        pool_channels=False,
        experts=experts,
    )
    return replace(run, encoder=encoder, warm_start=False)


def _paper() -> SupermoeRun:
    experts = ExpertsConfig(num_experts=16, attention="moe_qkv", attention_experts=4)
    return SupermoeRun(
        preset="paper",
        sequence=ChannelSequenceConfig(token_budget=65_536),
        encoder=ChannelTransformerConfig(num_ffn=2, experts=experts),
        training=TrainingConfig(max_steps=20_000, evaluate_every=500),
    )


def _best() -> SupermoeRun:
    # Two whole experts' worth a token, in quarters: one shared, seven of 63 chosen.
    experts = ExpertsConfig(num_experts=16, top_k=2, split=4, shared=1, balance="bias")
    encoder = ChannelTransformerConfig(pooling="max_sum", pool_channels=True, experts=experts)
    return replace(_paper(), preset="best", encoder=encoder, warm_start=True)


def _ci() -> SupermoeRun:
    return _with_experts(channel("ci"))


def _quick() -> SupermoeRun:
    return _with_experts(channel("quick"))


def _with_experts(dense: ChannelRun) -> SupermoeRun:
    """Return the run of a dense encoder, its feed-forward layers made experts."""
    values = {**vars(dense), "name": "supermoe"}
    encoder = replace(dense.encoder, experts=ExpertsConfig(num_experts=8))
    return SupermoeRun(**{**values, "encoder": encoder})


PRESETS: Final = {"paper": _paper, "best": _best, "ci": _ci, "quick": _quick}
"""Preset → function that returns its run."""
