"""Vectors with planted answers to several tasks, for the tests of multi-task probes."""

from __future__ import annotations

import numpy as np

from habitus.probes.task_answers import ManyLabelled

NAN = np.nan


def many(num_rows: int = 400, *, seed: int = 0, strength: float = 3.0) -> ManyLabelled:
    """Return rows asked ``easy`` and ``rare`` (most are not), and ``amount``, a number.

    The first number carries the log-odds of easy, the second those of rare; amount is a hundred
    and twenty times their sum, with noise.
    """
    random = np.random.default_rng(seed)
    x_BD = random.standard_normal((num_rows, 6)).astype(np.float32)

    def yes(odds_B: np.ndarray) -> np.ndarray:
        return np.asarray(random.random(num_rows) < 1 / (1 + np.exp(-odds_B)), np.float64)

    easy, rare = yes(strength * x_BD[:, 0]), yes(strength * x_BD[:, 1] - 2)
    rare[random.random(num_rows) < 0.7] = NAN
    amount = 100 + 20 * (x_BD[:, 0] + x_BD[:, 1]) + random.standard_normal(num_rows)
    return ManyLabelled(x_BD, {"easy": easy, "rare": rare, "amount": amount.astype(float)})
