"""Canaries sing for honest methods, and fall silent for each way to leak."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data.columns import TimeUnit
from habitus.data.snapshot import Snapshot, parse_time
from habitus.data.split import UserSplit
from habitus.data.traces import Traces
from habitus.evaluation.asked import AskedTask, PartUsers, ask, users_by_cutoff
from habitus.evaluation.canaries import (
    Canary,
    chance_verdict,
    fit_aggregates,
    fit_vocabulary,
    fitted_state_excludes_targets,
    future_changes_nothing,
    parts_share_no_user,
    permuted_labels_score_chance,
    planted_token_changes_nothing,
    run_canaries,
)
from habitus.evaluation.features import Represent
from habitus.evaluation.harness import EvaluationPlan
from habitus.evaluation.vectors import FeatureStore
from habitus.testing.hand_made import write_traces
from tests.evaluation.world import (
    SPLIT,
    TEST,
    Clairvoyant,
    Shares,
    aisle,
    inactive,
    method,
    parts,
    world,
)

CUTOFF = parse_time(TEST)


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return world(tmp_path_factory.mktemp("world") / "traces")


def with_dictionary(snapshot: Snapshot) -> np.ndarray:
    """Vectors that know how many values the data will ever have."""
    size = snapshot.traces.columns["aisle"].num_values
    return np.full((snapshot.num_users, 1), size, np.float32)


@pytest.mark.parametrize("check", [future_changes_nothing, planted_token_changes_nothing])
def test_honest_vectors_pass(check: Any, traces: Traces) -> None:
    canary = check(Shares().represent, traces, CUTOFF, num_users=50)
    assert canary.passed
    assert canary.detail == "50 users at 2020-06-01: bit-identical"


def test_a_method_that_reads_the_future_is_caught(traces: Traces) -> None:
    canary = future_changes_nothing(Clairvoyant().represent, traces, CUTOFF)
    assert not canary.passed
    assert "users changed at 2020-06-01" in canary.detail


def test_a_method_that_changes_in_the_last_bit_is_caught(traces: Traces) -> None:
    def nearly(snapshot: Snapshot) -> np.ndarray:
        late = np.diff(snapshot.traces.offsets_U1)[snapshot.users_U] % 2 == 1
        ones = np.ones((snapshot.num_users, 1), np.float32)
        return np.where(late[:, None], np.nextafter(ones, np.float32(2)), ones)

    assert not future_changes_nothing(nearly, traces, CUTOFF).passed


def test_a_method_that_knows_all_values_is_caught_by_the_planted_one(traces: Traces) -> None:
    assert future_changes_nothing(with_dictionary, traces, CUTOFF).passed
    assert not planted_token_changes_nothing(with_dictionary, traces, CUTOFF).passed


def test_a_vector_of_another_width_is_caught(traces: Traces) -> None:
    def wide(snapshot: Snapshot) -> np.ndarray:
        size = snapshot.traces.columns["aisle"].num_values
        return np.zeros((snapshot.num_users, size), np.float32)

    canary = planted_token_changes_nothing(wide, traces, CUTOFF, num_users=9)
    assert "shape (9, 3) became (9, 4)" in canary.detail


@pytest.mark.parametrize("time_unit", ["second", "order"])
def test_it_works_with_any_time(time_unit: TimeUnit, tmp_path: Path) -> None:
    events = {f"{u}": [{"time": t, "aisle": f"a{t}"} for t in range(2 + u)] for u in range(9)}
    few = write_traces(tmp_path / "few", events, {"aisle": "category"}, time_unit=time_unit)

    def lengths(snapshot: Snapshot) -> np.ndarray:
        return snapshot.lengths_U[:, None].astype(np.float32)

    def last(snapshot: Snapshot) -> np.ndarray:
        end_U = snapshot.traces.offsets_U1[snapshot.users_U + 1]
        return snapshot.traces.column("aisle")[end_U - 1][:, None].astype(np.float32)

    assert future_changes_nothing(lengths, few, 2).passed
    assert not future_changes_nothing(last, few, 2).passed


def asked_store(traces: Traces, users: PartUsers) -> tuple[AskedTask, FeatureStore]:
    task = ask(aisle(), traces, users)
    return task, FeatureStore(traces, users_by_cutoff([task]), None)


def test_permuted_labels_score_chance_for_honest_vectors(traces: Traces) -> None:
    task, store = asked_store(traces, parts(traces))
    canary = permuted_labels_score_chance(task, method(), store)
    assert canary.passed, canary.detail


@pytest.mark.parametrize(
    ("scores", "passed", "drawn"),
    [
        # Three standard errors of five are 3 · .1 / √5 = .134; of twenty others .067.
        (lambda _: 0.64, False, 25),
        (lambda _: 0.36, False, 25),
        (lambda _: 0.63, True, 5),
        (lambda number: 0.6 if number % 5 else 0.5, True, 5),
        (lambda number: 0.7 if number < 5 else 0.55, True, 25),
        (lambda number: 0.7 if number < 5 else 0.57, False, 25),
    ],
)
def test_a_leak_repeats_itself_and_luck_does_not(
    scores: Callable[[int], float], passed: bool, drawn: int
) -> None:
    met: list[int] = []

    def draw(number: int) -> tuple[float, float]:
        met.append(number)
        return scores(number), 0.1

    canary = chance_verdict(draw, 0.5, "ours, tea: mean AUROC", 5)
    assert (canary.passed, met) == (passed, list(range(drawn)))
    if drawn == 25:
        assert "of 5 permutations" in canary.detail
        assert "; of 20 permutations" in canary.detail
        assert "chance is .5 ± 0.067" in canary.detail


class Name(Shares):
    """Vectors that tell who a user is, and nothing else: forty random numbers."""

    def represent(self, snapshot: Snapshot) -> np.ndarray:
        known = np.random.default_rng(0).standard_normal((snapshot.traces.num_users, 120))
        return np.asarray(known[snapshot.users_U], np.float32)


def test_test_users_among_the_training_rows_are_caught(traces: Traces) -> None:
    honest = parts(traces)
    everybody = np.concatenate([honest["train"], honest["test"]])
    leaky: PartUsers = {**honest, "train": everybody}
    for users, passes in ((honest, True), (leaky, False)):
        task, store = asked_store(traces, users)
        canary = permuted_labels_score_chance(task, method(made=Name()), store)
        assert canary.passed == passes, canary.detail
        assert parts_share_no_user(traces, users).passed == passes


def test_shared_users_are_counted(traces: Traces) -> None:
    canary = parts_share_no_user(
        traces, {"train": np.arange(5), "valid": np.array([4]), "test": np.array([9])}
    )
    assert not canary.passed
    assert canary.detail == "1 shared among 5 train, 1 valid, 1 test"


def popularity(snapshot: Snapshot, *, honest: bool) -> Represent:
    """Fit how often each aisle occurs: in the snapshot, or in all that there is."""
    rows = snapshot.latest()[0] if honest else slice(None)
    counts = np.bincount(snapshot.traces.column("aisle")[rows], minlength=9).astype(np.float32)
    return lambda asked: np.tile(counts, (asked.num_users, 1))


@pytest.mark.parametrize("honest", [True, False])
def test_popularity_that_counts_targets_is_caught(honest: bool, traces: Traces) -> None:
    canary = fitted_state_excludes_targets(
        lambda snapshot: popularity(snapshot, honest=honest),
        traces, CUTOFF, SPLIT.rows(traces, "train"),
    )  # fmt: skip
    assert canary.passed == honest


@pytest.mark.parametrize("fit", [fit_aggregates, fit_vocabulary])
def test_what_we_fit_excludes_targets(fit: Any, traces: Traces) -> None:
    users = SPLIT.rows(traces, "train")
    assert fitted_state_excludes_targets(fit, traces, CUTOFF, users, num_users=60).passed


def test_the_report_gets_all_five(traces: Traces) -> None:
    plan = EvaluationPlan(
        traces=traces, tasks=[inactive(), aisle()], methods=[method()], split=SPLIT
    )
    entries = run_canaries(plan, method(), {"popularity": lambda s: popularity(s, honest=True)})
    assert [entry["name"] for entry in entries] == [
        "future_changes_nothing", "permuted_labels_score_chance", "parts_share_no_user",
        "planted_token_changes_nothing", "fitted_state_excludes_targets: popularity",
    ]  # fmt: skip
    assert all(entry["passed"] is True for entry in entries)
    assert all(set(entry) == {"name", "what", "passed", "detail"} for entry in entries)


def test_a_leak_shows_in_the_report(traces: Traces) -> None:
    plan = EvaluationPlan(traces=traces, tasks=[aisle()], methods=[method()], split=SPLIT)
    entries = run_canaries(plan, method(made=Clairvoyant()), {})
    passed = {entry["name"]: entry["passed"] for entry in entries}
    assert not passed["future_changes_nothing"]
    assert passed["parts_share_no_user"]


def test_an_entry_is_plain() -> None:
    entry = Canary(name="a", what="b", passed=True, detail="c").to_dict()
    assert entry == {"name": "a", "what": "b", "passed": True, "detail": "c"}


def test_another_split_is_a_split(traces: Traces) -> None:
    assert parts_share_no_user(traces, parts(traces, UserSplit(seed=3))).passed
