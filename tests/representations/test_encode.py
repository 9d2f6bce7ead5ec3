"""A representations directory is finished in any number of attempts, to the same bits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot, parse_time
from habitus.data.traces import Traces
from habitus.errors import DataError, UsageError
from habitus.representations.encode import (
    EncodeConfig,
    Representations,
    encode,
    write_atomically,
)
from habitus.representations.model import Model, Vectors, load
from tests.small import CUTOFF, after, small_events, small_run, small_traces

CONFIG = EncodeConfig(dtype="float32", bucket_users=8)
"""Thirty users in buckets of 8, 8, 8 and 6."""


@pytest.fixture
def snapshot(traces: Traces) -> Snapshot:
    return Snapshot(traces, CUTOFF)


@pytest.fixture
def counted(model: Model, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of users of each bucket that is encoded."""
    sizes: list[int] = []
    real: Callable[[Snapshot], Vectors] = model.encode

    def counting(snapshot: Snapshot) -> Vectors:
        sizes.append(snapshot.num_users)
        return real(snapshot)

    monkeypatch.setattr(model, "encode", counting)
    return sizes


class Stopped(BaseException):
    """Something that ends the process between two buckets."""


def stop_after(buckets: int) -> Callable[[int, int], None]:
    seen = []

    def progress(*now: int) -> None:
        seen.append(now)
        if len(seen) == buckets:
            raise Stopped

    return progress


def test_it_holds_the_vectors_of_the_model_in_the_order_of_the_snapshot(
    model: Model, traces: Traces, tmp_path: Path
) -> None:
    rows = np.random.default_rng(0).permutation(30)[:20]
    snapshot = Snapshot(traces, CUTOFF, rows)
    made = encode(model, snapshot, tmp_path / "z", CONFIG)
    assert made.user_ids.to_pylist() == [f"user-{row:02d}" for row in rows]
    np.testing.assert_allclose(made.z_UD, model.encode(snapshot), atol=1e-5)
    manifest = made.manifest
    assert (manifest.num_users, manifest.representation_dim) == (20, 8)
    assert manifest.as_of == parse_time(CUTOFF)
    assert manifest.model_digest == model.digest
    assert manifest.traces_digest == traces.digest
    assert manifest.seconds > 0
    files = sorted(p.name for p in (tmp_path / "z").iterdir())
    assert files == ["manifest.json", "plan.json", "users.parquet", "vectors.npy"]


def test_half_precision_is_the_rounded_vector_in_half_the_bytes(
    model: Model, snapshot: Snapshot, tmp_path: Path
) -> None:
    half = encode(model, snapshot, tmp_path / "half").z_UD
    whole = encode(model, snapshot, tmp_path / "whole", EncodeConfig(dtype="float32")).z_UD
    assert half.dtype == np.float16
    np.testing.assert_array_equal(half, whole.astype(np.float16))
    assert half.nbytes * 2 == whole.nbytes


def test_a_finished_directory_is_opened_and_not_made_again(
    model: Model, snapshot: Snapshot, tmp_path: Path, counted: list[int]
) -> None:
    first = encode(model, snapshot, tmp_path / "z", CONFIG)
    assert counted == [8, 8, 8, 6]
    second = encode(model, snapshot, tmp_path / "z", CONFIG)
    assert counted == [8, 8, 8, 6]
    assert second.z_UD.tobytes() == first.z_UD.tobytes()
    assert second.manifest == first.manifest


