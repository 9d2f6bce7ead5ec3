import math

import pytest
import torch

from habitus.evaluation.known_answers import recompute
from habitus.evaluation.known_experts import attention_as_printed
from habitus.nn.expert_attention import SwitchMatrix
from habitus.nn.routing import Routed


def test_all_figures_hold() -> None:
    outcome = recompute("attention_as_printed")
    assert outcome.holds
    straight, printed, _ = (answer.ours for answer in outcome.answers)
    # e⁶ = 403.4: 0.964 of attention is on the token itself.
    share = math.exp(6) / (math.exp(6) + 15)
    other = (1 - share) / 15
    entropy = -share * math.log(share) - 15 * other * math.log(other)
    assert straight == pytest.approx(entropy / math.log(16), abs=1e-5)
    assert straight < 0.1
    assert printed > 0.9999


def test_a_reading_that_lets_probabilities_shrink_the_logits_misses_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def scaled(self: SwitchMatrix, x_TD: torch.Tensor) -> Routed:
        self.straight_through = False
        return real(self, x_TD)

    real = SwitchMatrix.forward
    monkeypatch.setattr(SwitchMatrix, "forward", scaled)
    assert [answer.holds for answer in attention_as_printed()] == [False, True, True]
