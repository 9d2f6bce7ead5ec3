"""What text graphs of each size are like, and how fast they are encoded, side by side.

Shapes: U users, M models, R rounds.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from habitus.comparisons.word_counts import count_words
from habitus.data.snapshot import Snapshot
from habitus.data.text_graph_encoding import TextGraphEncoding
from habitus.data.tokens import relabel
from habitus.evaluation.class_asked import CLASS_SPLIT
from habitus.representations.model import Model
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.analyses.models import trained_rows
from habitus.runs.class_experiment import ClassExperiment
from habitus.runs.model_rows import with_events
from habitus.runs.pasum import PasumRun
from habitus.runs.pasum_wiring import parts_of

ROUNDS: Final = 3
"""Times that each model encodes, in turn; the fastest counts, since other programs only slow."""


class Measured(NamedTuple):
    """What the graphs of the test users are like, and how fast they are encoded."""

    nodes: float
    """Mean words of a user."""
    degree: float
    """Mean neighbours of a word."""
    density: float
    """Mean share of a user's pairs of words that are joined; of users with two words or more."""
    users_per_second: float


def most_words(plan: AnalysisPlan) -> int:
    """Return the most known words that any user has: larger graphs cannot be."""
    experiment = plan.experiment(plan.run)
    run = experiment.dated(plan.run, experiment.pretrain_seeds[0])
    _, encoding = parts_of(run.build(plan.traces, experiment.work)[0])
    tokens, words = encoding.text.read(Snapshot(plan.traces))
    known = relabel(tokens, encoding.vocabulary.lookup(words))
    return int(np.diff(count_words(known, len(encoding.vocabulary)).indptr).max())


def measure(
    plan: AnalysisPlan, experiment: ClassExperiment, runs: Mapping[str, PasumRun]
) -> list[Measured]:
    """Return the graphs of the test users, and the speed of each size, taken in turn."""
    test = CLASS_SPLIT.rows(plan.traces, "test")
    snapshot = with_events(Snapshot(plan.traces, experiment.as_of, test))
    models = [trained_rows(experiment, run).models[0] for run in runs.values()]
    for model in models:
        # The first time kernels are compiled and files are opened.
        model.encode(snapshot)
    seconds_RM = [[_seconds(model, snapshot) for model in models] for _ in range(ROUNDS)]
    fastest_M = np.min(seconds_RM, axis=0)
    return [
        _shape(parts_of(model)[1], snapshot, snapshot.num_users / seconds)
        for model, seconds in zip(models, fastest_M, strict=True)
    ]


def _seconds(model: Model, snapshot: Snapshot) -> float:
    began = time.perf_counter()
    model.encode(snapshot)
    return time.perf_counter() - began


def _shape(encoding: TextGraphEncoding, snapshot: Snapshot, rate: float) -> Measured:
    graphs = encoding.graphs(snapshot)
    nodes_U = np.diff(graphs.node_ptr_U1)
    edges_U = np.diff(graphs.edge_ptr_V1[graphs.node_ptr_U1])
    several = nodes_U > 1
    density = edges_U[several] / (nodes_U * (nodes_U - 1))[several]
    return Measured(
        float(nodes_U.mean()),
        float(edges_U.sum() / max(nodes_U.sum(), 1)),
        float(density.mean()) if several.any() else 0.0,
        rate,
    )
