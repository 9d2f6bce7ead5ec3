"""The card says what the model knows of itself, and nobody's id."""

import json

import pytest

from habitus.data.traces import Traces
from habitus.reports import model_card
from habitus.representations.model import Model
from habitus.runs.card import card_info
from habitus.runs.pretrain import Pretrained
from tests.small import small_run


@pytest.fixture
def model(undisturbed: Pretrained) -> Model:
    return undisturbed.model


def test_the_facts_are_those_of_the_model(model: Model, traces: Traces) -> None:
    info = card_info(model)
    assert info["name"] == "channel (small)"
    assert info["encoder"] == "channel_transformer"
    assert info["representation_dim"] == 8
    assert info["parameters"] == sum(t.numel() for t in model.encoder.state_dict().values())
    assert (info["as_of"], info["seed"]) == ("2020-03-01", 0)
    assert info["data"]["digest"] == traces.digest
    assert info["config"] == small_run().to_dict()
    assert {"python", "habitus", "torch", "numpy"} <= set(info["versions"])
    assert json.loads(json.dumps(info)) == json.loads(json.dumps(info, sort_keys=True))


def test_it_renders_without_anybodys_id(model: Model, traces: Traces) -> None:
    card = model_card(card_info(model))
    assert card.startswith("---\nlibrary_name: habitus\n")
    assert "# channel (small)" in card
    assert "Read events before: 2020-03-01" in card
    assert "Users: 30" in card
    assert '"max_steps": 6' in card
    assert not [user for user in traces.user_ids.to_pylist() if user in card]


def test_a_model_that_knows_nothing_of_itself_has_a_card_too(traces: Traces) -> None:
    model, _ = small_run().build(traces)
    bare = Model(model.encoder, model.encoding)
    card = model_card(card_info(bare))
    assert "# encoder (own settings)" in card
