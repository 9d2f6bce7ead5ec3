"""Users encoded from cached vectors of their items: nothing of a text is read again.

Tokens are nine tenths of the cost of encoding (floors.md E2): what is left is the Service
Transformer.

Shapes: U users, B some of them, S items, G slots, D width of an item, E width of a slot.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from habitus.data.item_batches import ItemTextEncoding, cut
from habitus.data.item_reader import ItemReader
from habitus.data.item_sequence import ItemSequenceBatch
from habitus.data.item_slots import Slots
from habitus.data.length_groups import length_groups
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.errors import DataError
from habitus.representations.item_cache import ItemCache, item_parts, keys_of, wanted
from habitus.representations.model import Model, Progress, Vectors

ITEMS_AT_ONCE = 2**15
"""Items of users that are encoded at a time."""


def encode_from_items(
    model: Model, snapshot: Snapshot, cache: ItemCache, progress: Progress | None = None
) -> Vectors:
    """Return what :meth:`Model.encode` returns, ``(U, D)``, from cached vectors of items.

    Args:
        model: whose cache it is.
        snapshot: of the traces that the cache was made of; any users, any cutoff.
        cache: with float32 the vectors are equal to 1e-5.
        progress: told users done and users in all.

    Raises:
        DataError: the cache is of another model, or of other texts.
    """
    encoder, encoding = item_parts(model)
    if not cache.manifest.fits(wanted(model, snapshot.traces, cache.manifest.dtype)):
        raise DataError("the item cache is of another model or of other traces: build it again")
    reader = encoding.reader(snapshot)
    device = next(encoder.parameters()).device
    z_UD = np.empty((snapshot.num_users, model.representation_dim), np.float32)
    done, was_training = 0, encoder.training
    encoder.eval()
    with torch.inference_mode():
        for place_U in reader.pools():
            slots = reader.slots(place_U)[0]
            items_U = np.bincount(slots.user_G, slots.length_G, minlength=len(place_U))
            for user_B in cut(items_U.astype(np.int64), ITEMS_AT_ONCE):
                part, place_B = slots.of_users(user_B), place_U[user_B]
                batch, row_S = _batch(encoding, reader, cache, part, place_B)
                h_SD, weight_S = _taken(cache, row_S, device)
                batch = batch.to(device)
                z_GE = encoder.encode_slots(batch, h_SD, weight_I=weight_S)
                z_UD[place_B] = encoder.place_slots(batch, z_GE).z_UD.float().cpu().numpy()
                done += len(place_B)
                if progress is not None:
                    progress(done, snapshot.num_users)
    encoder.train(was_training)
    return z_UD


def _batch(
    encoding: ItemTextEncoding,
    reader: ItemReader,
    cache: ItemCache,
    slots: Slots,
    place_B: Rows,
) -> tuple[ItemSequenceBatch, Rows]:
    """Return a batch without tokens, whose texts are the items of its slots, and their rows."""
    slots = slots.take(np.lexsort((slots.service_G, slots.user_G, slots.length_G)))
    age_S = reader.ages(slots, place_B)
    row_S = cache.rows_of(keys_of(encoding, slots))
    length_U = np.bincount(slots.user_G, slots.length_G, minlength=len(place_B))
    nothing = torch.zeros(0, dtype=torch.int64)
    groups = length_groups(slots.length_G, encoding.config.padding_share)
    batch = ItemSequenceBatch(
        token_T=nothing,
        text_ptr_I1=torch.zeros(1, dtype=torch.int64),
        text_group_H1=torch.zeros(1, dtype=torch.int64),
        item_S=torch.arange(len(row_S)),
        slot_ptr_G1=torch.from_numpy(slots.ptr_G1),
        slot_group_H1=torch.from_numpy(groups),
        slot_user_G=torch.from_numpy(slots.user_G),
        slot_service_G=torch.from_numpy(slots.service_G),
        time_S=None if age_S is None else torch.from_numpy(age_S),
        lengths_U=torch.from_numpy(length_U.astype(np.int64)),
    )
    return batch, row_S


def _taken(cache: ItemCache, row_S: Rows, device: torch.device) -> tuple[Tensor, Tensor | None]:
    h_SD = torch.from_numpy(cache.vectors_ND[row_S].astype(np.float32)).to(device)
    if cache.weight_N is None:
        return h_SD, None
    return h_SD, torch.from_numpy(cache.weight_N[row_S]).to(device)
