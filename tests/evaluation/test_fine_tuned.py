"""A model fine-tuned on class tasks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from habitus.comparisons import Classifies
from habitus.data.snapshot import Snapshot
from habitus.data.text_graph import TextGraphConfig, TextGraphs
from habitus.data.text_graph_encoding import TextGraphEncoding
from habitus.data.traces import Traces
from habitus.data.word_vocabulary import WordVocabulary, WordVocabularyConfig
from habitus.encoders.text_graph import TextGraphEncoder, TextGraphEncoderConfig
from habitus.evaluation.fine_tuned import FineTunedModel, chosen_users
from habitus.probes.fine_tune import ClassNetwork, FineTuneConfig
from habitus.random import torch_generator
from habitus.representations.model import Model
from habitus.runs.channel_wiring import build_channel
from habitus.tasks.classes import ClassAsked
from habitus.training.state import seed_dropout
from tests.comparisons.texts import TEXT, accuracy, planted
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


def text_model(asked: ClassAsked) -> Model:
    """Return a model of text graphs with fresh weights."""
    tokens, words = TEXT.read(asked.train)
    vocabulary = WordVocabulary.fit(tokens, words, WordVocabularyConfig(min_count=1, min_users=2))
    config = TextGraphEncoderConfig(num_words=len(vocabulary), word_dim=8, hidden=16)
    with torch.random.fork_rng(devices=[]):
        seed_dropout(0, torch.device("cpu"))
        encoder = TextGraphEncoder(config)
    return Model(encoder, TextGraphEncoding(vocabulary, TEXT, TextGraphConfig(window=4)))


def test_text_graphs_are_built_once_for_each_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, class_B = planted(tmp_path / "t")
    model = text_model(asked)
    built: list[int] = []
    build = model.encoding.graphs  # type: ignore[attr-defined]

    def counted(snapshot: Snapshot) -> TextGraphs:
        built.extend(snapshot.users_U.tolist())
        graphs: TextGraphs = build(snapshot)
        return graphs

    monkeypatch.setattr(model.encoding, "graphs", counted)
    method = FineTunedModel(model, TRAINING)
    first = method.classify(asked, 0)
    assert accuracy(first, class_B) >= 0.9
    np.testing.assert_array_equal(method.classify(asked, 0), first)
    # 90 users in two trainings of two trials and fifteen epochs
    assert sorted(built) == list(range(90))


def test_a_training_at_a_rate_of_almost_nothing_answers_as_the_encoder_alone(
    tmp_path: Path,
) -> None:
    asked, _ = planted(tmp_path / "t")
    model = text_model(asked)
    still = FineTuneConfig(learning_rates=(1e-12,), weight_decays=(0.0,), max_epochs=1)
    probability_BC = FineTunedModel(model, still).classify(asked, 0)
    head = ClassNetwork(model.encoder, 3, 0.0, torch_generator(0, "fine_tune", "head")).head
    z_BD = torch.from_numpy(model.encode(asked.test))
    expected_BC = head(z_BD).softmax(dim=1).detach().numpy()
    np.testing.assert_allclose(probability_BC, expected_BC, atol=1e-5)
