"""What an evaluation of class tasks is to do."""

from dataclasses import replace

import numpy as np
import pytest

from habitus.comparisons.majority import Majority
from habitus.data.traces import Traces
from habitus.errors import GuardError, UsageError
from habitus.evaluation.class_plan import ask_all_classes
from habitus.evaluation.class_predictions import ClassTrials
from habitus.evaluation.features import Method, comparison_method
from habitus.evaluation.halved import Halves
from tests.evaluation.class_world import knower, later, plan_of, taste
from tests.evaluation.world import SPLIT, parts, world


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return world(tmp_path_factory.mktemp("world") / "traces")


def test_majority_and_a_random_guess_are_always_there(traces: Traces) -> None:
    plan = plan_of(traces).checked()
    assert [m.name for m in plan.methods] == ["majority", "random_guess", "knows", "ours"]
    assert [m.name for m in plan.checked().methods] == [m.name for m in plan.methods]


def test_a_majority_of_yes_makes_way_for_that_of_the_classes(traces: Traces) -> None:
    yes = comparison_method(Majority(), "control", "The training users' share of yes.", "x")
    again = plan_of(traces, methods=[yes, knower()]).checked()
    assert [m.name for m in again.methods] == ["majority", "random_guess", "knows"]
    assert (
        again.methods[0].description == "The commonest class of the training users, for everybody."
    )


class Share:
    """Answers yes-or-no tasks only."""

    def predict(self, labels_B: object, snapshot: object) -> object:
        raise AssertionError


def test_what_is_wrong_is_said(traces: Traces) -> None:
    words = {"label": "x", "description": "x", "fingerprint": "x"}
    binary = Method(name="share", group="ours", predicts=Share(), **words)  # type: ignore[arg-type]
    for changes, error, message in (
        ({"methods": []}, UsageError, "at least one method"),
        ({"tasks": []}, UsageError, "at least one method and one task"),
        ({"tasks": [taste(), taste()]}, UsageError, "two tasks are called 'taste'"),
        ({"methods": [knower(), knower()]}, UsageError, "two methods are called 'knows'"),
        ({"trials": ClassTrials(seeds=())}, UsageError, "one probe seed"),
        ({"trials": ClassTrials(split_seeds=(0, 1))}, UsageError, "0 is that of the fixed split"),
        ({"methods": [binary]}, UsageError, "'share' answers yes-or-no tasks only"),
        ({"tasks": [taste(sensitive=True)]}, GuardError, "taste: these tasks profile sensitive"),
    ):
        with pytest.raises(error, match=message):
            plan_of(traces, **changes).checked()
    plan_of(traces, tasks=[taste(sensitive=True)], allow_sensitive=True).checked()


def test_every_task_is_asked_under_every_split(traces: Traces) -> None:
    plan = plan_of(traces)
    with Halves(traces) as halves:
        asked = ask_all_classes(plan, halves)
    assert [task.name for task in asked.tasks] == ["taste", "later"]
    assert set(asked.splits) == {(t, s) for t in ("taste", "later") for s in (0, 1, 2)}
    one, other = (asked.splits["taste", s].test.users_B.tolist() for s in (0, 1))
    assert one != other
    assert one == SPLIT.rows(traces, "test").tolist()
    assert asked.notes == []


def test_a_task_that_tells_nothing_apart_is_left_out_with_a_note(traces: Traces) -> None:
    bird = later(name="bird", classes=["a0", "bird"])
    with Halves(traces) as halves:
        asked = ask_all_classes(plan_of(traces, tasks=[bird, taste()]), halves)
        assert [task.name for task in asked.tasks] == ["taste"]
        [note] = asked.notes
        assert "task 'bird' is left out: of its" in note
        with pytest.raises(GuardError, match="no task is left to evaluate: task 'bird'"):
            ask_all_classes(plan_of(traces, tasks=[bird]), halves)


def test_a_random_split_that_cannot_be_asked_is_left_out_alone(traces: Traces) -> None:
    def smallest(seed: int) -> int:
        """Return how many users the rarest class has among those who train or test."""
        rows = parts(traces, replace(SPLIT, seed=seed))
        kept = (rows["train"], rows["test"])
        return int(min(np.bincount(users % 3, minlength=3).min() for users in kept))

    least, seeds = smallest(0), tuple(range(1, 9))
    able = {seed for seed in seeds if smallest(seed) >= least}
    assert 0 < len(able) < 8, "some splits must be able, and some not"
    trials = ClassTrials(split_seeds=seeds)
    with Halves(traces) as halves:
        plan = plan_of(traces, tasks=[taste()], min_per_class=least, trials=trials)
        asked = ask_all_classes(plan, halves)
    assert {seed for _, seed in asked.splits} == {0, *able}
    assert [task.name for task in asked.tasks] == ["taste"]
    # One note for all of them.
    [note] = asked.notes
    missed = ", ".join(str(seed) for seed in seeds if seed not in able)
    assert note.startswith(f"random splits {missed}: under the first, task 'taste' is left out:")
    one = next(seed for seed in seeds if seed not in able)
    alone = replace(plan, trials=ClassTrials(split_seeds=(one,)))
    with Halves(traces) as halves:
        [note] = ask_all_classes(alone, halves).notes
    assert note.startswith(f"random split {one}: task 'taste' is left out: of its")