@pytest.mark.parametrize("buckets", [1, 3, 4])
def test_an_interrupted_encoding_goes_on_at_the_first_bucket_that_is_missing(
    buckets: int, model: Model, snapshot: Snapshot, tmp_path: Path, counted: list[int]
) -> None:
    with pytest.raises(Stopped):
        encode(model, snapshot, tmp_path / "z", CONFIG, stop_after(buckets))
    with pytest.raises(DataError, match=r"manifest\.json or vectors\.npy is missing"):
        Representations(tmp_path / "z")
    assert counted == [8, 8, 8, 6][:buckets]
    counted.clear()
    # Half a bucket that was being written is not a bucket.
    (tmp_path / "z/buckets/000003.part").write_bytes(b"half")
    made = encode(model, snapshot, tmp_path / "z", CONFIG)
    assert counted == [8, 8, 8, 6][buckets:]
    whole = encode(model, snapshot, tmp_path / "whole", CONFIG)
    assert made.z_UD.tobytes() == whole.z_UD.tobytes()
    assert made.user_ids.equals(whole.user_ids)
    assert not (tmp_path / "z/buckets").exists()


def test_buckets_may_be_lost_in_the_middle_and_a_manifest_at_the_end(
    model: Model, snapshot: Snapshot, tmp_path: Path, counted: list[int]
) -> None:
    with pytest.raises(Stopped):
        encode(model, snapshot, tmp_path / "z", CONFIG, stop_after(4))
    (tmp_path / "z/buckets/000001.npy").unlink()
    (tmp_path / "z/buckets/000002.seconds").unlink()
    counted.clear()
    made = encode(model, snapshot, tmp_path / "z", CONFIG)
    assert counted == [8]
    bits = made.z_UD.tobytes()
    (tmp_path / "z/manifest.json").unlink()
    assert encode(model, snapshot, tmp_path / "z", CONFIG).z_UD.tobytes() == bits
    assert counted == [8, 8, 8, 8, 6]


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("what", ["model", "as_of", "users", "config", "traces"])
def test_another_encoding_in_the_same_place_is_refused(
    what: str, finished: bool, model: Model, snapshot: Snapshot, tmp_path: Path
) -> None:
    if finished:
        encode(model, snapshot, tmp_path / "z", CONFIG)
    else:
        with pytest.raises(Stopped):
            encode(model, snapshot, tmp_path / "z", CONFIG, stop_after(1))
    config = CONFIG
    if what == "model":
        model, _ = small_run(seed=1).build(snapshot.traces)
        model.save(tmp_path / "other", card="")
    elif what == "as_of":
        snapshot = Snapshot(snapshot.traces, "2020-02-28")
    elif what == "users":
        snapshot = Snapshot(snapshot.traces, CUTOFF, snapshot.users_U[::-1])
    elif what == "traces":
        world = after(small_events(), CUTOFF, price=1.0)
        snapshot = Snapshot(small_traces(tmp_path / "t", world), CUTOFF)
    else:
        config = EncodeConfig(dtype="float16", bucket_users=8)
    with pytest.raises(UsageError, match=f"made with another {what}"):
        encode(model, snapshot, tmp_path / "z", config)


def test_a_model_that_was_never_saved_makes_everything_at_once_or_not_at_all(
    traces: Traces, snapshot: Snapshot, tmp_path: Path
) -> None:
    # It has no digest, so its buckets could not be told from those of another model.
    one, _ = small_run().build(traces)
    other, _ = small_run(seed=1).build(traces)
    encode(one, snapshot, tmp_path / "z", CONFIG)
    with pytest.raises(UsageError, match="was never saved"):
        encode(other, snapshot, tmp_path / "z", CONFIG)


def test_a_loaded_model_goes_on_where_the_one_that_was_saved_stopped(
    model: Model, snapshot: Snapshot, tmp_path: Path
) -> None:
    with pytest.raises(Stopped):
        encode(model, snapshot, tmp_path / "z", CONFIG, stop_after(2))
    assert model.path is not None
    made = encode(load(model.path), snapshot, tmp_path / "z", CONFIG)
    whole = encode(model, snapshot, tmp_path / "whole", CONFIG)
    assert made.z_UD.tobytes() == whole.z_UD.tobytes()


