"""PLE on counts, alone or with a frozen vector beside them (SUPERMOE Table 4, B-26, B-29).

What PLE reads alone is how often a user had each common value of each channel, how recently and how
regularly: a first layer on counts is a mean of embeddings, as B-25 feeds it. A vector goes through
a LayerNorm and, as principal components of the training rows, stands beside them; every column is
then standardised. A few hundred steps of training read what varies much; what a vector knows may
vary little, and is otherwise passed over.

Differs from the paper, which does not say what PLE reads, and from B-29 by the components. Test
users never choose.

Shapes: B rows, D width, S seeds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from habitus.comparisons.aggregates import Aggregates, AggregatesConfig
from habitus.comparisons.random_vectors import RandomVectors, RandomVectorsConfig
from habitus.config import digest_of
from habitus.data.snapshot import Snapshot
from habitus.evaluation.asked_together import AskedTogether, PartRows
from habitus.evaluation.features import Method, comparison_method, over_seeds
from habitus.evaluation.predictions import ProbeTrials, chosen_rows
from habitus.evaluation.vectors import FeatureStore
from habitus.metrics.arrays import Floats
from habitus.nn.multi_task import MultiTaskHeadConfig
from habitus.probes.base import Matrix
from habitus.probes.components import Components
from habitus.probes.multi_task import MultiTask, MultiTaskConfig
from habitus.probes.task_answers import ManyLabelled
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.steps import Json

Chosen = npt.NDArray[np.bool_]
ALONE, RANDOM, AGGREGATES = "alone", "random", "aggregates"
PLE: Final = MultiTaskConfig(head=MultiTaskHeadConfig(head="ple"))
COUNTS: Final = AggregatesConfig(top_category=64, top_id=64, top_recent=0, windows_days=())
"""What PLE reads alone."""
COMPONENTS: Final = 128
"""Principal components of a vector, at most (D5)."""
WIDEST: Final = 256
"""Columns of counts; where there are more, as many components take their place."""
EPSILON: Final = 1e-5
"""In the root of the LayerNorm, as in torch."""


@dataclass(frozen=True, kw_only=True)
class PleRow:
    """One row: PLE on counts, and what stands beside them."""

    name: str
    label: str
    beside: Method | None = None
    kind: Literal["vector", "counts"] = "vector"
    """A vector goes through a LayerNorm; counts of an analyst would lose what they say by it."""


@dataclass(frozen=True, kw_only=True)
class PleReader:
    """Trains PLE on rows of a set, once for each seed, and keeps what it says of test users."""

    plan: AnalysisPlan
    together: AskedTogether
    store: FeatureStore
    counts: Method
    config: MultiTaskConfig = field(default_factory=lambda: PLE)
    trials: ProbeTrials = field(default_factory=ProbeTrials)

    def scores(self, row: PleRow) -> dict[str, Floats]:
        """Return task → what PLE says of its test users, ``(S, B)``, made now or before."""
        found: dict[str, list[Floats]] = {task: [] for task in self.together.tasks}
        for place, seed in enumerate(self.trials.seeds):
            self.plan.show("PLE", place, len(self.trials.seeds), row.label)
            beside = None if row.beside is None else row.beside.at(place)
            inputs = {
                "traces": self.store.traces.digest,
                "counts": self.counts.fingerprint,
                "beside": None if beside is None else [beside.fingerprint, row.kind],
                "components": [COMPONENTS, WIDEST],
                "config": self.config.to_dict(),
                "tasks": [task.dated.to_dict() for task in self.together.tasks.values()],
                "answers": digest_of([part.user_B.tolist() for part in self._parts]),
                "share": self.trials.train_share,
                "seed": seed,
            }

            def make(folder: Path, beside: Method | None = beside, seed: int = seed) -> Json:
                return self._train(folder, beside, row.kind, seed)

            folder, _ = self.plan.steps.run("ple", inputs, make)
            with np.load(folder / "scores.npz", allow_pickle=False) as kept:
                for task, scores_S in found.items():
                    scores_S.append(kept[task])
        return {task: np.stack(scores_S) for task, scores_S in found.items()}

    @property
    def _parts(self) -> tuple[PartRows, PartRows, PartRows]:
        return self.together.train, self.together.valid, self.together.test

    def _train(self, folder: Path, beside: Method | None, kind: str, seed: int) -> Json:
        """Write the scores of the test users of every task, and return facts."""
        train, valid, test = self._parts
        chosen_B = chosen_rows(train.user_B, self.trials, seed)
        x = self._inputs(chosen_B, beside, kind)
        probe = MultiTask(self.config).fit(
            _labelled(train, x[0], chosen_B), _labelled(valid, x[1], slice(None)), seed
        )
        said = probe.predict(x[2])
        scores = {task: said[task][~np.isnan(test.y[task])] for task in self.together.tasks}
        np.savez(folder / "scores.npz", **scores)  # type: ignore[arg-type]
        return {"epochs": len(probe.weight_path), "weights": probe.num_weights}

    def _inputs(self, chosen_B: Chosen, beside: Method | None, kind: str) -> list[Matrix]:
        """Return what PLE reads of the rows of each part, fitted on the chosen training rows."""
        counts = _narrowed(
            [part.vectors(self.counts, self.store) for part in self._parts], chosen_B
        )
        if beside is None:
            return counts
        vectors = [part.vectors(beside, self.store) for part in self._parts]
        if kind == "vector":
            normed = [layer_norm(z_BD) for z_BD in vectors]
            components = Components.fit(normed[0][chosen_B], COMPONENTS)
            vectors = [components(z_BD) for z_BD in normed]
        else:
            vectors = _narrowed(vectors, chosen_B)
        return [np.hstack(both) for both in zip(counts, vectors, strict=True)]


def _narrowed(parts: list[Matrix], chosen_B: Chosen) -> list[Matrix]:
    """Return counts as they are, or their components where they are very many."""
    if parts[0].shape[1] <= WIDEST:
        return parts
    components = Components.fit(parts[0][chosen_B], WIDEST)
    return [components(x_BD) for x_BD in parts]


def layer_norm(z_BD: Matrix) -> Matrix:
    """Return rows of mean 0 and variance 1, as a LayerNorm without weights makes them.

    >>> layer_norm(np.array([[1.0, 3.0]], np.float32)).round(2).tolist()
    [[-1.0, 1.0]]
    """
    centred_BD = z_BD - z_BD.mean(axis=1, keepdims=True)
    variance_B1 = np.square(centred_BD).mean(axis=1, keepdims=True)
    return np.asarray(centred_BD / np.sqrt(variance_B1 + EPSILON), np.float32)


def counts_of(train: Snapshot) -> Method:
    """Return what PLE reads alone, fitted on a training snapshot."""
    return _fitted(Aggregates(COUNTS), train)


def control_rows(train: Snapshot, width: int, seeds: tuple[int, ...]) -> list[PleRow]:
    """Return PLE alone, with random vectors of a width, and with the aggregates (B-29)."""
    draws = []
    for seed in seeds:
        noise = RandomVectors(RandomVectorsConfig(width=width))
        noise.fit(train, seed)
        words = "Numbers that know nothing."
        draws.append(comparison_method(noise, "control", words, f"{_key(train)} {seed}"))
    return [
        PleRow(name=ALONE, label="PLE alone"),
        PleRow(name=RANDOM, label="PLE + random vector", beside=over_seeds(draws)),
        PleRow(
            name=AGGREGATES,
            label="PLE + aggregates",
            beside=_fitted(Aggregates(), train),
            kind="counts",
        ),
    ]


def _fitted(counting: Aggregates, train: Snapshot) -> Method:
    counting.fit(train)
    return comparison_method(counting, "comparison", "What an analyst counts.", _key(train))


def _key(train: Snapshot) -> str:
    return digest_of([train.traces.digest, train.as_of, train.users_U.tolist()])


def _labelled(part: PartRows, x_BD: Matrix, chosen: Any) -> ManyLabelled:  # noqa: ANN401
    y = {task: y_B[chosen] for task, y_B in part.y.items()}
    return ManyLabelled(x_BD[chosen], y, part.user_B[chosen])
