"""The rows that are encoders, and the map of a model."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.representations.model import Model, Vectors
from habitus.runs.model_rows import ModelRows, map_entry, with_events
from habitus.runs.pretrain import Pretrained
from habitus.runs.steps import Steps
from tests.small import CUTOFF, small_events, small_run, small_traces


@pytest.fixture
def rows(traces: Traces, undisturbed: Pretrained, tmp_path: Path) -> ModelRows:
    models = [undisturbed.model]
    return ModelRows(traces=traces, steps=Steps(tmp_path), models=models, runs=[small_run()])


def test_ours_is_the_model_and_untrained_is_not(rows: ModelRows, traces: Traces) -> None:
    snapshot = Snapshot(traces, CUTOFF)
    [untrained] = rows.controls()
    assert untrained.name == "untrained"
    for method, same in ((rows.ours(), True), (untrained, False)):
        assert method.represent is not None
        z_UD = method.represent(snapshot)
        assert np.array_equal(z_UD, rows.models[0].encode(snapshot)) == same


def test_a_model_of_other_making_has_no_controls(rows: ModelRows) -> None:
    other = ModelRows(traces=rows.traces, steps=rows.steps, models=rows.models, runs=[])
    assert other.controls() == []


def test_ours_says_why_it_has_no_controls_and_nothing_where_it_has_them(rows: ModelRows) -> None:
    assert rows.ours().notes == ()
    untold = replace(rows, runs=[], why_no_runs="its traces are lost")
    assert untold.ours().notes == ("what pre-training adds is left out: its traces are lost",)
    # Row by row of one experiment, nothing is left out: its controls are rows of their own.
    assert replace(rows, runs=[]).ours().notes == ()


def test_a_warm_run_has_both_controls(rows: ModelRows) -> None:
    runs = [small_run(warm_start=True)]
    warm = ModelRows(traces=rows.traces, steps=rows.steps, models=rows.models, runs=runs)
    assert [method.name for method in warm.controls()] == ["untrained", "warm_start"]


def test_costs_are_of_what_was_encoded(rows: ModelRows, traces: Traces) -> None:
    assert rows.encoding_entry()["num_representations"] == 0
    assert rows.encoding_entry()["users_per_second"] is None
    represent = rows.ours().represent
    assert represent is not None
    represent(Snapshot(traces, CUTOFF))
    assert rows.encoding_entry()["num_representations"] == traces.num_users
    assert rows.encoding_entry()["bytes_per_user"] == 2 * rows.models[0].representation_dim


def test_the_map_has_a_point_for_each_user_with_events(rows: ModelRows, traces: Traces) -> None:
    snapshot = with_events(Snapshot(traces, CUTOFF))
    assert (snapshot.lengths_U > 0).all()
    entry = map_entry(rows.models[0], snapshot, {"row": snapshot.users_U})
    assert len(entry["x"]) == len(entry["y"]) == snapshot.num_users
    assert set(entry["colors"]) == {"events before the cutoff", "row"}
    # The first component explains most.
    assert entry["explained"][0] >= entry["explained"][1]


class Interrupted:
    """A model whose vector is the user's row, stopped by the user at the given buckets."""

    representation_dim = 1
    about: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, digest: str | None, stop_at: Sequence[int]) -> None:
        self.digest, self.stop_at = digest, stop_at
        self.sizes: list[int] = []

    def encode(self, snapshot: Snapshot) -> Vectors:
        self.sizes.append(snapshot.num_users)
        if len(self.sizes) in self.stop_at:
            raise KeyboardInterrupt
        return snapshot.users_U[:, None].astype(np.float32)


@pytest.mark.parametrize("digest", ["some weights", None])
def test_interrupted_vectors_go_on_whether_the_model_was_saved_or_not(
    digest: str | None, tmp_path: Path
) -> None:
    traces = small_traces(tmp_path / "traces", small_events(num_users=1100))
    fake = Interrupted(digest, stop_at=[2, 4])
    rows = ModelRows(
        traces=traces, steps=Steps(tmp_path / "steps"), models=[cast("Model", fake)], runs=[]
    )
    represent = rows.ours().represent
    assert represent is not None
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            represent(Snapshot(traces, CUTOFF))
    z_UD = represent(Snapshot(traces, CUTOFF))
    np.testing.assert_array_equal(z_UD[:, 0], np.arange(1100))
    # 1,100 = 512 + 512 + 76 users: the second and the third bucket were interrupted once each.
    assert fake.sizes == [512, 512, 512, 76, 76]
