"""Item cache: the vector of every item text of some traces, made once.

Tokens are nine tenths of the cost of encoding (floors.md E2), and texts repeat from user to user.
A cache holds ``h`` of each distinct behaviour (text, service, kind) of some traces. It is of one
model and of one tokenisation of one set of traces: with another of either it is made anew. It knows
no users and no cutoff, so it serves every snapshot of its traces.

A folder holds::

    manifest.json    of which model and texts, sizes; written last
    keys.npy         (N) ascending: text, service and kind of each behaviour in one number
    vectors.npy      (N, D) float16 or float32
    weights.npy      (N) float32, where the encoder weighs texts

Shapes: N behaviours (also: items asked about), D width, B some of them, S items of slots.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from habitus.config import Config, digest_of
from habitus.data.item_batches import ItemTextEncoding, cut
from habitus.data.item_packing import pack_slots
from habitus.data.item_reader import ItemReader
from habitus.data.item_sequence import NUM_PREFIX, ItemSequenceBatch
from habitus.data.item_slots import SlotReader, Slots
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows, Traces
from habitus.encoders.item_text import ItemTextEncoder
from habitus.errors import DataError, UsageError
from habitus.representations.encode import write_atomically
from habitus.representations.model import Model, Progress, Vectors, read_json

FORMAT = 1
TOKENS_AT_ONCE = 2**16
"""Tokens of texts that are encoded at a time."""
CacheType = Literal["float16", "float32"]


@dataclass(frozen=True, kw_only=True)
class ItemCacheManifest(Config):
    """What a cache says of itself."""

    format: int = FORMAT
    model_digest: str | None
    """None for a model that was never saved: such a cache stays in memory."""
    texts_digest: str
    """Of the traces, the tokens, and how texts are cut."""
    dtype: CacheType
    num_behaviours: int
    width: int
    weighted: bool

    def fits(self, asked: ItemCacheManifest) -> bool:
        """Return whether a cache is the one that is asked for, however many behaviours it has."""
        return replace(self, num_behaviours=asked.num_behaviours) == asked


class ItemCache(NamedTuple):
    """Vectors of behaviours, in memory or memory-mapped."""

    manifest: ItemCacheManifest
    key_N: Rows
    vectors_ND: npt.NDArray[Any]
    weight_N: npt.NDArray[np.float32] | None

    @classmethod
    def build(
        cls,
        model: Model,
        traces: Traces,
        folder: str | Path | None = None,
        *,
        dtype: CacheType = "float32",
        progress: Progress | None = None,
    ) -> ItemCache:
        """Return the cache of a model and traces: the one in ``folder`` if it fits, else made now.

        Args:
            model: that reads item texts, by two Transformers.
            traces: whose items.
            folder: what stands there of another model, or of other texts, is replaced; None for a
                cache in memory.
            dtype: float16 takes half the room, and users differ in the third digit.
            progress: told how many behaviours are done, and of how many.

        Raises:
            UsageError: the model reads something else, or has no vectors of items; a folder for a
                model that was never saved, or one that holds something else.
            DataError: the traces have no such text.
        """
        encoder, encoding = item_parts(model)
        asked = wanted(model, traces, dtype)
        if folder is not None:
            if model.digest is None:
                raise UsageError("the model was never saved, so nothing tells its cache: save it")
            found = cls._fitting(Path(folder), asked)
            if found is not None:
                return found
        key_N = behaviours(encoding, traces)
        manifest = replace(asked, num_behaviours=len(key_N))
        with torch.inference_mode():
            made = _encode(encoder, encoding, traces, manifest, key_N, folder, progress)
        return made if folder is None else cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path) -> ItemCache:
        """Open what :meth:`build` wrote; raise :class:`DataError` where it is damaged."""
        folder = Path(folder)
        values = read_json(folder / "manifest.json")
        if values.get("format") != FORMAT:
            raise DataError(f"{folder} holds no item cache of format {FORMAT}: build it again")
        manifest = ItemCacheManifest.from_dict(values)
        num, width = manifest.num_behaviours, manifest.width
        return cls(
            manifest,
            _load(folder / "keys.npy", (num,)),
            _load(folder / "vectors.npy", (num, width)),
            _load(folder / "weights.npy", (num,)) if manifest.weighted else None,
        )

    @classmethod
    def _fitting(cls, folder: Path, asked: ItemCacheManifest) -> ItemCache | None:
        """Return the cache in a folder if it is the one that is wanted."""
        if not folder.exists():
            return None
        names = {path.name for path in folder.iterdir()}
        if names and "keys.npy" not in names:
            raise UsageError(f"{folder} holds no item cache: choose another place")
        try:
            found = cls.open(folder)
        except DataError:
            return None
        return found if found.manifest.fits(asked) else None

    def rows_of(self, key_S: Rows) -> Rows:
        """Return the row of each behaviour; raise :class:`DataError` for one that is not there."""
        row_S = np.searchsorted(self.key_N, key_S)
        known_S = self.key_N[np.minimum(row_S, len(self.key_N) - 1)] == key_S
        if not known_S.all():
            raise DataError(f"{int((~known_S).sum())} items are not in the cache: build it again")
        return row_S


def item_vectors(
    model: Model, traces: Traces, item_N: Rows, service: str, kind: str = ""
) -> Vectors:
    """Return ``h`` of items on one service (A-C16), ``(N, D)``; zeros for an item without text.

    A single Transformer has no such vectors: there it is ``z`` of a user with the item alone.

    Args:
        model: that reads item texts.
        traces: with these items.
        item_N: their codes.
        service: on which service; one that was never seen has the token of others.
        kind: of event; as with the service.

    Raises:
        UsageError: the model reads something else.
        DataError: items have no text here, or the service is unknown and others have no slot.
    """
    encoder, encoding = item_parts(model, two=False)
    device = next(encoder.parameters()).device
    width = encoder.slot_dim if encoder.config.single else encoder.config.width
    h_ND = np.zeros((len(item_N), width), np.float32)
    was_training = encoder.training
    encoder.eval()
    with torch.inference_mode():
        for place_B, batch in encoding.item_batches(traces, item_N, service, kind):
            batch = batch.to(device)
            if encoder.config.single:
                h_GD = encoder.encode_slots(batch)
            else:
                h_GD = encoder.encode_texts(batch)[batch.item_S]
            h_ND[place_B[batch.slot_user_G.cpu().numpy()]] = h_GD.float().cpu().numpy()
    encoder.train(was_training)
    return h_ND


def item_parts(model: Model, *, two: bool = True) -> tuple[ItemTextEncoder, ItemTextEncoding]:
    """Return encoder and encoding of a model that reads item texts.

    Raises:
        UsageError: the model reads something else, or has one Transformer where ``two`` are needed.
    """
    encoder, encoding = model.encoder, model.encoding
    if not isinstance(encoder, ItemTextEncoder) or not isinstance(encoding, ItemTextEncoding):
        raise UsageError(f"the model is a {encoder.name} and reads no item texts")
    if two and encoder.config.single:
        raise UsageError(
            "a single Transformer reads the tokens of a slot at once and has no vectors of items: "
            "encode from tokens"
        )
    return encoder, encoding


def behaviours(encoding: ItemTextEncoding, traces: Traces) -> Rows:
    """Return every (text, service, kind) of the events of traces as one number, ascending."""
    # However many items a slot may hold: another cutoff shows others of them.
    config = replace(encoding.config, max_items=2**40)
    texts = encoding.texts_of(traces)
    reader = ItemReader(Snapshot(traces), texts, encoding.bpe, config)
    slot_reader = SlotReader(traces, texts, encoding.bpe, config)
    found = [np.zeros(0, np.int64)]
    for place_U in reader.pools():
        offsets_U1 = traces.offsets_U1
        slots, _ = slot_reader.read(offsets_U1[place_U], offsets_U1[place_U + 1])
        found.append(np.unique(keys_of(encoding, slots)))
    return np.unique(np.concatenate(found))


def keys_of(encoding: ItemTextEncoding, slots: Slots) -> Rows:
    """Return the number of each item of some slots, as in :func:`behaviours`."""
    services, kinds = len(encoding.services) + 1, len(encoding.bpe.kinds) + 1
    service_S = np.repeat(slots.service_G, slots.length_G)
    return (slots.text_S * services + service_S) * kinds + slots.kind_S


def wanted(model: Model, traces: Traces, dtype: CacheType) -> ItemCacheManifest:
    """Return what the cache of a model and traces says of itself, but for its size."""
    encoder, encoding = item_parts(model)
    config = encoding.config
    texts = [traces.digest, encoding.bpe.digest, config.text, config.max_tokens, config.other_slot]
    return ItemCacheManifest(
        model_digest=model.digest,
        texts_digest=digest_of(texts),
        dtype=dtype,
        num_behaviours=0,
        width=encoder.config.width,
        weighted=encoder.config.weighted,
    )


def _encode(
    encoder: ItemTextEncoder,
    encoding: ItemTextEncoding,
    traces: Traces,
    manifest: ItemCacheManifest,
    key_N: Rows,
    folder: str | Path | None,
    progress: Progress | None,
) -> ItemCache:
    """Encode each behaviour once; with a folder, beside its place, and move it there whole."""
    shape, part = (len(key_N), manifest.width), None
    if folder is None:
        vectors_ND = np.empty(shape, manifest.dtype)
    else:
        part = Path(folder).with_name(Path(folder).name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        np.save(part / "keys.npy", key_N)
        vectors_ND = np.lib.format.open_memmap(
            part / "vectors.npy", mode="w+", dtype=np.dtype(manifest.dtype), shape=shape
        )
    weight_N = np.empty(len(key_N), np.float32) if manifest.weighted else None
    was_training, done = encoder.training, 0
    encoder.eval()
    for place_B, batch in _behaviour_batches(encoding, traces, key_N):
        batch = batch.to(next(encoder.parameters()).device)
        vectors_ND[place_B] = encoder.encode_texts(batch)[batch.item_S].float().cpu().numpy()
        weight_I = encoder.text_weights(batch)
        if weight_N is not None and weight_I is not None:
            weight_N[place_B] = weight_I[batch.item_S].float().cpu().numpy()
        done += len(place_B)
        if progress is not None:
            progress(done, len(key_N))
    encoder.train(was_training)
    if part is not None:
        if weight_N is not None:
            np.save(part / "weights.npy", weight_N)
        write_atomically(part / "manifest.json", json.dumps(manifest.to_dict(), indent=1).encode())
        shutil.rmtree(Path(str(folder)), ignore_errors=True)
        part.rename(Path(str(folder)))
    return ItemCache(manifest, key_N, vectors_ND, weight_N)


def _behaviour_batches(
    encoding: ItemTextEncoding, traces: Traces, key_N: Rows
) -> Iterator[tuple[Rows, ItemSequenceBatch]]:
    """Yield places among behaviours, and a batch whose ``item_S`` are these in order."""
    texts = encoding.texts_of(traces)
    rest_N, kind_N = np.divmod(key_N, len(encoding.bpe.kinds) + 1)
    text_N, service_N = np.divmod(rest_N, len(encoding.services) + 1)
    tokens_N = NUM_PREFIX + np.diff(texts.ptr_I1)[text_N]
    for place_B in cut(tokens_N, TOKENS_AT_ONCE):
        slots = Slots(
            row_S=np.zeros(len(place_B), np.int64),
            text_S=text_N[place_B],
            kind_S=kind_N[place_B],
            ptr_G1=np.arange(len(place_B) + 1),
            user_G=np.arange(len(place_B)),
            service_G=service_N[place_B],
        )
        share = encoding.config.padding_share
        yield (
            place_B,
            pack_slots(slots, texts, encoding.bpe, num_users=len(place_B), padding_share=share)[0],
        )


def _load(path: Path, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} is damaged ({error}): build the item cache again") from error
    if values.shape != shape:
        raise DataError(f"{path} has the shape {values.shape}, not {shape}: build it again")
    found: npt.NDArray[Any] = values
    return found
