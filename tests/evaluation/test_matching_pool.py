"""The stored pool."""

from pathlib import Path

import numpy as np
import pytest

from habitus.errors import DataError
from habitus.evaluation.matching_pool import MatchingPool
from habitus.evaluation.matching_split import MatchingSplit
from tests.evaluation.shoppers import shopper_events, shoppers

SPLIT = MatchingSplit(pool=6)


def test_what_is_stored_is_read_again(tmp_path: Path) -> None:
    traces = shoppers(tmp_path / "traces")
    pool = MatchingPool.draw(traces, SPLIT)
    pool.save(tmp_path / "pool.npz")
    again = MatchingPool.load(tmp_path / "pool.npz")
    assert (again.seed, again.digest) == (0, traces.digest)
    np.testing.assert_array_equal(again.users_N, pool.users_N)
    np.testing.assert_array_equal(pool.users_N, SPLIT.rows(traces, "test"))
    snapshot = again.snapshot(traces, 2)
    assert snapshot.users_U.tolist() == pool.users_N.tolist()
    assert snapshot.as_of == 2


def test_it_belongs_to_its_traces(tmp_path: Path) -> None:
    pool = MatchingPool.draw(shoppers(tmp_path / "one"), SPLIT)
    other = shoppers(tmp_path / "other", shopper_events(50))
    with pytest.raises(DataError, match="drawn from other traces"):
        pool.snapshot(other)


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    for name, content in (("missing", None), ("text", b"no")):
        file = tmp_path / f"{name}.npz"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(DataError, match="holds no pool"):
            MatchingPool.load(file)
    np.savez(tmp_path / "other.npz", seed=np.array(1))
    with pytest.raises(DataError, match="holds no pool"):
        MatchingPool.load(tmp_path / "other.npz")
