from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.datasets.subpopulations import Subpopulations, SubpopulationsConfig
from habitus.evaluation.asked import users_by_cutoff
from habitus.evaluation.asked_together import AskedTogether
from habitus.evaluation.features import encoder_method
from habitus.evaluation.predictions import ProbeTrials
from habitus.evaluation.vectors import FeatureStore
from habitus.metrics import auroc
from habitus.probes.base import Matrix
from habitus.probes.components import Components
from habitus.runs.analyses import ple_rows
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.analyses.capacity_sets import ASKED_SPLIT, offers_of
from habitus.runs.analyses.ple_rows import (
    AGGREGATES,
    ALONE,
    PLE,
    RANDOM,
    PleReader,
    PleRow,
    control_rows,
    counts_of,
    layer_norm,
)

CONFIG = SubpopulationsConfig(
    num_users=900, num_groups=3, num_needs=16, num_remedies=4, events_per_user=8, num_offers=2
)


class Answers:
    """An encoder that writes the answers themselves into its vectors."""

    def __init__(self, traces: Traces) -> None:
        table = traces.table("labels")
        assert table is not None
        self.calls = 0
        values = {
            (u, t): v
            for u, t, v in zip(
                *(table[c].to_pylist() for c in ("user_id", "task", "value")), strict=True
            )
        }
        self.said = {u: [values[u, "offer_0"], values[u, "offer_1"], 0.3, -1.0] for u, _ in values}

    def encode(self, snapshot: Snapshot) -> Matrix:
        self.calls += 1
        return np.array([self.said[u] for u in snapshot.user_ids.to_pylist()], np.float32)


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return Subpopulations(CONFIG).ingest(tmp_path_factory.mktemp("ple") / "traces")


@pytest.fixture
def reader(traces: Traces, tmp_path: Path) -> PleReader:
    asked = offers_of(CONFIG, traces)
    plan = AnalysisPlan(
        data="subpopulations", root=tmp_path, show=lambda *_: None, card=lambda _: "card"
    )
    return PleReader(
        plan=plan,
        together=AskedTogether(asked),
        store=FeatureStore(traces, users_by_cutoff(asked), None),
        counts=counts_of(train_of(traces)),
        config=replace(PLE, max_epochs=30, learning_rate=5e-3),
        trials=ProbeTrials(seeds=(0, 1)),
    )


def train_of(traces: Traces) -> Snapshot:
    return Snapshot(traces, CONFIG.cutoff, ASKED_SPLIT.rows(traces, "train"))


def test_a_vector_that_tells_the_answers_is_read(reader: PleReader, traces: Traces) -> None:
    knowing = Answers(traces)
    method = encoder_method("knows", "knows", "ours", "Answers.", knowing, "knows")
    scores = reader.scores(PleRow(name="knows", label="knows", beside=method))
    alone = reader.scores(PleRow(name=ALONE, label="alone"))
    for task in ("offer_0", "offer_1"):
        y_B = reader.together.tasks[task].test.y_B
        assert scores[task].shape == alone[task].shape == (2, len(y_B))
        told = [auroc(y_B, s_B) for s_B in scores[task]]
        guessed = [auroc(y_B, s_B) for s_B in alone[task]]
        assert min(told) > 0.97
        assert max(guessed) < 0.9
        assert told[0] != told[1] or guessed[0] != guessed[1]


def test_a_vector_stands_beside_the_counts_as_components(reader: PleReader, traces: Traces) -> None:
    class Faint(Answers):
        """The same answers, beside numbers that vary more."""

        def encode(self, snapshot: Snapshot) -> Matrix:
            told_UD = super().encode(snapshot)
            draws = np.random.default_rng(0).normal(size=(4096, 6))
            noise_UD = draws[[int(u[-4:]) for u in snapshot.user_ids.to_pylist()]]
            mixed = np.random.default_rng(1).normal(size=(4, 6))
            return np.asarray(noise_UD + 1e-2 * told_UD @ mixed, np.float32)

    method = encoder_method("faint", "faint", "ours", "Answers.", Faint(traces), "faint")
    parts = reader._inputs(np.ones(len(reader.together.train.user_B), bool), method, "vector")
    counts = reader._inputs(np.ones(len(reader.together.train.user_B), bool), None, "vector")
    # Components are those of a LayerNorm of six numbers, and their spread is what was there.
    assert parts[0].shape[1] - counts[0].shape[1] <= 6
    assert (parts[2][:, : counts[2].shape[1]] == counts[2]).all()
    components = parts[0][:, counts[0].shape[1] :]
    correlation = np.corrcoef(components.T) - np.eye(components.shape[1])
    assert np.abs(correlation).max() < 1e-3


def test_very_many_counts_are_read_by_their_components(
    reader: PleReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = np.ones(len(reader.together.train.user_B), bool)
    whole = reader._inputs(everybody, None, "vector")
    assert 6 < whole[0].shape[1] <= ple_rows.WIDEST
    monkeypatch.setattr(ple_rows, "WIDEST", 6)
    few = reader._inputs(everybody, None, "vector")
    assert [x_BD.shape[1] for x_BD in few] == [6, 6, 6]
    expected = Components.fit(whole[0], 6)
    assert few[2] == pytest.approx(expected(whole[2]), abs=1e-5)
    # What is fitted is fitted on the rows that a seed sees, and on no others.
    half = everybody.copy()
    half[::2] = False
    other = reader._inputs(half, None, "vector")[2]
    assert other == pytest.approx(Components.fit(whole[0][half], 6)(whole[2]), abs=1e-5)
    both = reader._inputs(everybody, reader.counts, "counts")
    assert [x_BD.shape[1] for x_BD in both] == [12, 12, 12]


def test_what_was_trained_is_kept_by_what_it_read(reader: PleReader, traces: Traces) -> None:
    row = PleRow(name=ALONE, label="alone")
    first = reader.scores(row)
    again = reader.scores(row)
    assert all((first[task] == again[task]).all() for task in first)
    kept = len(list(reader.plan.steps.root.glob("ple-*")))
    assert kept == 2
    noise = control_rows(train_of(traces), 4, (0, 1))[1]
    other = reader.scores(noise)
    assert len(list(reader.plan.steps.root.glob("ple-*"))) == 4
    assert any((other[task] != first[task]).any() for task in first)


def test_controls_stand_in_order(traces: Traces) -> None:
    alone, noise, aggregates = control_rows(train_of(traces), 5, (0, 1, 2))
    assert [row.name for row in (alone, noise, aggregates)] == [ALONE, RANDOM, AGGREGATES]
    assert alone.beside is None
    assert noise.beside is not None
    assert len(noise.beside.variants) == 3
    drawn = noise.beside.at(1).represent
    assert drawn is not None
    assert drawn(train_of(traces)).shape[1] == 5
    # Counts of an analyst keep their sizes; a LayerNorm would take out how much there is.
    assert aggregates.kind == "counts"


def test_rows_are_normalised_as_by_torch() -> None:
    z_BD = np.random.default_rng(0).normal(3.0, 2.0, size=(5, 7)).astype(np.float32)
    oracle = torch.nn.functional.layer_norm(torch.from_numpy(z_BD), (7,)).numpy()
    assert layer_norm(z_BD) == pytest.approx(oracle, abs=1e-6)
    assert layer_norm(np.full((2, 3), 4.0, np.float32)).tolist() == [[0.0] * 3] * 2
