"""The contract must catch what it is for: each class below breaks one promise."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.comparisons.most_popular import MostPopular, MostPopularConfig
from habitus.comparisons.random_guess import RandomGuess
from habitus.data.snapshot import Snapshot
from habitus.tasks.classes import ClassAsked
from habitus.testing.comparisons import ComparisonContract


class ReadsTheFuture(MostPopular):
    def fit(self, snapshot: Snapshot, seed: int = 0) -> None:
        super().fit(Snapshot(snapshot.traces, None, snapshot.users_U), seed)
        # Who had what in the end: counts over everybody would not show a change of hands.
        self.first = snapshot.traces.column("item_id")[snapshot.traces.offsets_U1[1:] - 1]

    def score(self, snapshot: Snapshot, items_I: Any) -> Any:
        return super().score(snapshot, items_I) + self.first[snapshot.users_U, None]


class Throws(MostPopular):
    def score(self, snapshot: Snapshot, items_I: Any) -> Any:
        return np.random.default_rng().random((snapshot.num_users, len(items_I)))


class HasNoNumberForTheNew(MostPopular):
    def score(self, snapshot: Snapshot, items_I: Any) -> Any:
        with np.errstate(invalid="ignore", divide="ignore"):
            return super().score(snapshot, items_I) / snapshot.lengths_U[:, None]


class LooksAtNeighbours(MostPopular):
    def score(self, snapshot: Snapshot, items_I: Any) -> Any:
        return super().score(snapshot, items_I) + float(snapshot.lengths_U.mean())


class GoesByPlace(MostPopular):
    def score(self, snapshot: Snapshot, items_I: Any) -> Any:
        return super().score(snapshot, items_I) + np.arange(snapshot.num_users)[:, None]


class Remembers(MostPopular):
    calls = 0

    def score(self, snapshot: Snapshot, items_I: Any) -> Any:
        self.calls += 1
        return super().score(snapshot, items_I) + self.calls


class HasNoLabel(MostPopular):
    label = ""


PROMISES = {
    ReadsTheFuture: "test_the_future_is_not_read",
    Throws: "test_the_same_seed_gives_the_same_outputs",
    HasNoNumberForTheNew: "test_every_user_gets_something_finite",
    LooksAtNeighbours: "test_a_user_does_not_depend_on_who_else_is_asked_about",
    GoesByPlace: "test_order_of_the_users_asked_about_does_not_matter",
    Remembers: "test_asking_twice_gives_the_same_outputs",
    HasNoLabel: "test_it_is_described",
}


def check(broken: type[MostPopular], promise: str, folder: Path) -> None:
    """Run one test of the contract on a comparison."""

    class Contract(ComparisonContract):
        comparison = broken
        config = MostPopularConfig()

    contract = Contract()
    wanted = getattr(contract, promise)
    names = wanted.__code__.co_varnames[1 : wanted.__code__.co_argcount]
    given = {"folder": folder, "traces": contract.make_traces(folder / "traces")}
    wanted(**{name: given[name] for name in names})


@pytest.mark.parametrize(("broken", "promise"), PROMISES.items())
def test_a_broken_promise_is_caught(
    broken: type[MostPopular], promise: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError):
        check(broken, promise, tmp_path)


@pytest.mark.parametrize("promise", PROMISES.values())
def test_a_kept_promise_passes(promise: str, tmp_path: Path) -> None:
    check(MostPopular, promise, tmp_path)


def test_an_unregistered_comparison_is_caught(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        check(Throws, "test_it_is_registered_under_its_name", tmp_path)


def test_the_past_of_both_worlds_is_the_same_to_the_bit(tmp_path: Path) -> None:
    contract = ComparisonContract()
    one = contract.make_traces(tmp_path / "one")
    other = contract.make_traces(tmp_path / "other", shuffle_future=True)
    past, same = Snapshot(one, contract.cutoff), Snapshot(other, contract.cutoff)
    assert past.lengths_U.tolist() == same.lengths_U.tolist()
    for name in ("time", "item_id", "service", "kind", "value"):
        np.testing.assert_array_equal(
            past.values(name, past.latest()[0]), same.values(name, same.latest()[0])
        )
    assert one.dictionary("item_id").equals(other.dictionary("item_id"))
    assert not np.array_equal(one.column("item_id"), other.column("item_id"))


class SumsToTwo(RandomGuess):
    def classify(self, asked: ClassAsked, seed: int = 0) -> Any:
        return 2 * super().classify(asked, seed)


class CountsTheTested(RandomGuess):
    def classify(self, asked: ClassAsked, seed: int = 0) -> Any:
        share = 1 / (1 + asked.test.num_users)
        return np.tile([share, 0, 1 - share], (asked.test.num_users, 1))


class Guesses(RandomGuess):
    def classify(self, asked: ClassAsked, seed: int = 0) -> Any:
        return np.random.default_rng().dirichlet([1, 1, 1], asked.test.num_users)


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (SumsToTwo, "test_every_user_gets_something_finite"),
        (CountsTheTested, "test_a_user_does_not_depend_on_who_else_is_asked_about"),
        (Guesses, "test_the_same_seed_gives_the_same_outputs"),
    ],
)
def test_a_broken_promise_on_classes_is_caught(
    broken: type[RandomGuess], promise: str, tmp_path: Path
) -> None:
    class Contract(ComparisonContract):
        comparison = broken

    traces = Contract().make_traces(tmp_path / "traces")
    with pytest.raises(AssertionError):
        getattr(Contract(), promise)(traces)


def test_a_transductive_comparison_may_look_at_who_is_tested(tmp_path: Path) -> None:
    class Contract(ComparisonContract):
        comparison = CountsTheTested
        transductive = True

    traces = Contract().make_traces(tmp_path / "traces")
    Contract().test_a_user_does_not_depend_on_who_else_is_asked_about(traces)
