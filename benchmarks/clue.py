"""The item text encoder against its padded twin: training and encoding, on lengths of real people.

The twin has PyTorch's own layers and the same weights (``tests/encoders/item_twin.py``): every item
of every slot padded to the longest of the batch, each as often as it occurs. Beside it stands one
that pads texts but no slots. Encoding of texts is held against what sentence encoders do: sorted by
length, 32 at a time, padded to the longest of these. All take turns and the fastest of several
turns counts: other work on the machine slows all of them, so ratios survive it. The package
sentence-transformers itself encodes the same texts in an environment of its own, where that is
made.

Users from cached vectors of their items are held against users from tokens, in the batches that a
model makes by default and in ones so large that most texts of a batch are repeats.

Where ``HABITUS_DATA`` has the two Amazon sets, the people are theirs; else they are made up.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import AdamW

from benchmarks.harness import Entry, record
from benchmarks.peers.environments import python_of
from habitus.data.byte_bpe import ByteBPEConfig
from habitus.data.item_batches import ItemTextEncoding
from habitus.data.item_pairs import ItemPairBatch, ItemPairBatches, ItemPairConfig
from habitus.data.item_sequence import NUM_PREFIX, ItemSequenceBatch, ItemSequenceConfig
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.datasets import DATASETS
from habitus.encoders.item_text import TOKENS_OF_PART, ItemTextEncoder
from habitus.encoders.item_text_config import SIZES, ItemTextEncoderConfig
from habitus.nn.stages import run
from habitus.objectives.cross_service import CrossService, CrossServiceConfig
from habitus.representations.cached_users import encode_from_items
from habitus.representations.item_cache import ItemCache
from habitus.representations.model import Model
from habitus.training.config import TrainingConfig
from habitus.training.grad_cache import Backward
from habitus.training.meter import peak_memory_bytes
from tests.encoders.item_twin import PaddedItemText, padded_tokens

REAL = ("art_office", "food_kitchen")
SENTENCES = 32
"""Texts of a batch of a sentence encoder, by default."""
WIDTH, LAYERS, HEADS = 64, 2, 4
"""What two cores can train (floors.md E2)."""
SIZE = "xs"
"""Of the encoder whose users come from cached items: the smallest of I2-sizes."""
TURNS = 2
"""Timed, after one that is not."""
MATMUL_ROWS = 4_096
PRODUCTS = 64
"""Of matrices, timed as one: alone, each is over before the machine has turned to it."""
Work = Callable[[], object]


def main(quick: bool) -> None:
    """Measure training, encoding, padding, repeats and the cost of a second pass."""
    # With a second thread, a machine that is busy otherwise measures how threads wait.
    torch.set_num_threads(1)
    here = [name for name in REAL if DATASETS[name]().missing() is None]
    entries: list[Entry] = []
    for name in here or ["synthetic"]:
        with tempfile.TemporaryDirectory() as folder:
            traces = DATASETS[name]().ingest(Path(folder) / "traces")
            entries += _of_people(name, traces, quick=quick)
    memory = peak_memory_bytes(torch.device("cpu")) / 2**30
    entries.append(Entry(name="memory at most, twins included", measured=memory, unit="GiB"))
    record("clue", entries, quick=quick)


def _of_people(name: str, traces: Traces, *, quick: bool) -> list[Entry]:
    snapshot = Snapshot(traces, None)
    # The larger a batch, the more of its texts are repeats; without gradients it costs no memory.
    items = ItemSequenceConfig(token_budget=2**21)
    encoding = ItemTextEncoding.fit(snapshot, ByteBPEConfig(), items)
    source = ItemPairBatches(snapshot, encoding, ItemPairConfig(batch_users=8 if quick else 64))
    chance = np.random.default_rng(0)
    batch = source.make(source.plan(chance)[0], chance)
    torch.manual_seed(0)
    encoder = ItemTextEncoder(_config(encoding))
    entries = _shares(name, snapshot, encoding)
    entries += _training(name, encoder, batch, turns=1 if quick else TURNS)
    entries += _encoding(name, encoder, encoding, snapshot, users=32 if quick else 1_024)
    small = ItemTextEncoder(_config(encoding, SIZE)).eval()
    entries += _cached(name, small, encoding, snapshot, users=32 if quick else 512)
    return entries


def _config(encoding: ItemTextEncoding, size: str | None = None) -> ItemTextEncoderConfig:
    # Dropout on attention weights, which PyTorch's layers have, would slow the twin further.
    known: dict[str, Any] = {
        "vocab_size": encoding.bpe.num_tokens,
        "num_services": encoding.num_slots,
    }
    if size is not None:
        return ItemTextEncoderConfig.of_size(size, dropout=0.0, **known)
    return ItemTextEncoderConfig(
        width=WIDTH,
        item_layers=LAYERS,
        service_layers=LAYERS,
        num_heads=HEADS,
        dropout=0.0,
        **known,
    )


def _shares(name: str, snapshot: Snapshot, encoding: ItemTextEncoding) -> list[Entry]:
    """Padding and repeats of an epoch of the paper's batches of 256 users."""
    source = ItemPairBatches(snapshot, encoding, ItemPairConfig())
    chance = np.random.default_rng(0)
    batches = [source.make(unit, chance).items for unit in source.plan(chance)]

    def share(true: str, held: str) -> float:
        sums = [sum(int(getattr(batch, name)) for batch in batches) for name in (true, held)]
        return 1 - sums[0] / sums[1]

    note = f"one epoch of {len(batches)} batches of 256 users"
    return [
        Entry(
            name=f"{name}: padding of {what}",
            measured=share(true, held),
            unit="share",
            bar=0.03,
            at_most=True,
            note=note,
        )
        for what, true, held in (
            ("texts", "num_tokens", "padded_tokens"),
            ("slots", "num_events", "padded_events"),
        )
    ] + [
        Entry(
            name=f"{name}: items whose text stands in the batch already",
            measured=share("num_texts", "num_events"),
            unit="share",
            note=note,
        )
    ]


