"""Slots of users, service by service, are what the model's vector is made of."""

from pathlib import Path

import numpy as np
import pytest
import torch

from habitus.data.byte_bpe import ByteBPEConfig
from habitus.data.item_batches import ItemTextEncoding
from habitus.data.item_sequence import ItemSequenceConfig
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.encoders.item_text import ItemTextEncoder
from habitus.encoders.item_text_config import ItemTextEncoderConfig
from habitus.errors import UsageError
from habitus.representations.model import Model
from habitus.runs.clue_slots import item_parts, services_of, slots_of
from habitus.testing.hand_made import write_traces
from tests.small import small_run, small_traces

DAY = 86_400


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    """Ann on both services, Bob on one, Cem on none, Dee on both after the others."""
    rows = {
        "ann": [("red tea", "food"), ("blue cup", "home"), ("green tea", "food")],
        "bob": [("blue cup", "home")],
        "cem": [],
        "dee": [("black tea", "food"), ("old pot", "home")],
    }
    events = {
        user: [
            {"time": (t + 1) * DAY, "text": text, "service": service}
            for t, (text, service) in enumerate(found)
        ]
        for user, found in rows.items()
    }
    folder = tmp_path_factory.mktemp("shops") / "traces"
    return write_traces(folder, events, {"text": "text", "service": "category"})


@pytest.fixture(scope="module")
def model(shops: Traces) -> Model:
    everybody = Snapshot(shops, None)
    config = ItemSequenceConfig(token_budget=8)
    encoding = ItemTextEncoding.fit(everybody, ByteBPEConfig(vocab_size=300), config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = ItemTextEncoder(
            ItemTextEncoderConfig(
                vocab_size=encoding.bpe.num_tokens,
                num_services=encoding.num_slots,
                width=8,
                item_layers=1,
                service_layers=1,
                num_heads=2,
            )
        )
    return Model(encoder, encoding)


def test_slots_side_by_side_are_the_users_vector(model: Model, shops: Traces) -> None:
    snapshot = Snapshot(shops, None)
    z_UKE, present_UK = slots_of(model, snapshot)
    assert services_of(model) == ("food", "home", None)
    # Users stand in the order of their ids: ann, bob, cem, dee.
    assert present_UK.tolist() == [[True, True, False], [False, True, False], [False] * 3,
                                   [True, True, False]]  # fmt: skip
    z_UD = model.encode(snapshot)
    some_U = present_UK.any(1)
    np.testing.assert_array_equal(z_UKE.reshape(4, -1)[some_U], z_UD[some_U])
    assert not z_UKE[~present_UK].any()
    # The vector of a user without items is learned, and none of a service.
    assert z_UD[2].any()


def test_a_slot_knows_nothing_of_another_service_or_user(model: Model, shops: Traces) -> None:
    z_UKE, _ = slots_of(model, Snapshot(shops, None))
    np.testing.assert_allclose(z_UKE[1, 1], z_UKE[0, 1], rtol=1e-5)
    alone_1KE, _ = slots_of(model, Snapshot(shops, None, np.array([3])))
    np.testing.assert_allclose(alone_1KE[0], z_UKE[3], rtol=1e-5)
    assert np.abs(z_UKE[3, 0] - z_UKE[0, 0]).max() > 1e-3


def test_nothing_after_the_cutoff_is_read(model: Model, shops: Traces) -> None:
    # On the second day all have only their first event behind them.
    _, present_UK = slots_of(model, Snapshot(shops, 2 * DAY))
    assert present_UK.tolist() == [[True, False, False], [False, True, False], [False] * 3,
                                   [True, False, False]]  # fmt: skip


def test_the_encoder_is_left_in_its_mode(model: Model, shops: Traces) -> None:
    encoder, _ = item_parts(model)
    encoder.train()
    slots_of(model, Snapshot(shops, None))
    assert encoder.training
    encoder.eval()


def test_a_model_without_item_texts_is_refused(tmp_path: Path) -> None:
    traces = small_traces(tmp_path / "traces")
    other, _ = small_run().build(traces)
    with pytest.raises(UsageError, match="habitus pretrain --run clue"):
        slots_of(other, Snapshot(traces, None))
