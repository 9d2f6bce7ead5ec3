"""What methods cost: figures that can be counted, and times that must be there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from habitus.comparisons.bow_vectors import BowVectors, BowVectorsConfig
from habitus.comparisons.initial_vectors import InitialVectorsConfig
from habitus.comparisons.text_comparison import TextComparison
from habitus.comparisons.text_graph_classifier import DeepSets
from habitus.comparisons.tfidf_linear import TfidfLinear
from habitus.comparisons.wide_mlp import WideMLP, WideMLPConfig
from habitus.data.snapshot import Snapshot
from habitus.data.tokens import TextSource
from habitus.evaluation.class_asked import CLASS_SPLIT, AskedClasses
from habitus.probes.fine_tune import FineTuneConfig
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.asking import first_asked
from habitus.runs.analyses.costs import (
    Cost,
    comparison_cost,
    frozen_cost,
    head_weights,
    timed,
    tuned_cost,
)
from habitus.runs.analyses.models import trained_rows
from habitus.runs.pasum_wiring import parts_of

PlanOf = Callable[..., AnalysisPlan]
SHORT = FineTuneConfig(learning_rates=(1e-3,), weight_decays=(0.0,), max_epochs=1)


@pytest.fixture(scope="module")
def asked(plan_of: PlanOf) -> AskedClasses:
    return first_asked(plan_of())


@pytest.fixture(scope="module")
def text(plan_of: PlanOf) -> TextSource:
    plan = plan_of()
    return parts_of(trained_rows(plan.experiment(plan.run), plan.run).models[0])[1].text


def cost_of(comparison: TextComparison, asked: AskedClasses) -> Cost:
    train = Snapshot(asked.seen, None, CLASS_SPLIT.rows(asked.seen, "train"))
    cost = comparison_cost(comparison, train, asked)
    assert cost.label == comparison.label
    assert cost.before > 0
    assert cost.training > 0
    assert cost.settings == len(comparison.trials) > 0
    assert 0 < cost.macro_f1 <= 1
    assert cost.users_per_second is not None
    assert cost.users_per_second > 0
    return cost


def test_time_passes() -> None:
    made, seconds = timed(lambda: 3)
    assert made == 3
    assert seconds >= 0


def test_tfidf_has_a_weight_for_each_feature_and_class(
    asked: AskedClasses, text: TextSource
) -> None:
    tfidf = TfidfLinear(text=text)
    cost = cost_of(tfidf, asked)
    features = tfidf.features(asked.snapshot(asked.test.users_B)).shape[1]
    assert cost.weights == 3 * features + 3
    # Vectors of 256 directions, two bytes each.
    assert cost.bytes_per_user == 512


def test_mean_vectors_have_those_of_all_words(asked: AskedClasses, text: TextSource) -> None:
    config = BowVectorsConfig(
        vectors=InitialVectorsConfig(dim=8), linear_strengths=(0.01,), rbf_strengths=(),
    )  # fmt: skip
    bow = BowVectors(config, text)
    cost = cost_of(bow, asked)
    assert cost.weights == 8 * len(bow.vocabulary) + head_weights(8, 3)
    assert cost.bytes_per_user == 16


def test_a_network_counts_all_that_it_learns_and_keeps_no_vector(
    asked: AskedClasses, text: TextSource
) -> None:
    mlp = WideMLP(WideMLPConfig(width=4, training=SHORT), text)
    cost = cost_of(mlp, asked)
    # Each word's row of the wide layer, which has no bias; 3 classes of 4 and 3 biases.
    assert cost.weights == 4 * len(mlp.vocabulary) + 3 * 4 + 3
    assert cost.bytes_per_user is None
    assert cost.settings == 1


def test_graph_encoders_without_pretraining_are_measured_too(
    asked: AskedClasses, text: TextSource, plan_of: PlanOf
) -> None:
    from habitus.runs.class_experiment import text_comparisons

    [sets] = text_comparisons(("deep_sets",), text, plan_of(fine_tune=True).tuning)
    assert isinstance(sets, DeepSets)
    assert cost_of(sets, asked).settings == 1


def test_a_frozen_encoder_counts_itself_and_the_probe(asked: AskedClasses, plan_of: PlanOf) -> None:
    plan = plan_of()
    model = trained_rows(plan.experiment(plan.run), plan.run).models[0]
    cost = frozen_cost("ours", model, 7.5, asked)
    weights = sum(p.numel() for p in model.encoder.parameters())
    assert cost.weights == weights + 3 * 33  # 32 dimensions and a bias
    assert (cost.before, cost.settings, cost.bytes_per_user) == (7.5, 8, 64)
    tuned = tuned_cost("tuned", model, 7.5, asked, SHORT)
    assert tuned.weights == cost.weights
    assert (tuned.before, tuned.settings, tuned.bytes_per_user) == (7.5, 1, None)
