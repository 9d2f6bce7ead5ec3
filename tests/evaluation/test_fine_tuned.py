"""A model fine-tuned on class tasks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from habitus.comparisons import Classifies
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.evaluation.fine_tuned import FineTunedModel, chosen_users
from habitus.probes.fine_tune import FineTuneConfig
from habitus.representations.model import Model
from habitus.runs.channel_wiring import build_channel
from habitus.tasks.classes import ClassAsked
from tests.small import CUTOFF, small_run, small_traces

TRAINING = FineTuneConfig(learning_rates=(1e-2,), weight_decays=(0.0, 1e-5), max_epochs=15)


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return small_traces(tmp_path_factory.mktemp("small") / "traces")


@pytest.fixture
def model(traces: Traces) -> Model:
    return build_channel(traces, small_run())[0]


def taste(traces: Traces) -> tuple[ClassAsked, np.ndarray]:
    """Return which of three tastes a user has, of users with some history."""
    users_U = np.flatnonzero(Snapshot(traces, CUTOFF).lengths_U > 3)
    train, valid, test = users_U[:12], users_U[12:16], users_U[16:]
    asked = ClassAsked(
        task="taste",
        classes=("0", "1", "2"),
        train=Snapshot(traces, CUTOFF, train),
        train_y_B=train % 3,
        valid=Snapshot(traces, CUTOFF, valid),
        valid_y_B=valid % 3,
        test=Snapshot(traces, CUTOFF, test),
    )
    return asked, test % 3


def test_a_model_of_any_encoder_learns_a_task_and_stays_as_it_was(
    traces: Traces, model: Model
) -> None:
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    asked, class_B = taste(traces)
    method = FineTunedModel(model, TRAINING)
    assert isinstance(method, Classifies)
    probability_BC = method.classify(asked, 0)
    assert probability_BC.shape == (len(class_B), 3)
    np.testing.assert_allclose(probability_BC.sum(axis=1), 1)
    assert (probability_BC.argmax(axis=1) == class_B).mean() >= 0.8
    assert len(method.trials) == 2
    for name, value in model.encoder.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_chosen_users_are_those_of_the_whole_snapshot(traces: Traces, model: Model) -> None:
    snapshot = Snapshot(traces, CUTOFF)
    whole = model.encode(snapshot)
    places = np.array([17, 3, 20, 8])
    z_RD = np.full((4, model.representation_dim), np.nan, np.float32)
    with torch.inference_mode():
        for rows, batch in chosen_users(model.encoding, snapshot)(places):
            z_RD[rows] = model.encoder(batch).z_UD
    np.testing.assert_allclose(z_RD, whole[places], atol=1e-5)
