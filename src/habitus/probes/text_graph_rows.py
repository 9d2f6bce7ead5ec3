"""The door from text graphs, which are built once, to batches of chosen users."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from habitus.data.text_graph import TextGraphs
from habitus.data.text_graph_batch import TextGraphBatch, text_graph_batch
from habitus.data.traces import Rows
from habitus.probes.fine_tune import Batches


def text_graph_rows(graphs: TextGraphs) -> Batches:
    """Return what makes batches of some users of ``graphs``."""

    def batches(places: Rows) -> Iterator[tuple[Rows, TextGraphBatch]]:
        yield np.arange(len(places)), text_graph_batch(graphs.read(places))

    return batches
