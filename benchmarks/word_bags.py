"""A training step of WideMLP on long texts, against the same step by torch's bag and SparseAdam.

Users of as many words as members of a parliament say, drawn by Zipf's law. Both take the same steps
in turn, and are timed in seconds of the processor, on one thread.
"""

from __future__ import annotations

import copy
import time

import numpy as np
import torch
from scipy.sparse import csr_array
from torch.nn.functional import cross_entropy
from torch.optim import Adam, Optimizer, SparseAdam

from benchmarks.harness import Entry, record
from habitus.comparisons.word_bags import (
    WordBagBatch,
    WordBagEncoder,
    WordBagEncoderConfig,
    plain_bag,
    word_bags,
)
from habitus.probes.fine_tune import ClassNetwork
from habitus.random import torch_generator
from habitus.training.row_adam import RowAdam

USERS, WORDS, TOKENS, WIDTH, BATCH = 256, 77_000, 9_000, 1_024, 64


def main(quick: bool) -> None:
    """Time the two steps in turn, and hold their weights against each other."""
    torch.set_num_threads(1)
    words, tokens, width = (4_000, 2_000, 128) if quick else (WORDS, TOKENS, WIDTH)
    chance = np.random.default_rng(0)
    batches = word_bags(_weights(chance, words, tokens))
    torch.manual_seed(0)
    encoder = WordBagEncoder(WordBagEncoderConfig(num_words=words, width=width))
    ours, twin = (
        ClassNetwork(copy.deepcopy(encoder), 3, 0.0, torch_generator(0)) for _ in range(2)
    )
    fast, slow = _optimizers(ours, plain=False), _optimizers(twin, plain=True)
    class_U, turns, entries = torch.from_numpy(chance.integers(0, 3, USERS)), [], 0.0
    for _ in range(4):
        places = chance.permutation(USERS)[:BATCH]
        ((_, batch),) = batches(places)
        entries += len(batch.word_N) / BATCH / 4
        told = class_U[places]
        turns.append(
            [
                _step(ours, batch, told, fast, plain=False),
                _step(twin, batch, told, slow, plain=True),
            ]
        )
    apart = max(
        float((ours.get_parameter(name) - weight).detach().abs().max())
        for name, weight in twin.named_parameters()
    )
    # The first turn compiles, and makes the optimisers' tables.
    mine, theirs = np.median(turns[1:], axis=0).tolist()
    note = f"{BATCH} users of {entries:,.0f} words, {words:,} × {width} weights"
    found = [
        Entry(name="a step, one core", measured=1 / mine, unit="steps/s", note=note),
        Entry(name="against torch's bag and SparseAdam", measured=theirs / mine, unit="×", bar=10),
        Entry(
            name="weights apart after four steps", measured=apart, unit="", bar=1e-6, at_most=True
        ),
    ]
    record("word_bags", found, quick=quick)


def _weights(chance: np.random.Generator, words: int, tokens: int) -> csr_array:
    """Return shares of words of each user, ``(U, W)``; the order of words is of no account."""
    share = np.cumsum(1 / (np.arange(words) + 2.7))
    word_T = np.searchsorted(share, chance.random(USERS * tokens) * share[-1])
    ones = np.full(len(word_T), 1 / tokens, np.float32)
    weight_UW = csr_array((ones, word_T, np.arange(USERS + 1) * tokens), (USERS, words))
    weight_UW.sum_duplicates()
    return weight_UW


def _optimizers(network: ClassNetwork, *, plain: bool) -> list[Optimizer]:
    table = network.get_parameter("encoder.words.weight")
    dense = [p for p in network.parameters() if p is not table]
    return [Adam(dense, lr=1e-3), SparseAdam([table]) if plain else RowAdam([table])]


def _step(
    network: ClassNetwork,
    batch: WordBagBatch,
    class_R: torch.Tensor,
    optimizers: list[Optimizer],
    *,
    plain: bool,
) -> float:
    began = time.process_time()
    for optimizer in optimizers:
        optimizer.zero_grad()
    if plain:
        table = network.get_parameter("encoder.words.weight")
        logits_RC = network.head(plain_bag(table, batch).relu())
    else:
        logits_RC = network(batch)
    torch.autograd.backward(cross_entropy(logits_RC, class_R))
    for optimizer in optimizers:
        optimizer.step()
    return time.process_time() - began
