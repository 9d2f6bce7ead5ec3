"""What a model that reads item texts makes of each service of a user: one slot after another.

Cross-service matching compares the slots of people. The projection ``f`` of the training is not
part of a model (C9: it serves the loss alone), so slots are compared as they are.

Shapes: U users of a snapshot, B of one batch, K slots of a user, E width of a slot.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from habitus.data.item_batches import ItemTextEncoding
from habitus.data.snapshot import Snapshot
from habitus.encoders.item_text import ItemTextEncoder
from habitus.errors import UsageError
from habitus.representations.model import Model

Slots = npt.NDArray[np.float32]
Present = npt.NDArray[np.bool_]


def slots_of(model: Model, snapshot: Snapshot) -> tuple[Slots, Present]:
    """Return the slots of each user, ``(U, K, E)``, and which of them hold items, ``(U, K)``.

    Slot ``k`` is that of the k-th of :func:`services_of`; a slot without items is zeros. A slot
    knows nothing of the user's other services.

    Raises:
        UsageError: the model reads no item texts.
        DataError: the traces have no such text, or none of the model's services.
    """
    encoder, encoding = item_parts(model)
    device = next(encoder.parameters()).device
    shape = (snapshot.num_users, encoder.config.num_services, encoder.slot_dim)
    z_UKE, present_UK = np.zeros(shape, np.float32), np.zeros(shape[:2], np.bool_)
    was_training = encoder.training
    encoder.eval()
    with torch.inference_mode():
        for place_B, batch in encoding.batches(snapshot):
            found = encoder(batch.to(device))
            present_BK = found.aux["present_UK"]
            z_BKE = found.z_UD.float().view(len(place_B), *shape[1:])
            # A user without any item has a learned vector, which is none of a service.
            z_UKE[place_B] = (z_BKE * present_BK[:, :, None]).cpu().numpy()
            present_UK[place_B] = present_BK.cpu().numpy()
    encoder.train(was_training)
    return z_UKE, present_UK


def services_of(model: Model) -> tuple[str | None, ...]:
    """Return the service of each slot; None for the one of services that were never seen.

    Raises:
        UsageError: the model reads no item texts.
    """
    encoder, encoding = item_parts(model)
    others = encoder.config.num_services - len(encoding.services)
    return (*encoding.services, *[None] * others)


def item_parts(model: Model) -> tuple[ItemTextEncoder, ItemTextEncoding]:
    """Return encoder and encoding of a model that reads item texts.

    Raises:
        UsageError: the model reads something else.
    """
    encoder, encoding = model.encoder, model.encoding
    if not isinstance(encoder, ItemTextEncoder) or not isinstance(encoding, ItemTextEncoding):
        raise UsageError(
            f"the model is a {encoder.name} and has no slots of item texts: give one that "
            f"`habitus pretrain --run clue` made"
        )
    return encoder, encoding
