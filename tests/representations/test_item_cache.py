"""The cache of item vectors: what is in it, when it is made anew, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import DataError, UsageError
from habitus.representations.item_cache import ItemCache, behaviours, item_parts, item_vectors
from habitus.representations.model import Model, load
from tests.representations.shops import DAY, WITHOUT_TEXT, item_model, shops
from tests.small import small_run, small_traces


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return shops(tmp_path_factory.mktemp("shops") / "traces")


@pytest.fixture(scope="module")
def model(traces: Traces, tmp_path_factory: pytest.TempPathFactory) -> Model:
    made = item_model(traces, weighted=True)
    made.save(tmp_path_factory.mktemp("model") / "model", card="# A card\n")
    return made


def test_it_holds_each_behaviour_that_anybody_showed_once(traces: Traces, model: Model) -> None:
    _, encoding = item_parts(model)
    texts = encoding.texts_of(traces)
    met = {
        (int(texts.text_D[item]), int(service), int(kind))
        for item, service, kind in zip(
            *(traces.column(name) for name in ("item_id", "service", "kind")), strict=True
        )
        if texts.text_D[item] >= 0
    }
    # Codes are 1 …, places 0 …; kinds and services in the order of their names.
    keys = sorted((text * 3 + service - 1) * 3 + kind - 1 for text, service, kind in met)
    assert behaviours(encoding, traces).tolist() == keys


def test_a_row_is_the_vector_of_its_text(traces: Traces, model: Model) -> None:
    cache = ItemCache.build(model, traces)
    _, encoding = item_parts(model)
    texts = encoding.texts_of(traces)
    for service_place, service in enumerate(encoding.services):
        for kind_place, kind in enumerate(encoding.bpe.kinds):
            codes = np.arange(1, 31)
            h_ND = item_vectors(model, traces, codes, service, kind)
            for code, h_D in zip(codes, h_ND, strict=True):
                key = (int(texts.text_D[code]) * 3 + service_place) * 3 + kind_place
                if key in cache.key_N:
                    row = int(cache.rows_of(np.array([key]))[0])
                    np.testing.assert_allclose(cache.vectors_ND[row], h_D, atol=1e-6)


def test_items_have_vectors_in_the_order_asked_for(traces: Traces, model: Model) -> None:
    codes = np.array([9, WITHOUT_TEXT + 1, 2, 9])
    h_ND = item_vectors(model, traces, codes, "food", "buy")
    assert not h_ND[1].any()
    np.testing.assert_allclose(h_ND[0], h_ND[3], atol=1e-6)
    alone = item_vectors(model, traces, codes[2:3], "food", "buy")
    np.testing.assert_allclose(h_ND[2:3], alone, atol=1e-6)
    # The tokens of service and kind are part of a text; a service never seen is <svc:other>.
    for service, kind in (("home", "buy"), ("food", "look"), ("toys", "buy")):
        other = item_vectors(model, traces, codes[:1], service, kind)
        assert np.abs(other - h_ND[:1]).max() > 1e-3
    toys, games = (item_vectors(model, traces, codes, name) for name in ("toys", "games"))
    np.testing.assert_array_equal(toys, games)


def test_of_a_single_transformer_it_is_the_slot_of_the_item_alone(traces: Traces) -> None:
    model = item_model(traces, single=True)
    h_ND = item_vectors(model, traces, np.array([4, 5]), "food", "buy")
    encoder, encoding = item_parts(model, two=False)
    ((place_B, batch),) = encoding.item_batches(traces, np.array([4, 5]), "food", "buy")
    with torch.inference_mode():
        z_GD = encoder(batch).z_UD[:, : encoder.slot_dim].numpy()
    np.testing.assert_allclose(h_ND[place_B], z_GD, atol=1e-6)
    with pytest.raises(UsageError, match="has no vectors of items: encode from tokens"):
        ItemCache.build(model, traces)


def test_a_folder_is_used_again_until_model_or_texts_change(
    traces: Traces, model: Model, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []

    def build(model: Model, traces: Traces = traces, **options: str) -> ItemCache:
        told.clear()
        return ItemCache.build(
            model,
            traces,
            tmp_path / "cache",
            progress=lambda *done: told.append(done),
            **options,  # type: ignore[arg-type]
        )

    first = build(model)
    assert told[-1] == (len(first.key_N), len(first.key_N))
    assert isinstance(first.vectors_ND, np.memmap)
    np.testing.assert_array_equal(first.vectors_ND, ItemCache.build(model, traces).vectors_ND)
    again = build(model)
    assert told == []
    np.testing.assert_array_equal(first.vectors_ND, again.vectors_ND)
    # Another model, other traces, another type: each is made anew, in the same place.
    other = item_model(traces, width=16, weighted=True)
    other.save(tmp_path / "other", card="# A card\n")
    assert build(other).vectors_ND.shape[1] == 16
    assert told
    elsewhere = shops(tmp_path / "elsewhere", seed=1)
    assert build(model, elsewhere).manifest.texts_digest != first.manifest.texts_digest
    assert told
    assert build(model, dtype="float16").vectors_ND.dtype == np.float16
    assert told
    reloaded = load(tmp_path / "other")
    build(reloaded)
    build(load(tmp_path / "other"))
    assert told == []


def test_what_is_damaged_is_made_anew_and_what_is_no_cache_is_left(
    traces: Traces, model: Model, tmp_path: Path
) -> None:
    folder = tmp_path / "cache"
    ItemCache.build(model, traces, folder)
    (folder / "vectors.npy").write_bytes(b"cut off")
    with pytest.raises(DataError, match=r"vectors.npy is damaged .*build the item cache again"):
        ItemCache.open(folder)
    assert len(ItemCache.build(model, traces, folder).vectors_ND)
    np.save(folder / "keys.npy", np.arange(3))
    with pytest.raises(DataError, match=r"keys.npy has the shape \(3,\)"):
        ItemCache.open(folder)
    values = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**values, "format": 9}))
    with pytest.raises(DataError, match="no item cache of format 1"):
        ItemCache.open(folder)
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "one.jpg").write_bytes(b"x")
    with pytest.raises(UsageError, match="photos holds no item cache"):
        ItemCache.build(model, traces, photos)
    assert (photos / "one.jpg").exists()


def test_models_that_cannot_have_one_are_refused(traces: Traces, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="was never saved"):
        ItemCache.build(item_model(traces), traces, tmp_path / "cache")
    others = small_traces(tmp_path / "small")
    channel, _ = small_run().build(others)
    with pytest.raises(UsageError, match="reads no item texts"):
        item_vectors(channel, others, np.array([1]), "food")


def test_unknown_items_are_named_as_such(traces: Traces, model: Model) -> None:
    cache = ItemCache.build(model, traces)
    with pytest.raises(DataError, match="2 items are not in the cache: build it again"):
        cache.rows_of(np.array([cache.key_N[0], -1, cache.key_N[-1] + 1]))
    assert Snapshot(traces, 60 * DAY).num_users == 40
