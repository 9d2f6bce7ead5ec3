"""InfoNCE: tell a counterpart from the counterparts of others; and its form with many of them.

van den Oord, Li and Vinyals 2018; Khosla et al. 2020.

Shapes: B queries, C candidates, P rows that are compared with each other, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def info_nce(
    query_BD: Tensor, key_CD: Tensor, hidden_BC: Tensor, scale: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the loss of each query and whether its key is the nearest, ``(B)`` each.

    Args:
        query_BD: unit vectors.
        key_CD: unit vectors; the first ``B`` are the counterparts of the queries.
        hidden_BC: keys that are not compared with a query; its own always is.
        scale: one divided by the temperature.
    """
    own_B = torch.arange(len(query_BD), device=query_BD.device)
    hidden_BC = hidden_BC.clone()
    hidden_BC[own_B, own_B] = False
    logit_BC = (scale * query_BD @ key_CD.T).masked_fill(hidden_BC, -torch.inf)
    # The largest of no column does not exist.
    right_B = logit_BC.argmax(1) == own_B if len(own_B) else own_B
    return cross_entropy(logit_BC, own_B, reduction="none"), right_B.float()


def supervised(z_PD: Tensor, share_PP: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss of each row that shares something with another, and whether its nearest does.

    L_out of Khosla et al. 2020: the mean, over those that it shares with, of how badly each is told
    from all others.
    """
    self_PP = torch.eye(len(z_PD), dtype=torch.bool, device=z_PD.device)
    share_PP = share_PP & ~self_PP
    has_P = share_PP.any(1)
    logit_PP = (scale * z_PD @ z_PD.T).masked_fill(self_PP, -torch.inf)[has_P]
    share_PP = share_PP[has_P]
    log_p_PP = logit_PP.log_softmax(1).masked_fill(~share_PP, 0)
    loss_P = -log_p_PP.sum(1) / share_PP.sum(1)
    nearest_P1 = logit_PP.argmax(1, keepdim=True) if len(logit_PP) else has_P[:0, None].long()
    return loss_P, share_PP.gather(1, nearest_P1).squeeze(1).float()
