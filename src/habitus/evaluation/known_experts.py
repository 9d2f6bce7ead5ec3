"""Known answers about experts: what eq. 5 of SUPERMOE does as it is printed (A-S10)."""

from __future__ import annotations

import math
from collections.abc import Iterable

from habitus.evaluation.known_answers import Answer

NUM_EXPERTS, NUM_TOKENS, LOGIT = 16, 16, 6.0


def attention_as_printed() -> Iterable[Answer]:
    """Probabilities that multiply Q and K turn attention into a mean; straight through they do not.

    Each token attends to itself with a logit of 6 and to 15 others with 0. Routers that have
    learned nothing give each of 16 experts 1/16.
    """
    straight, printed = _entropy("moe_qkv"), _entropy("scalar_gate")
    source = "closed form: log(e⁶ + 15) - 6 e⁶ / (e⁶ + 15), over log 16"
    yield Answer("attention, straight through", straight, _entropy_by_hand(LOGIT), 1e-5, source)
    shrunk = LOGIT / NUM_EXPERTS**2
    source = "the same with the logit over 16² = 256"
    yield Answer("attention, eq. 5 as printed", printed, _entropy_by_hand(shrunk), 1e-5, source)
    source = "a mean over all 16 tokens, whatever they are"
    yield Answer("the same against a plain mean", printed, 1.0, 1e-3, source)


def _entropy_by_hand(logit: float) -> float:
    total = math.exp(logit) + NUM_TOKENS - 1
    return (math.log(total) - logit * math.exp(logit) / total) / math.log(NUM_TOKENS)


def _entropy(kind: str) -> float:
    """Return the entropy of attention, as a share of that of a mean."""
    import torch

    from habitus.nn.attention import PackedLayout
    from habitus.nn.expert_attention import SwitchAttention, attention_entropy
    from habitus.nn.experts_config import ExpertsConfig

    config = ExpertsConfig.from_dict({"attention": kind, "attention_experts": NUM_EXPERTS})
    attention = SwitchAttention(NUM_TOKENS, 1, config)
    # Of one head, 16 wide, logits are divided by √16.
    scale = (LOGIT * NUM_TOKENS**0.5) ** 0.5
    with torch.no_grad():
        for matrix in (attention.query, attention.key):
            matrix.router.weight_ED.zero_()
            matrix.experts.weight_EIO.copy_(scale * torch.eye(NUM_TOKENS))
        qkv_T3D = attention.project(torch.eye(NUM_TOKENS)).x_TD
    layout = PackedLayout(torch.tensor([0, NUM_TOKENS]), torch.device("cpu"))
    return attention_entropy(qkv_T3D, layout, 1).item() / math.log(NUM_TOKENS)
