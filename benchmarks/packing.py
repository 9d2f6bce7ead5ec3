"""Packed batches against their padded twin, on the lengths of Complete Journey.

Both encode and train the same users with the same weights. The twin draws users at random, as many
a batch as the packed run has on average, and pads each to the longest of its batch, as most code
does; its attention masks the padding, everything else computes it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness import Entry, record
from habitus.data.channel_batches import (
    ChannelEncoding,
    PretrainingBatches,
    pack,
    snapshot_request,
    take,
)
from habitus.data.channel_sequence import (
    ChannelReader,
    ChannelSequenceBatch,
    ChannelSequenceConfig,
)
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.datasets import DATASETS
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.nn.attention import PackedLayout
from habitus.runs.channel import channel

AS_OF = "2017-10-01"
TOKEN_BUDGET = 16_384
CAPS = (128, 256, 512, 1_024)


class PaddedLayout(PackedLayout):
    """A packed tensor that holds its padding already: every row is as long as the longest."""

    def __init__(self, lengths_U: Tensor, max_length: int) -> None:
        offsets_U1 = torch.arange(len(lengths_U) + 1) * max_length
        super().__init__(offsets_U1, torch.device("cpu"))
        self.true_lengths_U = lengths_U

    @property
    def mask_U11L(self) -> Tensor:
        """Keys that are no padding."""
        valid_UL = torch.arange(self.max_length) < self.true_lengths_U[:, None]
        return valid_UL[:, None, None, :]


class PaddedTransformer(ChannelTransformer):
    """The same encoder on padded rows: masked attention, everything else over all rows."""

    def run_padded(self, batch: ChannelSequenceBatch, lengths_U: Tensor) -> Tensor:
        """Return the states of all rows, padding included."""
        layout = PaddedLayout(lengths_U, batch.max_length)
        layout.__dict__["is_full"] = False
        layout.__dict__["place_T"] = torch.arange(batch.num_events)
        return self.encode_events(batch, layout).x_TD


def pad(batch: ChannelSequenceBatch) -> ChannelSequenceBatch:
    """Return the batch with every user as long as the longest."""
    lengths_U, longest = batch.lengths_U, batch.max_length
    position_UL = torch.arange(longest).expand(batch.num_users, longest)
    row_UL = batch.offsets_U1[:-1, None] + position_UL.clamp(max=(lengths_U - 1)[:, None])
    row_T = row_UL.flatten()
    names = ("tokens_TC", "dense_TF", "state_TF", "bins_TF", "gap_T", "age_T")
    padded = {n: getattr(batch, n)[row_T] for n in names}
    return replace(batch, **padded, offsets_U1=torch.arange(batch.num_users + 1) * longest)


def main(quick: bool) -> None:
    """Measure padding, speed against the twin at each cap, and batch assembly."""
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        traces = DATASETS["complete_journey"]().ingest(Path(folder) / "traces")
        entries = [_padding(traces), _assembly(traces)]
        for cap in CAPS[-1:] if quick else CAPS:
            entries += _against_twin(traces, cap, users=128 if quick else 512)
    record("packing", entries, quick=quick)


def _padding(traces: Traces) -> Entry:
    run = channel("ci")
    model, _ = replace(run, as_of=AS_OF).build(traces)
    assert isinstance(model.encoding, ChannelEncoding)
    snapshot = Snapshot(traces, AS_OF, run.split.rows(traces, "train"))
    reader = ChannelReader(traces, model.encoding.vocabulary)
    plan = PretrainingBatches(snapshot, reader, run.sequence).plan(np.random.default_rng(0))
    true = sum(int(u.length_B.sum()) for u in plan)
    padded = sum(int(u.length_B.max()) * len(u.length_B) for u in plan)
    return Entry(
        name="padding share of one training epoch",
        measured=1 - true / padded,
        unit="share",
        bar=0.03,
        at_most=True,
        note=f"pool: the whole epoch, token budget {run.sequence.token_budget:,}, cap "
        f"{run.sequence.max_events}",
    )


def _assembly(traces: Traces) -> Entry:
    run = replace(channel("ci"), as_of=AS_OF)
    model, objective = run.build(traces)
    assert isinstance(model.encoding, ChannelEncoding)
    snapshot = Snapshot(traces, AS_OF, run.split.rows(traces, "train"))
    reader = ChannelReader(traces, model.encoding.vocabulary)
    plan = PretrainingBatches(snapshot, reader, run.sequence).plan(np.random.default_rng(0))[:8]
    torch.set_num_threads(1)
    batches = [reader.read(u) for u in plan]
    assembling = _seconds(lambda: [reader.read(u) for u in plan])
    generator = torch.Generator().manual_seed(0)

    def train() -> None:
        for batch in batches:
            torch.autograd.backward(objective(model.encoder, batch, generator).total)

    training = _seconds(train)
    torch.set_num_threads(2)
    return Entry(
        name="batch assembly against the encoder's appetite, one core",
        measured=training / assembling,
        unit="× as fast as training consumes",
        bar=2.0,
    )


def _against_twin(traces: Traces, cap: int, users: int) -> list[Entry]:
    run = channel("ci")
    sizes = replace(run.encoder, max_events=cap)
    sequence = ChannelSequenceConfig(max_events=cap, token_budget=TOKEN_BUDGET)
    run = replace(run, as_of=AS_OF, encoder=sizes, sequence=sequence)
    model, _ = run.build(traces)
    assert isinstance(model.encoding, ChannelEncoding)
    reader = ChannelReader(traces, model.encoding.vocabulary)
    rows = np.random.default_rng(0).permutation(traces.num_users)[:users]
    request = snapshot_request(Snapshot(traces, AS_OF, np.sort(rows)), cap)
    sorted_places = pack(request.length_B, TOKEN_BUDGET)
    random_places = np.array_split(np.random.default_rng(1).permutation(users), len(sorted_places))
    assert isinstance(model.encoder, ChannelTransformer)
    twin = PaddedTransformer(model.encoder.config)
    twin.load_state_dict(model.encoder.state_dict())
    packed = [reader.read(take(request, p)) for p in sorted_places]
    unpadded = [reader.read(take(request, p)) for p in random_places]
    padded = [(pad(b), b.lengths_U) for b in unpadded]
    encoder = model.encoder
    fast = _seconds(lambda: _train_packed(encoder, packed))
    slow = _seconds(lambda: _train_padded(twin, padded))
    tokens = sum(b.num_events for b, _ in padded) / sum(b.num_events for b in packed)
    note = f"{users} users, token budget {TOKEN_BUDGET:,}, forward and backward"
    return [
        Entry(
            name=f"packed against padded, cap {cap:,}",
            measured=slow / fast,
            unit="×",
            bar=2.0 if cap == CAPS[-1] else None,
            note=note,
        ),
        Entry(
            name=f"packed against padded over the ratio of tokens, cap {cap:,}",
            measured=slow / fast / tokens,
            unit="share",
            bar=0.9,
            note=f"the padded twin has {tokens:.2f} × the tokens",
        ),
    ]


def _train_packed(encoder: ChannelTransformer, batches: Sequence[ChannelSequenceBatch]) -> None:
    for batch in batches:
        loss = encoder.encode_events(batch, encoder.layout(batch)).x_TD.sum()
        torch.autograd.backward(loss)


def _train_padded(
    twin: PaddedTransformer, batches: Sequence[tuple[ChannelSequenceBatch, Tensor]]
) -> None:
    for batch, lengths_U in batches:
        torch.autograd.backward(twin.run_padded(batch, lengths_U).sum())


def _seconds(function: Callable[[], object], repeats: int = 3) -> float:
    function()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return min(times)
