"""What is trained end to end on a task."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from habitus.comparisons.end_to_end import tune_on_task
from habitus.comparisons.wide_mlp import WideMLP
from habitus.probes.fine_tune import FineTuneConfig
from habitus.tasks.classes import ClassAsked
from tests.comparisons.test_wide_mlp import SMALL
from tests.comparisons.texts import planted

SHORT = FineTuneConfig(learning_rates=(1e-2, 1e-3), weight_decays=(0.0,), max_epochs=2)


def fitted(path: Path) -> tuple[WideMLP, ClassAsked]:
    asked, _ = planted(path)
    comparison = WideMLP(replace(SMALL, training=SHORT))
    comparison.fit(asked.train)
    return comparison, asked


def test_equal_seeds_give_equal_answers_and_others_do_not(tmp_path: Path) -> None:
    comparison, asked = fitted(tmp_path / "t")
    one, same, other = (comparison.classify(asked, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)
    assert len(comparison.trials) == 2


def test_first_weights_are_drawn_beside_the_generator_of_the_caller(tmp_path: Path) -> None:
    comparison, asked = fitted(tmp_path / "t")
    before = torch.get_rng_state()
    comparison.classify(asked, 0)
    assert torch.equal(torch.get_rng_state(), before)


def test_probabilities_are_those_of_the_best_network_for_the_test_users(tmp_path: Path) -> None:
    comparison, asked = fitted(tmp_path / "t")
    encoder = comparison.encoder()
    probability_BC, tuned = tune_on_task(encoder, comparison.batches_of, asked, SHORT, 0)
    ((_, batch),) = comparison.batches_of(asked.test)(np.arange(asked.test.num_users))
    logits_BC = tuned.network.eval()(batch).double()
    np.testing.assert_allclose(probability_BC, logits_BC.softmax(dim=1).detach(), atol=1e-6)
