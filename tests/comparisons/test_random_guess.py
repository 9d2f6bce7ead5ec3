"""A guess among the classes."""

from pathlib import Path

import numpy as np

from habitus.comparisons.random_guess import RandomGuess
from habitus.testing.comparisons import ComparisonContract
from tests.comparisons.test_majority import asked


class TestRandomGuess(ComparisonContract):
    comparison = RandomGuess


def test_each_class_gets_its_share(tmp_path: Path) -> None:
    got_BC = RandomGuess().classify(asked(tmp_path, [0, 0, 1]))
    np.testing.assert_allclose(got_BC, np.full((2, 3), 1 / 3))
