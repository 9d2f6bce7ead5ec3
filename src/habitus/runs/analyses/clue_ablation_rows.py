"""The encoders that the ablation of CLUE compares, all trained on the same users for equal steps.

Shapes: U users, K slots, E width of a slot, D the numbers of a slot that are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch

from habitus.data.item_batches import ItemTextEncoding
from habitus.data.snapshot import Snapshot
from habitus.encoders.item_text import ItemTextEncoder
from habitus.encoders.item_text_config import ItemTextEncoderConfig
from habitus.errors import GuardError
from habitus.representations.model import Model
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.clue import ClueRun, clue
from habitus.runs.clue_slots import Present, Slots, item_parts, services_of, slots_of
from habitus.runs.clue_wiring import valid_pool

STACKED: Final = "stacked"
PAPER: Final = "paper"
WIDTH: Final = 64
"""Of encoders with blocks; the size xs of I2-sizes, with one block in the place of four."""
USERS: Final = 128
"""Of one batch, where there are blocks."""
STEPS: Final = 24
"""Where there are blocks: what two cores do in a minute or two with a single Transformer."""
ITEMS: Final = 32
"""Latest of a service that are read where there are blocks: of long histories a single Transformer
would read for hours."""
TOKENS: Final = 512
"""Latest of a service that a single Transformer reads: those of about so many items."""
QUICK_ITEMS: Final = 8
DIMS: Final = (16, 32, 64, 256)
QUICK_DIMS: Final = (8, 32)


@dataclass(frozen=True)
class Variant:
    """One encoder of the comparison, and how it is trained."""

    name: str
    label: str
    run: ClueRun


class FirstNumbers:
    """The slots of a model, the first numbers of each: all that a narrower store would keep.

    Args:
        model: any that reads item texts.
        dim: numbers of a slot; None for all.
    """

    def __init__(self, model: Model, dim: int | None = None) -> None:
        self.model, self.dim = model, dim

    @property
    def services(self) -> Sequence[str | None]:
        """The service of each slot."""
        return services_of(self.model)

    def slots(self, snapshot: Snapshot) -> tuple[Slots, Present]:
        """Return the slots of each user, ``(U, K, D)``, and which hold items."""
        z_UKE, present_UK = slots_of(self.model, snapshot)
        return z_UKE[:, :, : self.dim], present_UK


def shape_variants(base: ClueRun, *, quick: bool) -> list[Variant]:
    """Return two Transformers, single ones, none, and a wider one (Table 5, two sizes).

    All tokens weigh the same in them, since a single Transformer knows no items to weigh.

    Args:
        base: whose data, loss and users.
        quick: narrower, a few steps.
    """
    width, items = (16, QUICK_ITEMS) if quick else (WIDTH, ITEMS)

    def variant(name: str, label: str, blocks: Mapping[str, object], wide: int = width) -> Variant:
        encoder = ItemTextEncoderConfig(
            width=wide,
            num_heads=4,
            dropout=0.0,
            normed=False,
            max_items=items,
            max_sequence=items * TOKENS // ITEMS,
            **blocks,  # type: ignore[arg-type]
        )
        sequence = replace(base.sequence, max_items=items)
        run = replace(base, encoder=encoder, slot_dim=wide, sequence=sequence)
        return Variant(name, label, with_blocks(run))

    both: dict[str, object] = {"item_layers": 1, "service_layers": 1}
    single: dict[str, object] = {"single": True, "service_layers": 0}
    return [
        variant(STACKED, "stacked, 1 + 1 blocks", both),
        variant("single_blocks", "single, 2 blocks", {**single, "item_layers": 2}),
        variant("single_flops", "single, 1 block", {**single, "item_layers": 1}),
        variant("bag", "no blocks", {"item_layers": 0, "service_layers": 0}),
        variant("wider", f"stacked, {2 * width} wide", both, 2 * width),
    ]


def paper_variant(base: ClueRun, *, quick: bool) -> Variant:
    """Return the stacked encoder with the paper's choices: the same blocks, users and steps.

    From the paper's preset come where tokens begin, norms and dropout, the projection before the
    loss and its temperature, and all of the optimiser (C9, C14-C16); width, users and steps are
    those of :func:`shape_variants`, so that the operations are equal.
    """
    stacked, paper = shape_variants(base, quick=quick)[0].run, clue("paper")
    encoder = replace(stacked.encoder, normed=paper.encoder.normed, dropout=paper.encoder.dropout)
    training = replace(
        paper.training,
        max_steps=stacked.training.max_steps,
        evaluate_every=stacked.training.evaluate_every,
        log_every=stacked.training.log_every,
    )
    run = replace(
        stacked,
        encoder=encoder,
        token_vectors=paper.token_vectors,
        pairs=replace(stacked.pairs, service_dropout=paper.pairs.service_dropout, halves=False),
        # In one process nothing is dropped from the gradient.
        objective=replace(paper.objective, paper_local=False),
        training=training,
    )
    return Variant(PAPER, "stacked, the paper's choices", run)


def with_blocks(run: ClueRun) -> ClueRun:
    """Return the run with the steps that blocks can be trained for; the best of a few is kept."""
    steps = min(STEPS, run.training.max_steps)
    every = max(1, steps // 3)
    return replace(
        run,
        pairs=replace(run.pairs, batch_users=min(USERS, run.pairs.batch_users)),
        training=replace(run.training, max_steps=steps, evaluate_every=every, patience=None),
    )


def dim_variants(base: ClueRun, *, quick: bool) -> list[Variant]:
    """Return encoders with slots of several widths, and one whose first numbers do alone.

    The last is trained on prefixes of all of these widths (A-C7, I2 13).
    """
    dims = QUICK_DIMS if quick else DIMS
    found = [Variant(f"dim_{dim}", f"{dim} numbers", replace(base, slot_dim=dim)) for dim in dims]
    prefixes = replace(base.objective, matryoshka=dims[:-1])
    whole = replace(base, slot_dim=dims[-1], objective=prefixes)
    return [*found, Variant("matryoshka", "first numbers of one encoder", whole)]


def dims_of(variants: Sequence[Variant]) -> list[int]:
    """Return the widths of slots that were trained by themselves, ascending."""
    return sorted({v.run.slot_dim for v in variants if v.run.slot_dim is not None})


class Costs:
    """What an encoder has and does, for the table."""

    def __init__(self, plan: AnalysisPlan, run: ClueRun, model: Model) -> None:
        encoder, encoding = item_parts(model)
        self.block_weights = block_weights(encoder)
        self.mflops = forward_mflops(plan, run, encoder, encoding)


def block_weights(encoder: ItemTextEncoder) -> int:
    """Return the weights outside the table of tokens."""
    whole = sum(p.numel() for p in encoder.parameters())
    return whole - encoder.tokens.weight.numel()


def forward_mflops(
    plan: AnalysisPlan, run: ClueRun, encoder: ItemTextEncoder, encoding: ItemTextEncoding
) -> float:
    """Return the millions of operations that a valid user costs, in batches of one pool.

    Raises:
        GuardError: no two valid users have two sides.
    """
    pool = valid_pool(plan.traces, replace(run, pool_users=256), encoding)
    if pool is None:
        raise GuardError("fewer than two valid users have items on two services: nobody to ask")
    with torch.inference_mode():
        true, _ = encoder.forward_flops(pool.items)
    return true / pool.num_users / 1e6


def labels_of(variants: Sequence[Variant]) -> Iterator[tuple[str, str]]:
    """Yield name and label of each variant."""
    for variant in variants:
        yield variant.name, variant.label
