"""Rows of the honest table that are encoders: pre-trained, untrained, and warm start only.

Vectors are kept in steps, so that an interrupted encoding goes on.

Shapes: U users, D representation width.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from habitus.config import digest_of
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows, Traces
from habitus.evaluation.features import Group, Method, encoder_method, over_seeds
from habitus.representations.encode import EncodeConfig, encode
from habitus.representations.model import Model, Vectors
from habitus.runs.base import Run
from habitus.runs.steps import Json, Steps

ENCODERS: dict[str, tuple[str, Group, str]] = {
    "untrained": (
        "untrained encoder",
        "control",
        "The same encoder with its first, random weights.",
    ),
    "warm_start": (
        "warm start only",
        "control",
        "The same encoder with embeddings from latent semantic analysis, not yet trained.",
    ),
    "ours": ("habitus", "ours", "The pre-trained encoder's vector."),
}
"""Name → label, group and description of the rows that are encoders."""


@dataclass(frozen=True, kw_only=True)
class ModelRows:
    """Trained models of one run, one for each pre-training seed, and where vectors are kept."""

    traces: Traces
    steps: Steps
    models: Sequence[Model]
    runs: Sequence[Run]
    """The run of each model; none where a model was made by somebody else."""
    work: Path | None = None
    """Where runs keep what they make of the traces."""
    name: str = "ours"
    """The row of the trained models."""
    row: tuple[str, Group, str] = ENCODERS["ours"]
    """Its label, group and description."""
    why_no_runs: str | None = None
    """Why there are no runs, to follow "what pre-training adds is left out: "."""

    def ours(self) -> Method:
        """Return the row of the trained models; it notes why it has no controls beside it."""
        method = self._over_seeds(self.name, self.row, self.models)
        if self.runs or self.why_no_runs is None:
            return method
        return replace(method, notes=(f"what pre-training adds is left out: {self.why_no_runs}",))

    def controls(self) -> list[Method]:
        """Return the rows of the same encoders before training: untrained, and warm.

        There are none without runs; :meth:`ours` says why.
        """
        if not self.runs:
            return []
        encoders = {"untrained": [run.build(self.traces, self.work)[0] for run in self.runs]}
        if self.runs[0].begins_warm:
            encoders["warm_start"] = [run.begin(self.traces, self.work)[0] for run in self.runs]
        return [self._over_seeds(name, ENCODERS[name], made) for name, made in encoders.items()]

    def unkept(self) -> Method:
        """Return ours without kept vectors: a canary that reads old ones could not fail."""
        model = self.models[0]
        label, group, description = self.row
        return encoder_method(self.name, label, group, description, model, str(model.digest))

    def encoding_entry(self) -> Json:
        """Return what encoding cost, from the buckets of every cutoff."""
        model = self.models[0]
        files = sorted(self.steps.root.glob("vectors-*/vectors/manifest.json"))
        manifests = [json.loads(file.read_text()) for file in files]
        mine = [m for m in manifests if m["model_digest"] == model.digest]
        count, seconds = sum(m["num_users"] for m in mine), sum(m["seconds"] for m in mine)
        return {
            "users_per_second": count / seconds if seconds else None,
            "bytes_per_user": model.representation_dim * 2,
            "representation_dim": model.representation_dim,
            "num_representations": count,
            "seconds": seconds,
        }

    def _over_seeds(
        self, name: str, row: tuple[str, Group, str], models: Sequence[Model]
    ) -> Method:
        label, group, description = row
        methods = []
        for place, model in enumerate(models):
            untold = [name, self.runs[place].to_dict() if self.runs else place, self.traces.digest]
            key = model.digest or digest_of(untold)
            kept = _Kept(self.steps, model, key)
            methods.append(encoder_method(name, label, group, description, kept, key))
        return over_seeds(methods)


def map_entry(model: Model, snapshot: Snapshot, colors: dict[str, Any]) -> Json:
    """Return the representations of a snapshot on two principal components; no ids.

    Args:
        model: whose representations.
        snapshot: users with an event before the cutoff.
        colors: name → a value for each user.
    """
    from sklearn.decomposition import PCA

    z_UD = model.encode(snapshot)
    z_UD = (z_UD - z_UD.mean(0)) / (z_UD.std(0) + 1e-6)
    components = PCA(2, random_state=0).fit(z_UD)
    point_U2 = components.transform(z_UD)
    return {
        "x": np.round(point_U2[:, 0], 3),
        "y": np.round(point_U2[:, 1], 3),
        "colors": {"events before the cutoff": snapshot.lengths_U, **colors},
        "method": "PCA",
        "explained": components.explained_variance_ratio_,
    }


def with_events(snapshot: Snapshot) -> Snapshot:
    """Return the users of a snapshot who have an event in it."""
    users_U: Rows = snapshot.users_U[snapshot.lengths_U > 0]
    return Snapshot(snapshot.traces, snapshot.as_of, users_U)


class _Kept:
    """An encoder whose vectors are kept in steps."""

    def __init__(self, steps: Steps, model: Model, key: str) -> None:
        self.steps, self.model, self.key = steps, model, key

    def encode(self, snapshot: Snapshot) -> Vectors:
        """Return the vectors of the snapshot's users, ``(U, D)``."""
        inputs = {
            "key": self.key,
            "traces": snapshot.traces.digest,
            "as_of": snapshot.as_of,
            "users": digest_of(snapshot.users_U.tolist()),
        }

        def make(folder: Path) -> Json:
            config = EncodeConfig(dtype="float32", bucket_users=512)
            out = folder / "vectors"
            # An untrained encoder has no digest; after an interrupt its key tells it from others.
            made = encode(self.model, snapshot, out, config, identity=self.key)
            return {"num_users": made.manifest.num_users}

        folder, _ = self.steps.run("vectors", inputs, make)
        vectors: Vectors = np.load(folder / "vectors" / "vectors.npy")
        return vectors
