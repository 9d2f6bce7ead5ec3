"""Cross-entropy over a large vocabulary, from shared sampled negatives.

Jean et al. "On Using Very Large Target Vocabulary". ACL 2015 (the logQ correction); A-S4. Tokens
stand by descending frequency, so a log-uniform draw is close to their frequency.

Shapes: B targets, V tokens, S negatives, E width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def log_uniform_probability(token: Tensor, num_tokens: int) -> Tensor:
    """Return the chance of each token under the log-uniform draw; sums to 1 over all tokens.

    >>> log_uniform_probability(torch.arange(4), 4).sum().round(decimals=6)
    tensor(1.)
    """
    # log((t + 2) / (t + 1)); the quotient itself has too few digits where t is large.
    return (1 / (token.float() + 1)).log1p() / math.log(num_tokens + 1)


def draw_negatives(num_samples: int, num_tokens: int, generator: torch.Generator) -> Tensor:
    """Return log-uniform tokens, with replacement, ``(S)``."""
    uniform = torch.rand(num_samples, generator=generator)
    return (((num_tokens + 1) ** uniform) - 1).long().clamp(0, num_tokens - 1)


def sampled_cross_entropy(
    query_BE: Tensor,
    table_VE: Tensor,
    bias_V: Tensor,
    target_B: Tensor,
    negative_S: Tensor,
) -> Tensor:
    """Return the loss of each target, ``(B)``: an estimate of the full cross-entropy.

    Logits are corrected by ``log(S · q)``; a negative that equals the target does not count.
    """
    return cross_entropy_of_rows(
        query_BE,
        (table_VE[target_B], bias_V[target_B]),
        (table_VE[negative_S], bias_V[negative_S]),
        target_B,
        negative_S,
        len(table_VE),
    )


def cross_entropy_of_rows(
    query_BE: Tensor,
    of_target: tuple[Tensor, Tensor],
    of_negative: tuple[Tensor, Tensor],
    target_B: Tensor,
    negative_S: Tensor,
    num_tokens: int,
) -> Tensor:
    """Return what :func:`sampled_cross_entropy` does, from rows and biases that were looked up."""
    (row_BE, bias_B), (row_SE, bias_S) = of_target, of_negative
    logit_B1 = (query_BE * row_BE).sum(1, keepdim=True) + bias_B[:, None]
    logit_BS = query_BE @ row_SE.T + bias_S
    expected_S = len(negative_S) * log_uniform_probability(negative_S, num_tokens)
    logit_BS = logit_BS - expected_S.log()
    logit_BS = logit_BS.masked_fill(negative_S == target_B[:, None], -torch.inf)
    logits = torch.cat([logit_B1, logit_BS], dim=1)
    return cross_entropy(logits, torch.zeros_like(target_B), reduction="none")
