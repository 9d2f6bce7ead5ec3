"""A model directory gives back the same vectors bit by bit, or says what is wrong with it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import habitus
from habitus.config import digest_of
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.encoders import ENCODERS
from habitus.errors import DataError, UsageError
from habitus.representations.model import ENCODINGS, Model, describe_files, load
from tests.small import CUTOFF, after, small_events, small_run, small_traces

FILES = {
    "README.md",
    "config.json",
    "fitted/channels.json",
    "fitted/sequence.json",
    "fitted/values.parquet",
    "manifest.json",
    "model.safetensors",
}


@pytest.fixture
def snapshot(traces: Traces) -> Snapshot:
    return Snapshot(traces, CUTOFF)


@pytest.fixture
def path(model: Model) -> Path:
    assert model.path is not None
    return model.path


def change_manifest(path: Path, **values: Any) -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**manifest, **values}))


def test_a_loaded_model_gives_the_same_vectors_bit_by_bit(
    model: Model, path: Path, snapshot: Snapshot
) -> None:
    z_UD = model.encode(snapshot)
    again = load(path)
    assert z_UD.dtype == np.float32
    assert z_UD.shape == (30, again.representation_dim)
    assert again.encode(snapshot).tobytes() == z_UD.tobytes()
    assert again.represent(snapshot).tobytes() == z_UD.tobytes()
    assert again.about == model.about
    assert again.digest == model.digest


def test_it_is_the_public_way_in(path: Path, snapshot: Snapshot, model: Model) -> None:
    assert habitus.load(path).encode(snapshot).tobytes() == model.encode(snapshot).tobytes()


def test_a_model_directory_holds_weights_and_json_and_nothing_that_runs_code(path: Path) -> None:
    files = {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()}
    assert files == FILES
    for name in files:
        start = (path / name).read_bytes()[:2]
        # A pickle of protocol 2 or later begins with 0x80, a zip (of pickles) with PK.
        assert start[:1] != b"\x80"
        assert start != b"PK"
    assert json.loads((path / "config.json").read_text())["about"]["run"]["preset"] == "small"
    assert (path / "README.md").read_text() == "# A card\n"


def test_no_user_id_is_anywhere_in_it(path: Path, traces: Traces) -> None:
    content = b"".join(p.read_bytes() for p in path.rglob("*") if p.is_file())
    assert not [user for user in traces.user_ids.to_pylist() if user.encode() in content]
    assert b"item-0-0" in (path / "fitted/values.parquet").read_bytes()


@pytest.mark.parametrize("name", sorted(FILES - {"README.md", "manifest.json"}))
def test_a_changed_byte_is_told(name: str, path: Path) -> None:
    data = bytearray((path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (path / name).write_bytes(bytes(data))
    with pytest.raises(DataError, match=f"{name} is not what its manifest describes"):
        load(path)


@pytest.mark.parametrize("name", sorted(FILES - {"README.md", "manifest.json"}))
def test_a_missing_or_truncated_file_is_told(name: str, path: Path) -> None:
    data = (path / name).read_bytes()
    (path / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match="truncated or changed"):
        load(path)
    (path / name).unlink()
    with pytest.raises(DataError, match=f"{name} is missing"):
        load(path)


def test_a_truncated_manifest_is_told(path: Path) -> None:
    text = (path / "manifest.json").read_text()
    (path / "manifest.json").write_text(text[: len(text) // 2])
    with pytest.raises(DataError, match="cannot be read"):
        load(path)
    (path / "manifest.json").write_text("[1]")
    with pytest.raises(DataError, match="must hold a JSON object, got list"):
        load(path)


@pytest.mark.parametrize("values", [{"files": {}}, {"files": None}, {"digest": "0"}])
def test_a_manifest_that_disagrees_with_itself_is_told(values: dict[str, Any], path: Path) -> None:
    change_manifest(path, **values)
    with pytest.raises(DataError, match=r"manifest\.json is damaged"):
        load(path)


def test_another_format_is_told(path: Path) -> None:
    change_manifest(path, format=99)
    with pytest.raises(DataError, match="has format 99, this version reads 1"):
        load(path)


def test_a_place_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no model directory"):
        load(tmp_path)
    with pytest.raises(DataError, match="is no model directory"):
        load(tmp_path / "nowhere")


def test_weights_that_do_not_fit_the_config_are_told(path: Path) -> None:
    config = json.loads((path / "config.json").read_text())
    config["encoder"]["config"]["hidden"] = 17
    (path / "config.json").write_text(json.dumps(config))
    files = describe_files(path)
    change_manifest(path, files=files, digest=digest_of(files))
    with pytest.raises(DataError, match=r"the weights of .* cannot be read"):
        load(path)


def test_the_digest_ignores_the_card_and_follows_everything_else(
    model: Model, path: Path, traces: Traces, tmp_path: Path
) -> None:
    (path / "README.md").write_text("# Written by a person\n")
    assert load(path).digest == model.digest
    same, _ = small_run().build(traces)
    assert same.save(tmp_path / "same", card="another card") == model.digest
    other, _ = small_run(seed=1).build(traces)
    assert other.save(tmp_path / "other", card="# A card\n") != model.digest


def test_a_model_that_was_never_saved_has_no_digest(traces: Traces) -> None:
    model, _ = small_run().build(traces)
    assert model.digest is None
    assert model.path is None


def test_the_digest_is_that_of_the_weights_in_memory_not_of_the_place(
    model: Model, path: Path, traces: Traces
) -> None:
    opened, digest = load(path), model.digest
    other, _ = small_run(seed=1).build(traces)
    other.save(path, card="", overwrite=True)
    assert opened.digest == digest
    assert other.digest != digest
    shutil.rmtree(path)
    assert opened.digest == digest


def test_a_model_replaces_another_only_when_asked(
    model: Model, path: Path, snapshot: Snapshot, traces: Traces
) -> None:
    other, _ = small_run(seed=1).build(traces)
    with pytest.raises(UsageError, match="exists: choose another place"):
        other.save(path, card="")
    assert load(path).digest == model.digest
    # What an interrupted save left beside the place is no hindrance and does not get in.
    rest = path.with_name(path.name + ".part")
    rest.mkdir()
    (rest / "old.txt").write_text("old")
    other.save(path, card="", overwrite=True)
    assert load(path).encode(snapshot).tobytes() == other.encode(snapshot).tobytes()
    assert not rest.exists()
    assert not (path / "old.txt").exists()


def test_a_vector_is_its_users_own(model: Model, traces: Traces) -> None:
    z_UD = model.encode(Snapshot(traces, CUTOFF))
    rows = np.array([7, 29, 0, 13])
    np.testing.assert_allclose(model.encode(Snapshot(traces, CUTOFF, rows)), z_UD[rows], atol=1e-5)
    np.testing.assert_allclose(
        model.encode(Snapshot(traces, CUTOFF, rows[:1])), z_UD[7:8], atol=1e-5
    )
    empty = Snapshot(traces, CUTOFF).lengths_U == 0
    assert empty.any()
    no_events = model.encoder.state_dict()["no_events"].numpy()
    assert (z_UD[empty] == no_events).all()


def test_vectors_are_the_same_bits_whatever_happens_after_the_cutoff(
    model: Model, snapshot: Snapshot, tmp_path: Path
) -> None:
    world = after(small_events(), CUTOFF, service="shop-9", item_id="item-0-0", price=1e6)
    changed = Snapshot(small_traces(tmp_path / "changed", world), CUTOFF)
    assert changed.traces.num_events > snapshot.traces.num_events
    assert model.encode(changed).tobytes() == model.encode(snapshot).tobytes()
    later = "2020-03-20"
    assert model.encode(Snapshot(changed.traces, later)).tobytes() != (
        model.encode(Snapshot(snapshot.traces, later)).tobytes()
    )


def test_encoding_tells_its_progress_and_leaves_the_mode_as_it_was(
    model: Model, snapshot: Snapshot
) -> None:
    seen: list[tuple[int, int]] = []
    model.encoder.train()
    z_UD = model.encode(snapshot, lambda done, total: seen.append((done, total)))
    assert model.encoder.training
    # Dropout was off all the same.
    assert z_UD.tobytes() == load(model.path or "").encode(snapshot).tobytes()
    assert [total for _, total in seen] == [30] * len(seen)
    assert seen[-1] == (30, 30)
    done = [d for d, _ in seen]
    assert done == sorted(done)
    assert len(done) > 2


def test_encoding_leaves_no_trace_in_gradients_and_chance(model: Model, snapshot: Snapshot) -> None:
    state = torch.get_rng_state()
    model.encode(snapshot)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is None for p in model.encoder.parameters())


def test_every_encoder_has_an_encoding_and_the_other_way_round() -> None:
    assert set(ENCODINGS) == set(ENCODERS)


def test_traces_in_the_place_of_a_model_are_called_so(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "users.parquet").touch()
    with pytest.raises(DataError, match="no model: were two swapped"):
        load(tmp_path)
