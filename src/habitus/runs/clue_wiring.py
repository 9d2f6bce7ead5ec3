"""What a clue run makes of traces: tokens, encoder, objective, pairs, and the pool of valid users.

Shapes: U users, V tokens of the vocabulary, G slots, D width, E width of a slot.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from habitus.config import digest_of
from habitus.data.columns import USER_ID
from habitus.data.item_batches import ItemTextEncoding
from habitus.data.item_pairs import ItemPairBatch, ItemPairBatches, ItemPairConfig
from habitus.data.item_sequence import NUM_PREFIX
from habitus.data.item_texts import ItemTexts
from habitus.data.split import Part, parts_by_profile
from habitus.data.token_vectors import fit_token_vectors
from habitus.data.traces import Rows, Traces
from habitus.encoders.item_text import TOKENS_OF_PART, ItemTextEncoder
from habitus.encoders.item_text_config import ItemTextEncoderConfig
from habitus.errors import GuardError, UsageError
from habitus.nn.stages import run as run_stages
from habitus.objectives import Loss, Objective
from habitus.objectives.cross_service import CrossService
from habitus.random import derive_seed
from habitus.representations.model import Model
from habitus.runs.about import about_run
from habitus.runs.clue_slots import item_parts

if TYPE_CHECKING:
    from habitus.runs.base import Validate
    from habitus.runs.clue import ClueRun

CENTRED_USERS = 2_048
"""Train users whose mean slot is where a warm slot begins from."""


def build_clue(traces: Traces, run: ClueRun, work: Path | None) -> tuple[Model, Objective]:
    """Return the untrained model, its tokens fitted, and its objective."""
    snapshot = run.snapshot(traces, "train")
    encoding = ItemTextEncoding.fit(snapshot, run.bpe, run.sequence)
    encoding.texts = _texts(traces, encoding, work)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(run.seed, "weights"))
        encoder = ItemTextEncoder(_encoder_config(run, encoding))
        objective = CrossService(run.objective, encoder.slot_dim)
    return Model(encoder, encoding, about=about_run(traces, run, objective.name)), objective


def begin_clue(traces: Traces, run: ClueRun, work: Path | None) -> tuple[Model, Objective]:
    """Return the model and the objective at step 0, with token vectors where the run has them."""
    model, objective = build_clue(traces, run, work)
    if run.begins_warm:
        encoder, encoding = item_parts(model)
        snapshot, seed = run.snapshot(traces, "train"), derive_seed(run.seed, "token vectors")
        found = fit_token_vectors(snapshot, encoding, run.token_vectors, run.encoder.width, seed)
        encoder.warm_start(
            torch.from_numpy(found.vectors_VD),
            torch.from_numpy(found.known_V),
            torch.from_numpy(found.weight_V),
            run.token_vectors.std,
        )
        centre(encoder, pairs_of_part(traces, run, encoding, "train"), seed)
    return model, objective


def centre(encoder: ItemTextEncoder, pairs: ItemPairBatches, seed: int) -> None:
    """Let each service's linear layer begin as: the first numbers, less their mean over users.

    What the slots of a service have in common tells nobody from anybody, and is most of every
    cosine. An encoder without such layers stays as it is.
    """
    if encoder.reduce is None or pairs.num_users < 2:
        return
    batch = pairs.pool(CENTRED_USERS, seed).items
    width, slot_dim = encoder.config.width, encoder.slot_dim
    num_services = encoder.config.num_services
    reduce, encoder.reduce = encoder.reduce, None
    with torch.inference_mode():
        z_GD = run_stages(encoder.stages(batch, TOKENS_OF_PART))
    encoder.reduce = reduce
    with torch.no_grad():
        first_ED = torch.eye(slot_dim, width)
        reduce.weight.copy_(first_ED.repeat(num_services, 1))
        for service in range(num_services):
            of_G = batch.slot_service_G == service
            mean_D = (z_GD[of_G] if of_G.any() else z_GD).mean(0)
            reduce.bias[service * slot_dim : (service + 1) * slot_dim] = -(first_ED @ mean_D)


def prepare_clue(
    traces: Traces, run: ClueRun, model: Model, objective: Objective, device: torch.device
) -> tuple[ItemPairBatches, Validate | None]:
    """Return the batches of training, and the loss on a fixed pool of valid users (A-C23).

    Raises:
        GuardError: fewer than two train users can be paired; the message says why.
    """
    assert isinstance(objective, CrossService)
    encoder, encoding = item_parts(model)
    source = pairs_of_part(traces, run, encoding, "train")
    if source.num_users < 2:
        raise GuardError(_nobody(source, run, encoding))
    model.about["relations"] = {
        "users_in_pairs": source.num_users,
        "users_with_one_side_only": source.left.one_side,
        "users_without_item_texts": source.left.no_items,
    }
    pool = valid_pool(traces, run, encoding)
    if pool is None:
        return source, None
    pool = pool.to(device)

    def validate() -> Loss:
        return objective.on_pool(encoder, pool)

    return source, validate


def pairs_of_part(
    traces: Traces,
    run: ClueRun,
    encoding: ItemTextEncoding,
    part: Part,
    config: ItemPairConfig | None = None,
) -> ItemPairBatches:
    """Return the pairs of the users of one part; as in training, or of another config."""
    snapshot = run.snapshot(traces, part)
    if config is None and run.pairs.halves and run.halves_if_needed:
        across = replace(run.pairs, halves=False)
        pairs = ItemPairBatches(snapshot, encoding, across, seed=run.seed)
        if pairs.num_users >= run.pairs.batch_users:
            return pairs
    return ItemPairBatches(snapshot, encoding, config or run.pairs, seed=run.seed)


def valid_pool(traces: Traces, run: ClueRun, encoding: ItemTextEncoding) -> ItemPairBatch | None:
    """Return the pool of valid users on several services, or of halves where these are too few.

    None where not even two valid users have two sides.
    """
    seed = derive_seed(run.seed, "pool")
    for halves in (False, run.pairs.halves):
        config = replace(run.pairs, halves=halves)
        pairs = pairs_of_part(traces, run, encoding, "valid", config)
        if pairs.num_users >= 2:
            return pairs.pool(run.pool_users, seed)
    return None


def users_of_part(traces: Traces, run: ClueRun, part: Part) -> Rows:
    """Return the rows of the users of one part, by the profiles or by a hash.

    Raises:
        UsageError: the profiles have no such attribute.
    """
    name = run.split_attribute
    if name is None:
        return run.split.rows(traces, part)
    table = traces.table("profiles")
    if table is None or name not in table.column_names:
        known = [] if table is None else [c for c in table.column_names if c != USER_ID]
        raise UsageError(
            f"the profiles of {traces.path} have no attribute {name!r} (only: "
            f"{', '.join(known) or 'none'}): set split_attribute to one, or to null"
        )
    wanted = ("train", "valid", "test").index(part)
    return np.flatnonzero(parts_by_profile(traces, name) == wanted).astype(np.int64)


def _texts(traces: Traces, encoding: ItemTextEncoding, work: Path | None) -> ItemTexts | None:
    """Return the tokenised texts, kept below ``work``; None to make them when they are read."""
    if work is None:
        return None
    config = encoding.config
    kept = config.max_tokens - NUM_PREFIX
    folder = work / f"texts-{digest_of([traces.digest, encoding.bpe.digest, config.text, kept])}"
    return ItemTexts.build(traces, encoding.bpe, folder, text=config.text, max_tokens=kept)


def _encoder_config(run: ClueRun, encoding: ItemTextEncoding) -> ItemTextEncoderConfig:
    out_dim = run.encoder.out_dim
    if run.slot_dim is not None:
        out_dim = run.slot_dim * encoding.num_slots
    return replace(
        run.encoder,
        vocab_size=encoding.bpe.num_tokens,
        num_services=encoding.num_slots,
        out_dim=out_dim,
    )


def _nobody(source: ItemPairBatches, run: ClueRun, encoding: ItemTextEncoding) -> str:
    """Return why there is nobody to tell from anybody, and what to change."""
    left, services = source.left, encoding.services
    why = (
        f"{source.num_users} of {source.snapshot.num_users} train users can be paired before "
        f"{run.as_of or 'the end of the data'} and 2 are needed: {left.one_side} have items on one "
        f"side only, {left.no_items} have no item with text, {left.seldom} have too few events"
    )
    if run.pairs.halves:
        return f"{why}; choose a later cutoff, or fewer pairs.min_items"
    named = ", ".join(name or "unnamed" for name in services)
    return (
        f"{why}. The train users are on {len(services)} service(s): {named}. Set "
        f"pairs.halves=true to pair the earlier and the later half of what people do on one service"
    )
