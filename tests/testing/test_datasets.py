"""The contract is tried on datasets that break it: each breach must be noticed."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from habitus.data.traces import Traces
from habitus.datasets.base import Dataset
from habitus.datasets.population import SyntheticConfig
from habitus.datasets.synthetic import Synthetic
from habitus.testing.datasets import DatasetContract

CONTRACT = DatasetContract()


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return Synthetic(SyntheticConfig(num_users=20, events_per_user=8.0)).ingest(tmp_path / "good")


def broken(traces: Traces, name: str, change: Callable[[Any], Any]) -> Traces:
    """Return a copy of the traces with one array changed."""
    copy = traces.path.with_name("bad")
    shutil.copytree(traces.path, copy)
    np.save(copy / name, change(np.load(copy / name).copy()))
    return Traces(copy)


def swap_ends(array: Any) -> Any:
    array[[0, -1]] = array[[-1, 0]]
    return array


@pytest.mark.parametrize(
    ("check", "name", "change"),
    [
        (CONTRACT.test_times_ascend_within_each_user, "events/time.npy", lambda a: a[::-1]),
        (CONTRACT.test_every_event_belongs_to_one_user, "offsets.npy", swap_ends),
        (CONTRACT.test_every_code_has_its_value, "events/kind.npy", lambda a: a + 9),
        (CONTRACT.test_numbers_are_finite_or_missing, "events/price.npy", lambda a: a + np.inf),
        (CONTRACT.test_no_channel_is_empty, "events/category.npy", lambda a: a * 0),
    ],
    ids=["time", "offsets", "codes", "infinite", "empty"],
)
def test_a_damaged_array_is_noticed(
    traces: Traces, check: Callable[[Traces], None], name: str, change: Callable[[Any], Any]
) -> None:
    check(traces)
    with pytest.raises(AssertionError):
        check(broken(traces, name, change))


class Restless(Synthetic):
    """Gives other traces each time."""

    def ingest(self, out: Path) -> Traces:
        self.config = SyntheticConfig(num_users=20, seed=self.config.seed + 1)
        return super().ingest(out)


def test_a_source_that_changes_is_noticed(tmp_path: Path) -> None:
    dataset = Restless()
    first = dataset.ingest(tmp_path / "first")
    with pytest.raises(AssertionError):
        CONTRACT.test_the_same_source_gives_the_same_traces(dataset, first, tmp_path)


class Named(Synthetic):
    """Names somebody in its terms."""

    notices: ClassVar[tuple[str, ...]] = ("with thanks to u00001 for everything",)


def test_a_user_in_the_terms_is_noticed(tmp_path: Path) -> None:
    dataset = Named(SyntheticConfig(num_users=20_000, events_per_user=0.01))
    traces = dataset.ingest(tmp_path / "out")
    with pytest.raises(AssertionError):
        CONTRACT.test_terms_name_no_user(dataset, traces)


class Nameless(Synthetic):
    """Says nothing of itself."""

    notices: ClassVar[tuple[str, ...]] = ()


def contract_of(dataset: Dataset) -> DatasetContract:
    class Contract(DatasetContract):
        @classmethod
        def make_dataset(cls) -> Dataset:
            return dataset

    return Contract()


def test_a_source_without_terms_is_noticed() -> None:
    contract_of(Synthetic()).test_it_says_what_it_is_and_under_which_terms()
    with pytest.raises(AssertionError):
        contract_of(Nameless()).test_it_says_what_it_is_and_under_which_terms()


def test_a_source_that_is_not_registered_is_noticed() -> None:
    class Strange(Synthetic):
        name: ClassVar[str] = "art_office"

    contract_of(Synthetic()).test_it_is_registered_under_its_name()
    with pytest.raises(AssertionError):
        contract_of(Strange()).test_it_is_registered_under_its_name()
