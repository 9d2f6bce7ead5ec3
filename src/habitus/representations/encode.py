"""Encode: every user of a snapshot into a representations directory, bucket by bucket.

A representations directory holds::

    vectors.npy      (U, D) float16 or float32
    users.parquet    user_id of each row
    manifest.json    as_of, digests of model and traces, sizes; written last

Buckets of users are pure functions of model and snapshot. Each is written whole, so an interrupted
encoding goes on at the first bucket that is missing.

Shapes: U users, D representation width.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from habitus.config import Config
from habitus.data.columns import USER_ID
from habitus.data.snapshot import Snapshot
from habitus.errors import DataError, UsageError
from habitus.representations.model import Model, Progress, read_json

FORMAT = 1
PARTS = "buckets"


@dataclass(frozen=True, kw_only=True)
class EncodeConfig(Config):
    """How representations are stored."""

    dtype: Literal["float16", "float32"] = "float16"
    bucket_users: int = 4_096
    """Users of one bucket: what an interrupt can lose."""


@dataclass(frozen=True, kw_only=True)
class RepresentationsManifest(Config):
    """What a representations directory says of itself."""

    format: int = FORMAT
    num_users: int
    representation_dim: int
    dtype: str
    as_of: int
    model_digest: str | None
    traces_digest: str
    seconds: float
    """Spent encoding, over all attempts."""


class Representations:
    """Vectors of many users, memory-mapped.

    Raises:
        DataError: the directory is missing, unfinished or damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not all((self.path / name).is_file() for name in ("manifest.json", "vectors.npy")):
            raise DataError(
                f"{self.path} cannot be read as representations: manifest.json or vectors.npy is "
                f"missing; it is something else or unfinished: make them with 'habitus encode'"
            )
        try:
            values = read_json(self.path / "manifest.json")
            if values.get("format") != FORMAT:
                raise DataError(f"format {values.get('format')}, this version reads {FORMAT}")
            self.manifest = RepresentationsManifest.from_dict(values)
            self.z_UD = np.load(self.path / "vectors.npy", mmap_mode="r")
            users = pq.read_table(self.path / "users.parquet")
        except (OSError, ValueError, pa.ArrowException) as error:
            raise DataError(f"{self.path} cannot be read ({error}): encode again") from error
        self.user_ids: pa.StringArray = users[USER_ID].combine_chunks()
        shape = (self.manifest.num_users, self.manifest.representation_dim)
        if self.z_UD.shape != shape or len(self.user_ids) != len(self.z_UD):
            raise DataError(f"{self.path} holds {self.z_UD.shape} vectors: encode again")


def encode(
    model: Model,
    snapshot: Snapshot,
    out: str | Path,
    config: EncodeConfig | None = None,
    progress: Progress | None = None,
    identity: str | None = None,
) -> Representations:
    """Encode every user of a snapshot into ``out``; go on where an earlier attempt stopped.

    Args:
        model: whose vectors.
        snapshot: users and the cutoff of what is read of them.
        out: the representations directory.
        config: how vectors are stored.
        progress: gets users done and users in all after each bucket.
        identity: tells a model that was never saved from others, where the caller knows what made
            it; of no use for a saved one.

    Raises:
        UsageError: ``out`` holds something else, or representations of another model, snapshot or
            config, or of a model that was never saved and has no ``identity`` to tell it from
            another.
    """
    config, out = config or EncodeConfig(), Path(out)
    _check_place(out)
    plan = _plan(model.digest or identity, snapshot, config)
    if plan["model"] is None and (out / "plan.json").exists():
        raise UsageError(f"{out} exists and the model was never saved: save it, or remove {out}")
    parts = out / PARTS
    if (out / "manifest.json").is_file():
        _check_plan(read_json(out / "plan.json"), plan, out)
        return Representations(out)
    parts.mkdir(parents=True, exist_ok=True)
    if (out / "plan.json").is_file():
        _check_plan(read_json(out / "plan.json"), plan, out)
    else:
        write_atomically(out / "plan.json", json.dumps(plan, indent=1).encode())
    seconds = _encode_buckets(model, snapshot, parts, config, progress)
    _join(model, snapshot, out, config, seconds)
    return Representations(out)


