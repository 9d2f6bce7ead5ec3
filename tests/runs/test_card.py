"""The card says what the model knows of itself, and nobody's id."""

import json
from pathlib import Path

import pytest

from habitus.config import override
from habitus.data.traces import Traces
from habitus.reports import model_card
from habitus.reports.formats import count
from habitus.representations.model import Model
from habitus.runs.card import card_info, routers_in_words
from habitus.runs.pretrain import Pretrained, pretrain
from habitus.runs.sizes import size_entries
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


def test_the_card_tells_weights_routers_and_composed_channels(
    traces: Traces, tmp_path: Path
) -> None:
    settings = ["encoder.experts.num_experts=4", "encoder.composed_above=8"]
    made = pretrain(traces, override(small_run(), settings), tmp_path)
    card = model_card(card_info(made.model))
    sizes = size_entries(made.model)
    active, embedding = (count(sizes[f"{kind}_parameters"]) for kind in ("active", "embedding"))
    assert f"- Of them outside of lookup tables, met by one event: {active}\n" in card
    assert f"- Of them in lookup tables: {embedding}\n" in card
    assert "- Composed channels: item\\_id, 12 tokens in 7 rows; gap" in card
    assert "- Routers: 1, the busiest expert at " in card
    assert "dead in the last 1,000 steps" in card


def test_a_dense_encoder_has_no_routers_to_tell_of(model: Model) -> None:
    assert routers_in_words({}) is None
    card = model_card(card_info(model))
    assert "Routers" not in card
    assert "Composed" not in card
