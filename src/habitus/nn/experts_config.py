"""How many experts, how they are chosen, and how their load is kept even: options of a block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from habitus.config import Config
from habitus.errors import UsageError
from habitus.nn.routing import BALANCE, Z

AttentionKind = Literal["dense", "moe_qkv", "scalar_gate", "switchhead"]
Balance = Literal["loss", "bias", "none"]


@dataclass(frozen=True, kw_only=True)
class ExpertsConfig(Config):
    """Experts of a Transformer block; as it stands there are none, and all layers are dense.

    Whatever the options, the feed-forward experts of a layer have ``num_experts`` times the weights
    of a dense layer, and a token meets ``top_k`` times those of one (A-S23): splitting and sharing
    only divide them up.
    """

    num_experts: int = 1
    """Feed-forward experts of the size of a dense layer; 1 for a dense layer, without a router."""
    top_k: int = 1
    """Experts that a token goes to, in units of a whole expert."""
    split: int = 1
    """Fine-grained experts: each of them is cut in so many, and so many times as many are chosen
    (DeepSeekMoE; improvements I3 2)."""
    shared: int = 0
    """Of the experts after splitting, those that every token meets; fewer are routed and chosen."""
    renormalise: bool = False
    """Let the weights of a token's experts sum to 1; for two choices or more (A-S12)."""
    attention: AttentionKind = "dense"
    """Experts in attention (A-S10). ``scalar_gate`` is eq. 5 as printed, to show what it does."""
    attention_experts: int = 1
    """Experts of each routed matrix of attention; 1 for dense attention. 4 in A-S1."""
    attention_top_k: int = 1
    """Experts that a token goes to there; 2 in SwitchHead."""
    balance: Balance = "loss"
    """What keeps the load even: a loss, a bias of the choice that needs none, or nothing."""
    balance_weight: float = 0.01
    """Of the balance loss (A-S13)."""
    z_weight: float = 1e-3
    """Of the z loss, which keeps logits small (A-S13)."""
    bias_rate: float = 1e-3
    """How far the bias moves a step (A-S13)."""

    def __post_init__(self) -> None:
        for name in ("num_experts", "top_k", "split", "attention_experts", "attention_top_k"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("shared", "balance_weight", "z_weight", "bias_rate"):
            if not getattr(self, name) >= 0:
                raise UsageError(f"{name} must be 0 or more, got {getattr(self, name)}")
        self._check_feed_forward()
        self._check_attention()

    @property
    def routed(self) -> int:
        """Feed-forward experts that a router chooses from."""
        return self.num_experts * self.split - self.shared

    @property
    def chosen(self) -> int:
        """Those that a token goes to."""
        return self.top_k * self.split - self.shared

    @property
    def is_dense(self) -> bool:
        """Whether the feed-forward layers have no router."""
        return self.num_experts == 1

    @property
    def has_routers(self) -> bool:
        """Whether anything is routed."""
        return not self.is_dense or self.attention_experts > 1

    @property
    def loss_weights(self) -> dict[str, float]:
        """Weights of the losses of :func:`habitus.nn.routing.losses`."""
        return {BALANCE: self.balance_weight if self.balance == "loss" else 0.0, Z: self.z_weight}

    def _check_feed_forward(self) -> None:
        if self.is_dense and (self.top_k, self.split, self.shared) != (1, 1, 0):
            raise UsageError(
                f"one expert is a dense layer and has no top_k {self.top_k}, split {self.split} or "
                f"shared {self.shared}: set them to 1, 1 and 0, or num_experts to 2 or more"
            )
        if self.top_k > self.num_experts:
            raise UsageError(f"top_k must be at most num_experts {self.num_experts}: {self.top_k}")
        if self.chosen < 1:
            raise UsageError(
                f"shared must be less than top_k · split = {self.top_k * self.split}, so that a "
                f"token is routed at all, got {self.shared}"
            )
        if self.renormalise and self.chosen == 1:
            raise UsageError(
                "renormalise needs two choices or more (top_k · split - shared): one weight would "
                "always be 1, and the router would never learn"
            )

    def _check_attention(self) -> None:
        if self.attention == "dense" and self.attention_experts > 1:
            raise UsageError(
                f"attention 'dense' has no experts, and attention_experts is "
                f"{self.attention_experts}: set it to 1, or attention to 'switchhead' or 'moe_qkv'"
            )
        if self.attention_top_k > self.attention_experts:
            raise UsageError(
                f"attention_top_k must be at most attention_experts {self.attention_experts}, got "
                f"{self.attention_top_k}"
            )
        if self.attention != "switchhead" and self.attention_top_k > 1:
            raise UsageError(
                f"the matrices of attention {self.attention!r} are Switch layers: attention_top_k "
                f"must be 1, got {self.attention_top_k}"
            )


DENSE = ExpertsConfig()
"""No expert anywhere."""