def _check_place(out: Path) -> None:
    """Refuse a place where something else stands."""
    names = {path.name for path in out.iterdir()} if out.is_dir() else set()
    # An attempt may have been interrupted before it had written its plan.
    begun = "plan.json" in names or names <= {PARTS, "plan.json.part"}
    if (out.exists() and not out.is_dir()) or not begun:
        raise UsageError(f"{out} holds something else than representations: choose another place")


def _encode_buckets(
    model: Model,
    snapshot: Snapshot,
    parts: Path,
    config: EncodeConfig,
    progress: Progress | None,
) -> float:
    """Encode the buckets that are not there yet, and return the seconds of all of them."""
    seconds = 0.0
    for bucket, start in enumerate(range(0, snapshot.num_users, config.bucket_users)):
        path = parts / f"{bucket:06d}.npy"
        users_U = snapshot.users_U[start : start + config.bucket_users]
        if not path.is_file():
            began = time.perf_counter()
            as_of = snapshot.as_of
            z_UD = model.encode(Snapshot(snapshot.traces, as_of, users_U)).astype(config.dtype)
            _save_array(path, z_UD)
            took = time.perf_counter() - began
            write_atomically(path.with_suffix(".seconds"), repr(took).encode())
        times = path.with_suffix(".seconds")
        seconds += float(times.read_text()) if times.is_file() else 0.0
        if progress is not None:
            progress(start + len(users_U), snapshot.num_users)
    return seconds


def _join(
    model: Model, snapshot: Snapshot, out: Path, config: EncodeConfig, seconds: float
) -> None:
    paths = sorted((out / PARTS).glob("*.npy"))
    shape = (snapshot.num_users, model.representation_dim)
    vectors = np.lib.format.open_memmap(
        out / "vectors.npy", mode="w+", dtype=np.dtype(config.dtype), shape=shape
    )
    start = 0
    for path in paths:
        part = np.load(path)
        vectors[start : start + len(part)] = part
        start += len(part)
    vectors.flush()
    pq.write_table(pa.table({USER_ID: snapshot.user_ids}), out / "users.parquet")
    manifest = RepresentationsManifest(
        num_users=snapshot.num_users,
        representation_dim=model.representation_dim,
        dtype=config.dtype,
        as_of=snapshot.as_of,
        model_digest=model.digest,
        traces_digest=snapshot.traces.digest,
        seconds=seconds,
    )
    write_atomically(out / "manifest.json", json.dumps(manifest.to_dict(), indent=1).encode())
    for path in (out / PARTS).iterdir():
        path.unlink()
    (out / PARTS).rmdir()


def _plan(model: str | None, snapshot: Snapshot, config: EncodeConfig) -> dict[str, Any]:
    return {
        "model": model,
        "traces": snapshot.traces.digest,
        "as_of": snapshot.as_of,
        "users": _hash_rows(snapshot.users_U),
        "config": config.to_dict(),
    }


def _hash_rows(users_U: npt.NDArray[np.int64]) -> str:
    import hashlib

    return hashlib.sha256(np.ascontiguousarray(users_U).tobytes()).hexdigest()[:16]


def _check_plan(found: dict[str, Any], wanted: dict[str, Any], out: Path) -> None:
    different = [key for key in wanted if found.get(key) != wanted[key]]
    if different:
        raise UsageError(
            f"{out} holds representations made with another {', '.join(different)}: choose another "
            f"place or remove it"
        )


def _save_array(path: Path, array: npt.NDArray[Any]) -> None:
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.save(file, array)
    part.replace(path)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a small file so that it is there whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
