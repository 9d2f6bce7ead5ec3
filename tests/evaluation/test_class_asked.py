"""Who is asked which class task, and what a pre-training may have seen."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data.snapshot import END_OF_TIME, Snapshot, parse_time
from habitus.data.split import UserSplit
from habitus.data.traces import Traces
from habitus.errors import GuardError
from habitus.evaluation.class_asked import CLASS_SPLIT, ask_classes, guard_late, protocol_of
from habitus.evaluation.halved import Halves
from habitus.testing.hand_made import write_traces
from tests.evaluation.class_world import CLASSES, asked_of, later, other_half, task, taste
from tests.evaluation.world import SPLIT, TEST, parts, world


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return world(tmp_path_factory.mktemp("world") / "traces")


def test_users_are_parted_by_the_hash_of_their_ids(traces: Traces) -> None:
    asked = asked_of(traces, taste())
    for part, users in parts(traces).items():
        np.testing.assert_array_equal(getattr(asked, part).users_B, users)
    np.testing.assert_array_equal(asked.users, np.arange(traces.num_users))


def test_eight_to_one_to_one() -> None:
    users = write_ids(2000)
    shares = np.bincount(CLASS_SPLIT.part_of(users)) / 2000
    # standard error of .1 among 2000: .0067
    np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=3 * 0.0067)


def write_ids(number: int) -> Any:
    import pyarrow as pa

    return pa.array([f"user {i}" for i in range(number)])


def test_classes_are_those_of_the_users(traces: Traces) -> None:
    asked = asked_of(traces, taste())
    for answers in (asked.train, asked.valid, asked.test):
        np.testing.assert_array_equal(answers.y_B, answers.users_B % 3)
    assert asked.classes == tuple(CLASSES)
    assert asked.as_of == END_OF_TIME
    assert asked_of(traces, later()).as_of == parse_time(TEST)


def test_edges_are_those_of_the_training_users_of_the_split(traces: Traces) -> None:
    groups = ["none", "few", "some", "many"]
    amount = task("activity", as_of="2020-06-01", horizon_days=30, classes=groups)
    # so few training users that their quartiles are others than everybody's
    few = UserSplit(train=0.04, valid=0.1, test=0.86, seed=1)
    asked = ask_classes(amount, traces, traces, few, min_per_class=0)
    users_B, class_B = amount.answers(traces, few.rows(traces, "train"))
    assert (class_B != amount.answers(traces)[1]).any(), "everybody must have other quartiles"
    for answers in (asked.train, asked.valid, asked.test):
        want_B = class_B[np.searchsorted(users_B, answers.users_B)]
        np.testing.assert_array_equal(answers.y_B, want_B)


def test_only_users_of_whom_something_may_be_read_are_asked(tmp_path: Path) -> None:
    # Eve has nothing before June, and Fay nothing at all.
    times = {"ann": "2020-05-01", "bob": "2020-05-02", "eve": "2020-06-02"}
    events = {name: [{"time": parse_time(t), "aisle": "a0"}] for name, t in times.items()}
    profiles = {"user_id": ["ann", "bob", "eve", "fay"], "taste": ["a0", "a1", "a0", "a1"]}
    traces = write_traces(
        tmp_path / "t", events | {"fay": []}, {"aisle": "category"}, tables={"profiles": profiles}
    )
    asked = asked_of(traces, taste(as_of=TEST, classes=["a0", "a1"]), least=0)
    assert asked.users.tolist() == [0, 1]


def test_what_is_handed_over_holds_no_test_label(traces: Traces) -> None:
    asked = asked_of(traces, later())
    chosen_B = np.arange(len(asked.train.y_B)) % 2 == 0
    handed = asked.handed(chosen_B)
    assert (handed.task, handed.classes) == ("later", tuple(CLASSES))
    np.testing.assert_array_equal(handed.train.users_U, asked.train.users_B[chosen_B])
    np.testing.assert_array_equal(handed.train_y_B, asked.train.y_B[chosen_B])
    np.testing.assert_array_equal(handed.valid_y_B, asked.valid.y_B)
    np.testing.assert_array_equal(handed.test.users_U, asked.test.users_B)
    assert not [name for name in vars(handed) if "test_y" in name]
    for snapshot in (handed.train, handed.valid, handed.test):
        assert snapshot.as_of == parse_time(TEST)
        assert (snapshot.values("time", snapshot.latest()[0]) < parse_time(TEST)).all()


def test_a_half_that_answers_is_not_there_to_be_read(traces: Traces) -> None:
    one = other_half()
    with Halves(traces) as halves:
        seen = halves.of(one.config)
        asked = ask_classes(one, traces, seen, SPLIT)
        everything = Snapshot(traces, None, asked.test.users_B)
        half = asked.handed().test
        assert 0 < half.lengths_U.sum() < everything.lengths_U.sum()
        np.testing.assert_array_equal(half.user_ids, everything.user_ids)


def test_a_part_without_enough_of_a_class_leaves_the_task_out(traces: Traces) -> None:
    sizes = np.bincount(asked_of(traces, taste()).test.y_B)
    message = rf"of its {sizes.sum()} test users {sizes.min()} are 'a{sizes.argmin()}', and at"
    with pytest.raises(GuardError, match=message):
        asked_of(traces, taste(), least=int(sizes.min()) + 1)
    asked = asked_of(traces, taste(), least=int(sizes.min()))
    # those who only validate may be fewer
    assert np.bincount(asked.valid.y_B).min() < sizes.min()


def test_those_who_validate_are_two_of_each_class(tmp_path: Path) -> None:
    found = set()
    for size in range(12, 60, 6):
        traces = world(tmp_path / str(size), size)
        sizes = {p: np.bincount(rows % 3, minlength=3).min() for p, rows in parts(traces).items()}
        least = int(min(sizes["train"], sizes["test"]))
        if sizes["valid"] < min(least, 2):
            with pytest.raises(GuardError, match="valid users"):
                asked_of(traces, taste(), least=least)
        else:
            asked_of(traces, taste(), least=least)
        found.add(bool(sizes["valid"] < min(least, 2)))
    assert found == {True, False}, "both must occur for this to say anything"


def split(train: float, valid: float, test: float, seed: int = 0) -> dict[str, Any]:
    return {"split": UserSplit(train=train, valid=valid, test=test, seed=seed).to_dict()}


@pytest.mark.parametrize(
    ("run", "protocol"),
    [
        (split(0.5, 0.2, 0.3), "strict-inductive"),
        # the hash is the same, and more users are kept apart
        (split(0.4, 0.1, 0.5), "strict-inductive"),
        (split(0.6, 0.2, 0.2), "transductive-text"),
        (split(0.5, 0.2, 0.3, seed=1), "transductive-text"),
        ({**split(0.5, 0.2, 0.3), "protocol": "transductive-text"}, "transductive-text"),
        ({}, "transductive-text"),
    ],
)
def test_a_run_is_strict_if_it_kept_the_test_users_apart(
    run: dict[str, Any], protocol: str, traces: Traces
) -> None:
    assert protocol_of([run], traces, SPLIT) == protocol
    assert protocol_of([{"split": SPLIT.to_dict()}, run], traces, SPLIT) == protocol


def test_without_pre_training_nothing_was_seen(traces: Traces) -> None:
    assert protocol_of([], traces, SPLIT) == "strict-inductive"


@pytest.mark.parametrize(
    ("as_of", "cutoff", "late"),
    [
        (None, TEST, True),
        ("2020-06-02", TEST, True),
        (TEST, TEST, False),
        ("2020-05-01", TEST, False),
        (1, 2, True),
        (2, 2, False),
        (None, None, False),
    ],
)
def test_a_model_may_not_know_what_comes_after_a_cutoff(
    as_of: Any, cutoff: Any, late: bool
) -> None:
    tasks = [taste(as_of=cutoff)]
    runs = [{"as_of": as_of, "split": {}}]
    if late:
        with pytest.raises(GuardError, match=f"past the cutoff {cutoff} of task 'taste'"):
            guard_late(runs, tasks)
    else:
        guard_late(runs, tasks)
    guard_late([{}], tasks)
