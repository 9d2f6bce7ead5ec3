"""Vectors that were encoded before."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from habitus.data.snapshot import Snapshot, parse_time
from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.errors import DataError
from habitus.evaluation.stored import StoredRepresentations, folders_of
from habitus.representations.encode import RepresentationsManifest
from tests.evaluation.world import world


def store(
    path: Path, traces: Traces, users: list[int], as_of: str = "2020-06-01", width: int = 2
) -> Path:
    """Write representations whose first number is ten times the user's row."""
    path.mkdir()
    vectors = np.tile(np.float16(10) * np.array(users, np.float16)[:, None], (1, width))
    np.save(path / "vectors.npy", vectors)
    ids = traces.user_ids.take(pa.array(users))
    pq.write_table(pa.table({"user_id": ids}), path / "users.parquet")
    manifest = RepresentationsManifest(
        num_users=len(users), representation_dim=width, dtype="float16", as_of=parse_time(as_of),
        model_digest="m", traces_digest=traces.digest, seconds=1.0,
    )  # fmt: skip
    (path / "manifest.json").write_text(json.dumps(manifest.to_dict()))
    return path


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return world(tmp_path / "traces", 12)


def test_each_user_gets_their_own_vector(traces: Traces, tmp_path: Path) -> None:
    stored = StoredRepresentations([store(tmp_path / "one", traces, [7, 3, 5])])
    z_UD = stored.encode(Snapshot(traces, "2020-06-01", np.array([3, 7])))
    assert z_UD.dtype == np.float32
    np.testing.assert_array_equal(z_UD, [[30, 30], [70, 70]])


def test_each_cutoff_has_its_own_directory(traces: Traces, tmp_path: Path) -> None:
    paths = [
        store(tmp_path / when, traces, [3], as_of=when) for when in ("2020-05-01", "2020-06-01")
    ]
    stored = StoredRepresentations(paths)
    for when in ("2020-05-01", "2020-06-01"):
        assert len(stored.encode(Snapshot(traces, when, np.array([3])))) == 1
    with pytest.raises(DataError, match="of 2020-04-01, only of 2020-05-01, 2020-06-01"):
        stored.encode(Snapshot(traces, "2020-04-01", np.array([3])))
    assert stored.key != StoredRepresentations(paths[:1]).key


DATES = ("2020-04-01", "2020-05-01", "2020-06-01")


def test_a_folder_of_several_stands_for_all_of_them(traces: Traces, tmp_path: Path) -> None:
    (tmp_path / "vectors").mkdir()
    paths = [store(tmp_path / "vectors" / when, traces, [3], as_of=when) for when in DATES]
    assert folders_of([tmp_path / "vectors"]) == paths
    assert folders_of([paths[2], tmp_path / "vectors", tmp_path / "no"]) == [
        paths[2], *paths, tmp_path / "no",
    ]  # fmt: skip
    found = StoredRepresentations([tmp_path / "vectors"])
    assert found.key == StoredRepresentations(paths).key
    found.require(map(parse_time, DATES))
    with pytest.raises(DataError, match="give one directory a cutoff"):
        StoredRepresentations([tmp_path / "vectors", paths[0]])


def test_every_cutoff_that_is_missing_is_told_at_once(traces: Traces, tmp_path: Path) -> None:
    found = StoredRepresentations([store(tmp_path / "one", traces, [3], as_of=DATES[1])])
    with pytest.raises(DataError) as caught:
        found.require([*map(parse_time, DATES), parse_time(DATES[0])])
    assert str(caught.value) == (
        "the tasks ask at 3 cutoffs, and a representations directory holds the vectors of one; "
        "missing: 2020-04-01, 2020-06-01; given: 2020-05-01. Encode each, such as 'habitus encode "
        "MODEL TRACES --as-of 2020-04-01 --out vectors/2020-04-01', and give --representations "
        "vectors"
    )
    with pytest.raises(DataError, match=r"missing: 1970-01-01, .* and 2 more; given"):
        found.require(range(0, 5 * DAY, DAY))


def test_a_user_who_was_not_encoded_is_an_error(traces: Traces, tmp_path: Path) -> None:
    stored = StoredRepresentations([store(tmp_path / "one", traces, [3])])
    with pytest.raises(DataError, match="lacks 1 of 2 users"):
        stored.encode(Snapshot(traces, "2020-06-01", np.array([3, 4])))


def test_vectors_of_other_traces_are_an_error(traces: Traces, tmp_path: Path) -> None:
    stored = StoredRepresentations([store(tmp_path / "one", traces, [3])])
    other = world(tmp_path / "other", 13)
    with pytest.raises(DataError, match="encoded from other traces"):
        stored.encode(Snapshot(other, "2020-06-01", np.array([3])))


def test_a_cutoff_may_stand_once(traces: Traces, tmp_path: Path) -> None:
    paths = [store(tmp_path / name, traces, [3]) for name in ("one", "other")]
    with pytest.raises(DataError, match="both of 2020-06-01"):
        StoredRepresentations(paths)


def test_widths_must_agree(traces: Traces, tmp_path: Path) -> None:
    paths = [
        store(tmp_path / "one", traces, [3], "2020-05-01", width=2),
        store(tmp_path / "other", traces, [3], "2020-06-01", width=3),
    ]
    with pytest.raises(DataError, match="different widths"):
        StoredRepresentations(paths)
