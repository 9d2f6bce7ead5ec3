"""Model directory: a trained encoder with everything that encoding needs; no pickle anywhere.

A model directory holds::

    config.json          encoder, how it was trained, on which data
    model.safetensors    weights of the encoder
    fitted/              vocabulary and the like, fitted on the training snapshot
    README.md            card: data, intended use, limits, results
    manifest.json        size and hash of each file; written last

Shapes: U users, D representation width.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from habitus.config import digest_of
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.encoders import ENCODERS, UserEncoder
from habitus.errors import DataError, UsageError
from habitus.registry import Registry
from habitus.training.device import usable_device

FORMAT = 1
Vectors = npt.NDArray[np.float32]
Progress = Callable[[int, int], None]
"""Gets users done and users in all."""


class Encoding(Protocol):
    """How users of a snapshot become batches of one encoder; fitted state with a folder."""

    def batches(self, snapshot: Snapshot) -> Iterator[tuple[Rows, Any]]:
        """Yield places in the snapshot and their batch."""
        ...

    def save(self, folder: Path) -> None:
        """Write the fitted state."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the fitted state."""
        ...


ENCODINGS = Registry[type[Encoding]](
    "encoding",
    {
        "channel_transformer": "habitus.data.channel_batches:ChannelEncoding",
        "item_text": "habitus.data.item_batches:ItemTextEncoding",
        "text_graph": "habitus.data.text_graph_encoding:TextGraphEncoding",
    },
)
"""How the batches of each encoder are made, by the encoder's name."""


class Model:
    """A trained encoder and its fitted state: what :func:`load` returns.

    Encoding is pure: the same weights and the same history give the same vector, whoever else is
    asked about.
    """

    def __init__(
        self,
        encoder: UserEncoder,
        encoding: Encoding,
        *,
        about: Mapping[str, Any] | None = None,
        path: Path | None = None,
    ) -> None:
        self.encoder = encoder.eval()
        self.encoding = encoding
        self.about = dict(about or {})
        """How the encoder was trained, on which data: plain values."""
        self.path = path
        # Read now: another model may be written to the same place later.
        self._digest = None if path is None else str(read_json(path / "manifest.json")["digest"])

    @property
    def representation_dim(self) -> int:
        """Width of a representation, ``D``."""
        return self.encoder.representation_dim

    @property
    def digest(self) -> str | None:
        """Hash of the model directory; None for a model that was never saved."""
        return self._digest

    def encode(self, snapshot: Snapshot, progress: Progress | None = None) -> Vectors:
        """Return one vector for each user of the snapshot, ``(U, D)`` float32.

        Raises:
            DataError: the traces lack a channel that the encoder reads.
        """
        device = next(self.encoder.parameters()).device
        z_UD = np.empty((snapshot.num_users, self.representation_dim), np.float32)
        done = 0
        was_training = self.encoder.training
        self.encoder.eval()
        with torch.inference_mode():
            for places_B, batch in self.encoding.batches(snapshot):
                z_UD[places_B] = self.encoder(batch.to(device)).z_UD.float().cpu().numpy()
                done += len(places_B)
                if progress is not None:
                    progress(done, snapshot.num_users)
        self.encoder.train(was_training)
        return z_UD

    def represent(self, snapshot: Snapshot) -> Vectors:
        """Return :meth:`encode`'s vectors: a model is a method like any other of an evaluation."""
        return self.encode(snapshot)

    def save(self, path: str | Path, *, card: str, overwrite: bool = False) -> str:
        """Write the model directory and return its digest.

        It is written beside its place and moved there whole, so that a reader never sees a half.

        Raises:
            UsageError: ``path`` exists and ``overwrite`` is False.
        """
        path = Path(path)
        if path.exists() and not overwrite:
            raise UsageError(f"{path} exists: choose another place, or allow it to be overwritten")
        part = path.with_name(path.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        self.encoding.save(part / "fitted")
        encoder = {"name": self.encoder.name, "config": self.encoder.config.to_dict()}
        config = {"format": FORMAT, "encoder": encoder, "about": self.about}
        (part / "config.json").write_text(json.dumps(config, indent=1))
        weights = {n: t.detach().cpu().contiguous() for n, t in self.encoder.state_dict().items()}
        save_file(weights, part / "model.safetensors")
        (part / "README.md").write_text(card)
        files = describe_files(part)
        manifest = {"format": FORMAT, "digest": digest_of(files), "files": files}
        (part / "manifest.json").write_text(json.dumps(manifest, indent=1))
        if path.exists():
            shutil.rmtree(path)
        part.rename(path)
        self.path, self._digest = path, digest_of(files)
        return self._digest


def load(path: str | Path, device: str = "cpu") -> Model:
    """Open a model directory.

    Raises:
        DataError: it is missing, of another format, or a file is not what its manifest says.
        UsageError: no such device.
    """
    path, place = Path(path), usable_device(device)
    if not (path / "manifest.json").is_file():
        raise DataError(f"{path} is no model directory: it has no manifest.json")
    if (path / "users.parquet").is_file():
        raise DataError(f"{path} holds traces or representations, no model: were two swapped?")
    manifest = read_json(path / "manifest.json")
    if manifest.get("format") != FORMAT:
        raise DataError(f"{path} has format {manifest.get('format')}, this version reads {FORMAT}")
    _check_files(path, manifest)
    config = read_json(path / "config.json")
    encoder_type = ENCODERS[config["encoder"]["name"]]
    encoder = encoder_type(encoder_type.config_type.from_dict(config["encoder"]["config"]))
    try:
        encoder.load_state_dict(load_file(path / "model.safetensors"))
    except (SafetensorError, RuntimeError, OSError) as error:
        raise DataError(f"the weights of {path} cannot be read: {error}") from error
    encoding = ENCODINGS[encoder.name].load(path / "fitted")
    return Model(encoder.to(place), encoding, about=config["about"], path=path)


def describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Return size and SHA-256 of each file below a folder, but for the card and the manifest.

    The card may be edited by people; it changes nothing that is computed.
    """
    files = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if name not in ("README.md", "manifest.json"):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            files[name] = {"bytes": path.stat().st_size, "sha256": digest}
    return files


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object; raise :class:`DataError` where there is none."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"{path} must hold a JSON object, got {type(value).__name__}")
    return value


def _check_files(path: Path, manifest: Mapping[str, Any]) -> None:
    files = manifest.get("files")
    if not isinstance(files, dict) or digest_of(files) != manifest.get("digest"):
        raise DataError(f"{path / 'manifest.json'} is damaged: copy the model directory again")
    found = describe_files(path)
    for name, facts in files.items():
        if name not in found:
            raise DataError(f"{path / name} is missing: copy the whole model directory again")
        if found[name] != facts:
            raise DataError(
                f"{path / name} is not what its manifest describes (truncated or changed): "
                f"copy the model directory again"
            )
