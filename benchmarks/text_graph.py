"""Building text graphs against the reference of the paper's definition, and making their batches.

Pseudo-users as the paper's: 194 posts of 22.7 tokens, window 20, 500 words (P19, A-P3, P7). Posts
are cut out of the newswire texts of R8 where ``HABITUS_DATA`` is set, else drawn by Zipf's law.
Both builders take turns on the same users and are timed in seconds of the processor.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.harness import Entry, record
from habitus.data.text_graph import TextGraphConfig, TextGraphs, build_text_graphs
from habitus.data.text_graph_batch import text_graph_batch
from habitus.data.text_graph_store import TextGraphStore
from habitus.data.tokens import Tokens
from habitus.encoders.text_graph import TextGraphEncoder, TextGraphEncoderConfig

POSTS, LENGTH, SPREAD = 194, 22.7, 0.8
WINDOW, NODES = 20, 500
PER_BATCH = 64
CONFIG = TextGraphConfig(window=WINDOW, max_nodes=NODES)
Graph = tuple[list[int], set[tuple[int, int]]]


def reference(posts: list[list[int]]) -> Graph:
    """Return words and edges by definition: every pair of every window counted."""
    in_windows: Counter[int] = Counter()
    together: Counter[tuple[int, int]] = Counter()
    num_windows = 0
    for post in filter(None, posts):
        for start in range(max(1, len(post) - WINDOW + 1)):
            kinds = sorted(set(post[start : start + WINDOW]))
            num_windows += 1
            in_windows.update(kinds)
            together.update(combinations(kinds, 2))
    edges = {
        (i, j) for (i, j), n in together.items() if n * num_windows > in_windows[i] * in_windows[j]
    }
    degree = Counter(word for edge in edges for word in edge)
    kept = sorted(in_windows, key=lambda w: (-degree[w], -in_windows[w], w))[:NODES]
    inside = set(kept)
    return sorted(kept), {(i, j) for i, j in edges if i in inside and j in inside}


def pseudo_users(num_users: int) -> tuple[Tokens, str]:
    """Return the posts of some users, and what they are made of."""
    chance = np.random.default_rng(0)
    mean = np.log(LENGTH) - SPREAD**2 / 2
    length_P = np.maximum(1, chance.lognormal(mean, SPREAD, num_users * POSTS).round())
    ptr_P1 = np.concatenate([[0], np.cumsum(length_P)]).astype(np.int64)
    id_T, source = _real_words() if os.environ.get("HABITUS_DATA") else _zipf_words(chance)
    # A user's texts follow each other: start anywhere and go round.
    first_U = np.repeat(chance.integers(0, len(id_T), num_users), POSTS)
    place_T = np.arange(ptr_P1[-1]) + np.repeat(first_U, np.diff(ptr_P1))
    user_ptr_U1 = np.arange(num_users + 1) * POSTS
    zeros_P = np.zeros(num_users * POSTS, np.int64)
    return Tokens(id_T[place_T % len(id_T)], ptr_P1, user_ptr_U1, zeros_P), source


def _real_words() -> tuple[npt.NDArray[np.int32], str]:
    file = Path(os.environ["HABITUS_DATA"]) / "known-answers" / "r8-texts.txt"
    words = file.read_text(encoding="utf8").split()
    ids = {word: place for place, word in enumerate(dict.fromkeys(words))}
    return np.array([ids[word] for word in words], np.int32), "texts of R8"


def _zipf_words(
    chance: np.random.Generator,
) -> tuple[npt.NDArray[np.int32], str]:
    share = np.cumsum(1 / (np.arange(38_698) + 2.7))
    drawn = np.searchsorted(share, chance.random(500_000) * share[-1])
    return drawn.astype(np.int32), "words drawn by Zipf's law"


def main(quick: bool) -> None:
    """Measure the builder, its threads, and the assembly of batches."""
    torch.set_num_threads(1)
    tokens, source = pseudo_users(64 if quick else 512)
    graphs = build_text_graphs(tokens, CONFIG)
    entries = _builder(tokens, graphs, source, checked=2 if quick else 16)
    entries.append(_threads(tokens))
    with tempfile.TemporaryDirectory() as folder:
        entries += _assembly(graphs, Path(folder) / "graphs", int(tokens.id_T.max()) + 1)
    record("text_graph", entries, quick=quick)


def _builder(tokens: Tokens, graphs: TextGraphs, source: str, *, checked: int) -> list[Entry]:
    ptr, users = tokens.post_ptr_P1, tokens.num_users
    posts = [
        [tokens.id_T[ptr[p] : ptr[p + 1]].tolist() for p in range(u * POSTS, (u + 1) * POSTS)]
        for u in range(checked)
    ]
    equal = sum(reference(posts[u]) == _graph(graphs, u) for u in range(checked))
    ours, theirs = [], []
    for user in posts:
        theirs.append(_seconds(partial(reference, user)))
        ours.append(_seconds(partial(build_text_graphs, tokens, CONFIG)) / users)
    turns = f"medians of {checked} turns; the reference makes {1 / np.median(theirs):.3g} users/s"
    note = (
        f"{users} users of {source}: {len(tokens.id_T) / users:,.0f} tokens, "
        f"{len(graphs.word_V) / users:,.0f} words and {len(graphs.edge_col_E) / users / 2:,.0f} "
        f"edges a user"
    )
    return [
        Entry(
            name="graphs built, one core",
            measured=1 / min(ours),
            unit="users/s",
            bar=600,
            note=note,
        ),
        Entry(
            name="against the reference",
            measured=float(np.median(theirs)) / float(np.median(ours)),
            unit="×",
            bar=50,
            note=turns,
        ),
        Entry(
            name="users whose graph is the reference's",
            measured=equal / checked,
            unit="share",
            bar=1,
            note=f"{checked} users, word by word and edge by edge",
        ),
    ]


def _threads(tokens: Tokens) -> Entry:
    def wall(threads: int) -> float:
        return min(
            _seconds(lambda: build_text_graphs(tokens, CONFIG, threads=threads), time.perf_counter)
            for _ in range(3)
        )

    return Entry(name="two threads against one", measured=wall(1) / wall(2), unit="×")


def _assembly(graphs: TextGraphs, folder: Path, num_words: int) -> list[Entry]:
    store = TextGraphStore.write(folder, graphs.num_users, CONFIG, graphs.read)
    rows = np.random.default_rng(0).permutation(graphs.num_users)[:PER_BATCH]
    encoder = TextGraphEncoder(TextGraphEncoderConfig(num_words=num_words)).eval()
    batch = text_graph_batch(store.read(rows))

    def assemble() -> None:
        text_graph_batch(store.read(rows))

    def encode() -> None:
        with torch.inference_mode():
            encoder(batch)

    encode()
    turns = [(_seconds(assemble), _seconds(encode)) for _ in range(5)]
    ours, appetite = (min(turn[k] for turn in turns) for k in (0, 1))
    size = sum(p.stat().st_size for p in folder.iterdir()) / graphs.num_users
    note = (
        f"from a store of {size / 1024:,.0f} KiB a user; {batch.num_events / len(rows):,.0f} words "
        f"and {batch.num_edges / batch.num_events:,.0f} neighbours a word"
    )
    return [
        Entry(
            name="batches assembled, one core",
            measured=len(rows) / ours,
            unit="graphs/s",
            bar=600,
            note=note,
        ),
        Entry(
            name="batch assembly against the encoder's appetite",
            measured=appetite / ours,
            unit="× as fast as encoding consumes",
            bar=2,
            note=f"encoding takes {len(rows) / appetite:,.0f} graphs/s",
        ),
    ]


def _graph(graphs: TextGraphs, user: int) -> Graph:
    first, last = graphs.node_ptr_U1[user : user + 2]
    word_N = graphs.word_V[first:last]
    row_E = np.repeat(np.arange(last - first), np.diff(graphs.edge_ptr_V1[first : last + 1]))
    col_E = graphs.edge_col_E[slice(*graphs.edge_ptr_V1[[first, last]])]
    up_E = row_E < col_E
    pairs = zip(word_N[row_E[up_E]].tolist(), word_N[col_E[up_E]].tolist(), strict=True)
    return word_N.tolist(), set(pairs)


def _seconds(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    began = clock()
    work()
    return clock() - began
