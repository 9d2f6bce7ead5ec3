"""What every run promises, beside what its heirs are tested for."""

from pathlib import Path

import numpy as np
import pytest

from habitus.runs import RUNS, Run
from tests.small import CUTOFF, small_run, small_traces


def test_a_seed_is_the_run_s_and_the_training_s() -> None:
    run = small_run().with_seed(7)
    assert (run.seed, run.training.seed) == (7, 7)
    assert run.with_seed(small_run().seed) == small_run()


def test_a_snapshot_is_of_one_part_before_the_cutoff(tmp_path: Path) -> None:
    traces, run = small_traces(tmp_path / "t"), small_run()
    parts = [run.snapshot(traces, part) for part in ("train", "valid", "test")]
    everybody = np.concatenate([snapshot.users_U for snapshot in parts])
    assert sorted(everybody.tolist()) == list(range(traces.num_users))
    assert all((s.values("time", s.latest()[0]) < s.as_of).all() for s in parts)
    assert run.as_of == CUTOFF


@pytest.mark.parametrize("name", list(RUNS))
def test_every_run_has_three_presets_or_more_and_survives_a_round_trip(name: str) -> None:
    for preset in ("paper", "ci", "quick"):
        run = RUNS[name](preset)
        assert isinstance(run, Run)
        assert (run.name, run.preset) == (name, preset)
        assert type(run).from_dict(run.to_dict()) == run
        assert run.label
