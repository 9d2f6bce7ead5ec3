"""Noise that belongs to a user."""

from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.random_vectors import RandomVectors, RandomVectorsConfig
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.testing.comparisons import ComparisonContract
from habitus.testing.hand_made import write_traces


class TestRandomVectors(ComparisonContract):
    comparison = RandomVectors


@pytest.fixture
def crowd(tmp_path: Path) -> Traces:
    return write_traces(tmp_path / "traces", {f"{u:03d}": [{"time": u}] for u in range(300)}, {})


def vectors(traces: Traces, seed: int = 0, as_of: int | None = None) -> np.ndarray:
    noise = RandomVectors(RandomVectorsConfig(width=64))
    noise.fit(Snapshot(traces), seed)
    return noise.represent(Snapshot(traces, as_of))


def test_they_have_mean_zero_variance_one_and_no_pattern(crowd: Traces) -> None:
    x_UD = vectors(crowd)
    assert x_UD.shape == (300, 64)
    # 19,200 numbers: standard error of the mean .007; of a correlation of 300 .058
    assert abs(x_UD.mean()) < 0.03
    assert x_UD.std() == pytest.approx(1, abs=0.02)
    apart = np.corrcoef(x_UD.T)[~np.eye(64, dtype=bool)]
    assert abs(apart).max() < 5 * 0.058


def test_a_user_keeps_the_vector_whatever_happens(crowd: Traces) -> None:
    np.testing.assert_array_equal(vectors(crowd), vectors(crowd, as_of=100))


def test_another_seed_gives_other_vectors(crowd: Traces) -> None:
    assert not np.isclose(vectors(crowd, seed=0), vectors(crowd, seed=1)).any(axis=1).all()


def test_a_width_below_one_is_an_error() -> None:
    with pytest.raises(UsageError, match="width must be 1 or more, got 0"):
        RandomVectorsConfig(width=0)
