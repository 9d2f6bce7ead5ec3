"""Vectors with a planted answer, for the tests of probes."""

import numpy as np

from habitus.probes import Labelled


def planted(num_rows: int, width: int = 5, *, seed: int = 0, strength: float = 2.0) -> Labelled:
    """Return vectors whose first number carries the log-odds of yes."""
    random = np.random.default_rng(seed)
    x_BD = random.standard_normal((num_rows, width)).astype(np.float32)
    odds_B = np.exp(strength * x_BD[:, 0] - 1)
    return Labelled(x_BD, (random.random(num_rows) < odds_B / (1 + odds_B)).astype(float))
