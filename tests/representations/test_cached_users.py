"""Users from cached items are the users that tokens make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import DataError
from habitus.representations import cached_users
from habitus.representations.cached_users import encode_from_items
from habitus.representations.item_cache import ItemCache
from habitus.tasks.next_item import History
from tests.representations.shops import DAY, everybody, item_model, shops


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return shops(tmp_path_factory.mktemp("shops") / "traces")


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"weighted": True, "out_dim": 6},
        {"ages": True, "missing": "learned"},
        {"item_layers": 0, "service_layers": 0, "positions": "none", "weighted": True},
        {"max_items": 3},
    ],
)
@pytest.mark.parametrize("items_at_once", [5, 2**15])
def test_it_equals_encoding_from_tokens(
    config: dict[str, Any],
    items_at_once: int,
    traces: Traces,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cached_users, "ITEMS_AT_ONCE", items_at_once)
    model = item_model(traces, **config)
    cache = ItemCache.build(model, traces)
    told: list[tuple[int, int]] = []
    # The later cutoff shows events that came after the tokens were fitted.
    for as_of in (20 * DAY, None):
        snapshot = Snapshot(traces, as_of, everybody(traces))
        z_UD = encode_from_items(model, snapshot, cache, lambda *done: told.append(done))
        np.testing.assert_allclose(z_UD, model.encode(snapshot), atol=1e-5)
        assert told[-1] == (40, 40)
    assert not model.encoder.training


def test_a_cutoff_of_each_user_is_kept(traces: Traces) -> None:
    model = item_model(traces)
    users_U = np.array([30, 1, 3])
    stop_U = (traces.offsets_U1[users_U] + traces.offsets_U1[users_U + 1]) // 2
    history = History(traces, users_U, stop_U)
    cache = ItemCache.build(model, traces)
    z_UD = encode_from_items(model, history, cache)
    np.testing.assert_allclose(z_UD, model.encode(history), atol=1e-5)


def test_half_precision_is_near(traces: Traces) -> None:
    model, snapshot = item_model(traces), Snapshot(traces)
    cache = ItemCache.build(model, traces, dtype="float16")
    z_UD = encode_from_items(model, snapshot, cache)
    exact_UD = model.encode(snapshot)
    # Ten bits behind the first: a relative error of 5e-4 in each item.
    assert 0 < np.abs(z_UD - exact_UD).max() < 5e-3


def test_people_without_items_have_the_learned_vector(traces: Traces) -> None:
    model = item_model(traces)
    cache = ItemCache.build(model, traces)
    z_UD = encode_from_items(model, Snapshot(traces, None, np.array([3])), cache)
    np.testing.assert_array_equal(z_UD[0], model.encoder.state_dict()["null_user"].numpy())
    nobody = Snapshot(traces, None, np.zeros(0, np.int64))
    assert encode_from_items(model, nobody, cache).shape == (0, model.representation_dim)


def test_a_cache_of_another_model_or_of_other_traces_is_refused(
    traces: Traces, tmp_path: Path
) -> None:
    model = item_model(traces)
    model.save(tmp_path / "model", card="# A card\n")
    cache = ItemCache.build(model, traces)
    other = item_model(traces, positions="none")
    other.save(tmp_path / "other", card="# A card\n")
    with pytest.raises(DataError, match="of another model or of other traces"):
        encode_from_items(other, Snapshot(traces), cache)
    elsewhere = shops(tmp_path / "elsewhere", seed=1)
    with pytest.raises(DataError, match="of another model or of other traces"):
        encode_from_items(model, Snapshot(elsewhere), cache)
