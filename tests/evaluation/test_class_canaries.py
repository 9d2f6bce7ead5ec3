"""Class canaries pass honest methods and catch those that leak."""

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.data.split import profile_of
from habitus.data.traces import Traces
from habitus.evaluation.class_canaries import (
    answers_are_not_read,
    permuted_labels_score_chance,
    run_class_canaries,
)
from tests.evaluation.class_world import (
    asked_of,
    knower,
    later,
    plan_of,
    store_for,
    taste,
)
from tests.evaluation.world import Clairvoyant, Shares, method, world


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return world(tmp_path_factory.mktemp("world") / "traces")


class ReadsProfiles(Shares):
    """Vectors that hold the answer, from where it is written down."""

    def represent(self, snapshot: Snapshot) -> np.ndarray:
        taste = profile_of(snapshot.traces, snapshot.users_U, "taste").to_pylist()
        return np.eye(3, dtype=np.float32)[[int(t[1]) for t in taste]]


def test_an_honest_method_passes_all(traces: Traces) -> None:
    found = run_class_canaries(plan_of(traces), method(made=Shares()))
    assert [c["name"] for c in found] == [
        "permuted_labels_score_chance",
        "parts_share_no_user",
        "answers_are_not_read",
        "future_changes_nothing",
        "planted_token_changes_nothing",
        "fitted_state_excludes_targets: aggregates",
    ]
    assert all(c["passed"] for c in found), found


def test_without_a_cutoff_there_is_no_future_to_exchange(traces: Traces) -> None:
    found = run_class_canaries(plan_of(traces, tasks=[taste()]), method(made=Shares()))
    assert [c["name"] for c in found] == [
        "permuted_labels_score_chance",
        "parts_share_no_user",
        "answers_are_not_read",
    ]


def test_a_method_that_answers_itself_is_asked_what_it_can_be(traces: Traces) -> None:
    found = run_class_canaries(plan_of(traces, tasks=[taste()]), knower())
    assert [c["name"] for c in found] == ["permuted_labels_score_chance", "parts_share_no_user"]


def test_a_method_that_sees_the_future_is_caught(traces: Traces) -> None:
    plan = plan_of(traces, tasks=[later()])
    found = {c["name"]: c["passed"] for c in run_class_canaries(plan, method(made=Clairvoyant()))}
    assert not found["future_changes_nothing"]


def test_a_method_that_reads_the_profile_is_caught(traces: Traces) -> None:
    canary = answers_are_not_read(ReadsProfiles().represent, traces, 2**40)
    assert not canary.passed
    assert "users changed" in canary.detail
    assert answers_are_not_read(Shares().represent, traces, 2**40).passed


def test_test_users_among_the_training_users_are_caught(traces: Traces) -> None:
    class Names(Shares):
        """A vector of its own for each user, of which a probe can learn the answers by heart."""

        def represent(self, snapshot: Snapshot) -> np.ndarray:
            random = np.random.default_rng(0)
            return random.standard_normal((1000, 200)).astype("f")[snapshot.users_U]

    asked = asked_of(traces, taste())
    ours = method(made=Names())
    assert permuted_labels_score_chance(asked, ours, store_for(asked)).passed
    both = [np.concatenate(pair) for pair in zip(asked.train, asked.test, strict=True)]
    leaky = asked._replace(train=type(asked.train)(*both))
    assert not permuted_labels_score_chance(leaky, ours, store_for(asked)).passed
