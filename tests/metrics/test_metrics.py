import numpy as np
import pytest

from habitus import metrics
from habitus.metrics import BINARY_METRICS

PLAIN = {"ece": metrics.expected_calibration_error}


@pytest.mark.parametrize("name", BINARY_METRICS)
def test_the_table_holds_the_metrics_of_the_same_name(name: str) -> None:
    generator = np.random.default_rng(0)
    labels, scores = generator.integers(0, 2, 40), generator.random(40)
    plain = PLAIN.get(name) or getattr(metrics, name)
    value = BINARY_METRICS[name].statistic(labels, scores)(np.ones((40, 1)))[0]
    assert value == pytest.approx(plain(labels, scores))


@pytest.mark.parametrize("name", BINARY_METRICS)
def test_the_table_knows_which_way_is_better(name: str) -> None:
    labels = np.repeat([0, 1], 20)
    good, bad = np.where(labels, 0.9, 0.1), np.where(labels, 0.1, 0.9)
    values = [BINARY_METRICS[name].statistic(labels, s)(np.ones((40, 1)))[0] for s in (good, bad)]
    assert (values[0] > values[1]) == BINARY_METRICS[name].higher_is_better


@pytest.mark.parametrize("name", BINARY_METRICS)
def test_every_metric_has_a_label(name: str) -> None:
    assert BINARY_METRICS[name].label