def test_progress_counts_users(model: Model, snapshot: Snapshot, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    encode(model, snapshot, tmp_path / "z", CONFIG, lambda *now: seen.append(now))
    assert seen == [(8, 30), (16, 30), (24, 30), (30, 30)]


def test_nobody_is_an_empty_directory(model: Model, traces: Traces, tmp_path: Path) -> None:
    nobody = Snapshot(traces, CUTOFF, np.array([], np.int64))
    made = encode(model, nobody, tmp_path / "z", CONFIG)
    assert made.z_UD.shape == (0, 8)
    assert len(made.user_ids) == 0


def test_what_happens_after_the_cutoff_changes_no_bit(
    model: Model, snapshot: Snapshot, tmp_path: Path
) -> None:
    world = after(small_events(), CUTOFF, service="shop-9", price=1e6)
    changed = Snapshot(small_traces(tmp_path / "t", world), CUTOFF)
    here = encode(model, snapshot, tmp_path / "here")
    there = encode(model, changed, tmp_path / "there")
    assert here.z_UD.tobytes() == there.z_UD.tobytes()


@pytest.mark.parametrize("name", ["manifest.json", "vectors.npy", "users.parquet"])
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_damaged_directory_is_told(
    name: str, damage: str, model: Model, snapshot: Snapshot, tmp_path: Path
) -> None:
    encode(model, snapshot, tmp_path / "z", CONFIG)
    file = tmp_path / "z" / name
    data = file.read_bytes()
    file.unlink() if damage == "missing" else file.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match="cannot be read"):
        Representations(tmp_path / "z")


@pytest.mark.parametrize(
    "values", [{"format": 2}, {"num_users": 29}, {"representation_dim": 9}, {"extra": 1}]
)
def test_a_manifest_that_describes_something_else_is_told(
    values: dict[str, Any], model: Model, snapshot: Snapshot, tmp_path: Path
) -> None:
    encode(model, snapshot, tmp_path / "z", CONFIG)
    file = tmp_path / "z/manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))
    with pytest.raises(DataError, match="encode again"):
        Representations(tmp_path / "z")


def test_a_small_file_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "done.json"
    write_atomically(file, b"old")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(file, b"new")
    assert file.read_text() == "old"
    monkeypatch.undo()
    write_atomically(file, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["done.json"]


def test_a_model_that_was_never_saved_goes_on_under_the_identity_that_its_maker_gives(
    traces: Traces, snapshot: Snapshot, tmp_path: Path
) -> None:
    unsaved, _ = small_run().build(traces)
    assert unsaved.digest is None
    with pytest.raises(Stopped):
        encode(unsaved, snapshot, tmp_path / "z", CONFIG, stop_after(1), identity="seed 0")
    with pytest.raises(UsageError, match="another model"):
        encode(unsaved, snapshot, tmp_path / "z", CONFIG, identity="seed 1")
    with pytest.raises(UsageError, match="never saved"):
        encode(unsaved, snapshot, tmp_path / "z", CONFIG)
    made = encode(unsaved, snapshot, tmp_path / "z", CONFIG, identity="seed 0")
    whole = encode(unsaved, snapshot, tmp_path / "whole", CONFIG)
    assert made.z_UD.tobytes() == whole.z_UD.tobytes()
    assert made.manifest.model_digest is None


def test_a_place_where_something_else_stands_is_left_alone(
    model: Model, snapshot: Snapshot, tmp_path: Path
) -> None:
    (tmp_path / "note").write_text("mine")
    for out in (tmp_path, tmp_path / "note"):
        with pytest.raises(UsageError, match="holds something else than representations"):
            encode(model, snapshot, out, CONFIG)
    with pytest.raises(DataError, match=r"vectors\.npy is missing; it is something else"):
        Representations(tmp_path)
    # An attempt that was interrupted before it had said what it is.
    (tmp_path / "z/buckets").mkdir(parents=True)
    assert encode(model, snapshot, tmp_path / "z", CONFIG).manifest.num_users == snapshot.num_users