def _training(name: str, encoder: ItemTextEncoder, batch: ItemPairBatch, turns: int) -> list[Entry]:
    twin, token_GSL = PaddedItemText(encoder), padded_tokens(batch.items)
    texts = _text_rows(batch.items)
    chunk = max(1_024, batch.items.num_tokens // 16)
    seconds = _take_turns(
        {
            "ours": _train_ours(encoder, batch, None),
            "two passes": _train_ours(encoder, batch, chunk),
            "padded": _train_twin(twin, batch, lambda: twin(token_GSL)),
            "texts": _train_twin(twin, batch, lambda: _slots_of_texts(twin, batch.items, texts)),
            "matmul": _matmul(),
        },
        turns,
    )
    objective, users = CrossService(CrossServiceConfig(), WIDTH), batch.num_users
    true, executed = objective.forward_flops(encoder, batch)
    ours, products = seconds["ours"], PRODUCTS * 2 * MATMUL_ROWS * WIDTH**2
    peak = products / seconds["matmul"]
    tokens = batch.items.num_tokens
    note = f"{users} users, {WIDTH} wide, {LAYERS} + {LAYERS} blocks, forward, backward and AdamW"
    return [
        Entry(name=f"{name}: train", measured=users / ours, unit="users/s", note=note),
        Entry(
            name=f"{name}: train against the padded twin",
            measured=seconds["padded"] / ours,
            unit="×",
            bar=5.0,
            note=f"which holds {token_GSL.numel() / tokens:.1f} × the tokens; padded to 32 × 512 "
            f"as in the paper it would be {len(token_GSL) * 32 * 512 / tokens:.0f} ×",
        ),
        Entry(
            name=f"{name}: train against padded texts in padded slots",
            measured=seconds["texts"] / ours,
            unit="×",
            note=f"which holds {texts.numel() / tokens:.1f} × the tokens",
        ),
        Entry(
            name=f"{name}: two passes against one",
            measured=seconds["two passes"] / ours,
            unit="×",
            bar=1.6,
            at_most=True,
            note=f"GradCache by {chunk:,} of {tokens:,} tokens; 4 forward passes for 3: 1.33 ×",
        ),
        Entry(
            name=f"{name}: operations of a user",
            measured=true / users / 1e6,
            unit="MFLOP",
            note=f"a forward pass; executed {executed / users / 1e6:.1f}",
        ),
        Entry(
            name=f"{name}: speed of training against a product of matrices alone",
            measured=3 * true / ours / peak,
            unit="share",
            note=f"{MATMUL_ROWS:,} × {WIDTH} by {WIDTH} × {WIDTH}: {peak / 1e9:.0f} GFLOP/s",
        ),
    ]


def _train_ours(encoder: ItemTextEncoder, batch: ItemPairBatch, chunk: int | None) -> Work:
    objective = CrossService(CrossServiceConfig(), WIDTH)
    config = TrainingConfig(max_steps=1, grad_cache_chunk=chunk)
    backward = Backward(encoder, objective, config, torch.device("cpu"))
    optimizer = AdamW([*encoder.parameters(), *objective.parameters()], 1e-4, fused=True)

    def work() -> None:
        backward(batch, torch.Generator())
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return work


def _train_twin(twin: PaddedItemText, batch: ItemPairBatch, slots: Callable[[], Tensor]) -> Work:
    objective = CrossService(CrossServiceConfig(), WIDTH)
    optimizer = AdamW([*twin.parameters(), *objective.parameters()], 1e-4, fused=True)

    def work() -> None:
        loss = objective.loss_of(slots(), batch, torch.Generator())
        torch.autograd.backward(loss.total)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return work


def _text_rows(items: ItemSequenceBatch) -> Tensor:
    """Return the tokens of each item of the batch, repeats included, padded to the longest."""
    texts = torch.split(items.token_T, items.text_ptr_I1.diff().tolist())
    token_IL = torch.nn.utils.rnn.pad_sequence(list(texts), batch_first=True)
    return token_IL[items.item_S]


def _encode_rows(twin: PaddedItemText, token_BL: Tensor) -> Tensor:
    place_BL = torch.arange(token_BL.shape[1]).expand_as(token_BL)
    h_BD: Tensor = twin.item_transformer(twin.tokens(token_BL), token_BL > 0, place_BL)
    return h_BD


def _slots_of_texts(twin: PaddedItemText, items: ItemSequenceBatch, token_SL: Tensor) -> Tensor:
    length_G = items.slot_ptr_G1.diff()
    h_GSD = torch.nn.utils.rnn.pad_sequence(
        list(torch.split(_encode_rows(twin, token_SL), length_G.tolist())), batch_first=True
    )
    place_GS = length_G[:, None] - 1 - torch.arange(h_GSD.shape[1])
    z_GD: Tensor = twin.service_transformer(h_GSD, place_GS >= 0, place_GS)
    return z_GD


def _encoding(
    name: str,
    encoder: ItemTextEncoder,
    encoding: ItemTextEncoding,
    snapshot: Snapshot,
    users: int,
) -> list[Entry]:
    """Encode the texts of all items of some users, as they come."""
    some = Snapshot(snapshot.traces, None, np.arange(min(users, snapshot.num_users)))
    batches = [batch for _, batch in encoding.batches(some)]
    items = [row[row > 0] for batch in batches for row in _text_rows(batch)]
    length = [b.text_ptr_I1.diff().tolist() for b in batches]
    texts = [t for b, n in zip(batches, length, strict=True) for t in torch.split(b.token_T, n)]
    twin = PaddedItemText(encoder).eval()

    def ours() -> None:
        for batch in batches:
            run(encoder.stages(batch, TOKENS_OF_PART)[:1])

    encoder.eval()
    work = {
        "ours": ours,
        "as they come": lambda: _encode_sentences(twin, items),
        "sorted": lambda: _encode_sentences(twin, sorted(items, key=len, reverse=True)),
        "distinct": lambda: _encode_sentences(twin, sorted(texts, key=len, reverse=True)),
    }
    with torch.inference_mode():
        seconds = _take_turns(work, turns=TURNS)
    encoder.train()
    began = time.perf_counter()
    encoding.bpe.encode([_words(encoding, text) for text in texts])
    tokenising = time.perf_counter() - began
    repeats = 1 - len(texts) / len(items)
    note = f"{len(items):,} items of {some.num_users:,} users, {repeats:.0%} repeats in a batch"
    speed = len(items) / seconds["ours"]
    return [
        Entry(name=f"{name}: encode", measured=speed, unit="items/s", note=note),
        Entry(
            name=f"{name}: encode against a sentence encoder's batches",
            measured=seconds["sorted"] / seconds["ours"],
            unit="×",
            note="of a model of the same size in PyTorch's layers, from tokens: by length, 32 at a "
            "time",
        ),
        Entry(
            name=f"{name}: the same against texts as they come",
            measured=seconds["as they come"] / seconds["ours"],
            unit="×",
            note="32 at a time, padded to the longest",
        ),
        Entry(
            name=f"{name}: the same if somebody had taken out the repeats",
            measured=seconds["distinct"] / seconds["ours"],
            unit="×",
            note="by length, 32 at a time",
        ),
        _against_peer(name, encoding, items, seconds["ours"], tokenising),
    ]


def _against_peer(
    name: str, encoding: ItemTextEncoding, items: Sequence[Tensor], ours: float, tokenising: float
) -> Entry:
    """Encode the same items by sentence-transformers, whose clock holds its tokeniser, too."""
    words = f"{name}: encode texts against sentence-transformers"
    python = python_of("sentence_transformers")
    if python is None:
        note = "python -m benchmarks.peers sentence_transformers makes its environment"
        return Entry(name=words, measured=None, unit="×", bar=2.0, note=note)
    bert = {
        "vocab_size": encoding.bpe.num_tokens,
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": 4 * WIDTH,
        "max_position_embeddings": encoding.config.max_tokens,
    }
    texts = [_words(encoding, item) for item in items]
    with tempfile.TemporaryDirectory() as folder:
        encoding.bpe.save(Path(folder))
        asked = {"texts": texts, "batch": SENTENCES, "bert": bert}
        (Path(folder) / "asked.json").write_text(json.dumps(asked), encoding="utf8")
        script = Path(__file__).parent / "peers/run_sentence_transformers.py"
        command = [str(python), str(script), folder, str(TURNS)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return Entry(
        name=words,
        measured=found["seconds"] / (ours + tokenising),
        unit="×",
        bar=2.0,
        note=f"version {found['version']}, a BERT of the same size and tokens, {SENTENCES} at a "
        f"time: {found['seconds']:.2f} s for {found['texts']:,} items; ours {ours:.2f} s, and "
        f"{tokenising:.2f} s to tokenise, which is done once",
    )


def _words(encoding: ItemTextEncoding, token_L: Tensor) -> str:
    """Return the text of an item's tokens, without those of its service and kind."""
    return encoding.bpe.decode(token_L[NUM_PREFIX:].numpy())


def _cached(
    name: str,
    encoder: ItemTextEncoder,
    encoding: ItemTextEncoding,
    snapshot: Snapshot,
    users: int,
) -> list[Entry]:
    """Encode users from tokens, and from the vectors of their items."""
    some = Snapshot(snapshot.traces, None, np.arange(min(users, snapshot.num_users)))
    usual = ItemTextEncoding(encoding.bpe, ItemSequenceConfig(), encoding.texts)
    model, large = Model(encoder, usual), Model(encoder, encoding)
    began = time.perf_counter()
    cache = ItemCache.build(model, snapshot.traces)
    building = time.perf_counter() - began
    work: dict[str, Work] = {
        "cached": lambda: encode_from_items(model, some, cache),
        "tokens": lambda: model.encode(some),
        "large": lambda: large.encode(some),
    }
    seconds = _take_turns(work, turns=TURNS)
    error = np.abs(encode_from_items(model, some, cache) - model.encode(some)).max()
    size = SIZES[SIZE]
    note = f"{len(cache.key_N):,} behaviours, encoded once in {building:.0f} s"
    rate = some.num_users / seconds["cached"]
    return [
        Entry(name=f"{name}: users from cached items", measured=rate, unit="users/s", note=note),
        Entry(
            name=f"{name}: users from cached items against from tokens",
            measured=seconds["tokens"] / seconds["cached"],
            unit="×",
            bar=8.0,
            note=f"{some.num_users:,} users in the batches of a model of size {SIZE}: {size.width} "
            f"wide, {size.layers} + {size.layers} blocks",
        ),
        Entry(
            name=f"{name}: the same against one batch of them all",
            measured=seconds["large"] / seconds["cached"],
            unit="×",
            note="where each distinct text is encoded once as well, but again for other users",
        ),
        Entry(
            name=f"{name}: what cached items change in a vector at most",
            measured=float(error),
            unit="",
            bar=1e-5,
            at_most=True,
        ),
    ]


def _encode_sentences(twin: PaddedItemText, texts: Sequence[Tensor]) -> None:
    for start in range(0, len(texts), SENTENCES):
        some = list(texts[start : start + SENTENCES])
        _encode_rows(twin, torch.nn.utils.rnn.pad_sequence(some, batch_first=True))


def _matmul() -> Work:
    x_RD, weight_DD = torch.randn(MATMUL_ROWS, WIDTH), torch.randn(WIDTH, WIDTH)

    def work() -> None:
        for _ in range(PRODUCTS):
            x_RD @ weight_DD

    return work


def _take_turns(work: Mapping[str, Work], turns: int) -> dict[str, float]:
    """Return the fastest time of each in seconds."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(turns + 1):
        for name, function in work.items():
            began = time.perf_counter()
            function()
            if turn:
                times[name].append(time.perf_counter() - began)
    return {name: min(seconds) for name, seconds in times.items()}
