"""A pre-trained model fine-tuned on class tasks (PASUM P20), as a method like any other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from habitus.comparisons.end_to_end import tune_on_task
from habitus.comparisons.kept_users import kept_graphs
from habitus.data.snapshot import Snapshot
from habitus.data.text_graph_encoding import TextGraphEncoding
from habitus.data.traces import Rows
from habitus.probes.fine_tune import Batches, FineTuneConfig
from habitus.probes.text_graph_rows import text_graph_rows
from habitus.probes.trials import Trial
from habitus.representations.model import Encoding, Model
from habitus.tasks.classes import ClassAsked


class FineTunedModel:
    """Answers class tasks by a copy of the model's encoder, trained with a head on each of them.

    Args:
        model: its weights stay as they are.
        config: what is tried.
    """

    def __init__(self, model: Model, config: FineTuneConfig | None = None) -> None:
        self.model = model
        self.config = config or FineTuneConfig()
        self.trials: tuple[Trial, ...] = ()
        """What the last :meth:`classify` tried (B-0)."""
        encoding = model.encoding
        # Building graphs takes longer than training on them: each user's is built once.
        self._graphs = (
            kept_graphs(encoding.graphs) if isinstance(encoding, TextGraphEncoding) else None
        )

    def classify(self, asked: ClassAsked, seed: int = 0) -> npt.NDArray[np.float64]:
        """Return the probability of each class for each test user, ``(B, C)``."""
        probability_BC, tuned = tune_on_task(
            self.model.encoder, self._batches_of, asked, self.config, seed
        )
        self.trials = tuned.trials
        return probability_BC

    def _batches_of(self, snapshot: Snapshot) -> Batches:
        if self._graphs is not None:
            return text_graph_rows(self._graphs.read(snapshot))
        return chosen_users(self.model.encoding, snapshot)


def chosen_users(encoding: Encoding, snapshot: Snapshot) -> Batches:
    """Return what asks an encoding for some users of a snapshot, each time anew."""

    def batches(places: Rows) -> Iterator[tuple[Rows, Any]]:
        chosen = Snapshot(snapshot.traces, snapshot.as_of, snapshot.users_U[places])
        yield from encoding.batches(chosen)

    return batches
