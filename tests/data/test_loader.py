"""The loader is one stream: position alone resumes it, and a thread changes nothing."""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.loader import Loader, Position
from habitus.errors import DataError, UsageError

Toy = tuple[int, int]
"""A unit, and a draw made for its batch."""


class Numbers:
    """Units 0 … ``size - 1`` in random order; a batch is its unit and a draw."""

    def __init__(self, size: int) -> None:
        self.size = size

    def plan(self, generator: np.random.Generator) -> list[int]:
        order: list[int] = generator.permutation(self.size).tolist()
        return order

    def make(self, unit: int, generator: np.random.Generator) -> Toy:
        return unit, int(generator.integers(2**40))


class Failing(Numbers):
    """Cannot make one of its units, until ``mended``."""

    mended = False

    def make(self, unit: int, generator: np.random.Generator) -> Toy:
        if unit == 3 and not self.mended:
            raise OSError("the disk is gone")
        return super().make(unit, generator)


def take(loader: Iterator[Toy], count: int) -> list[Toy]:
    return list(islice(loader, count))


def loader_threads() -> int:
    return sum(thread.name == "loader" for thread in threading.enumerate())


def soon(what: Callable[[], bool]) -> bool:
    """Return whether something becomes true; how soon is not what is tested."""
    for _ in range(500):
        if what():
            return True
        time.sleep(0.02)
    return False


@given(st.integers(1, 7), st.integers(0, 20), st.integers(0, 20), st.sampled_from([0, 1, 3]))
def test_a_position_resumes_the_same_stream(
    size: int, before: int, after: int, prefetch: int
) -> None:
    with (
        Loader(Numbers(size), seed=5, prefetch=prefetch) as whole,
        Loader(Numbers(size), seed=5, prefetch=prefetch) as resumed,
    ):
        take(whole, before)
        resumed.load_state_dict(whole.state_dict())
        assert take(resumed, after) == take(whole, after)


@given(st.integers(1, 7), st.integers(1, 4), st.integers(0, 15))
def test_reading_ahead_changes_nothing(size: int, prefetch: int, count: int) -> None:
    with Loader(Numbers(size), seed=1, prefetch=prefetch) as ahead:
        plain = Loader(Numbers(size), seed=1, prefetch=0)
        assert take(ahead, count) == take(plain, count)
        assert ahead.state_dict() == plain.state_dict()


@given(st.integers(1, 9), st.integers(1, 3))
def test_every_unit_once_an_epoch(size: int, epochs: int) -> None:
    loader = Loader(Numbers(size), seed=0, prefetch=0)
    for _ in range(epochs):
        assert sorted(unit for unit, _ in take(loader, size)) == list(range(size))


@given(st.integers(1, 7), st.integers(1, 4), st.integers(1, 8))
def test_processes_share_one_stream(size: int, world: int, steps: int) -> None:
    ranks = [Loader(Numbers(size), seed=3, prefetch=0, rank=r, world=world) for r in range(world)]
    together = [batch for _ in range(steps) for rank in ranks for batch in take(rank, 1)]
    assert together == take(Loader(Numbers(size), seed=3, prefetch=0), steps * world)
    # All processes stand at one place, so that any of them can write the checkpoint.
    assert len({rank.position for rank in ranks}) == 1


def test_epochs_are_shuffled_differently_and_seeds_too() -> None:
    def units(seed: int) -> list[int]:
        return [unit for unit, _ in take(Loader(Numbers(20), seed=seed, prefetch=0), 40)]

    assert units(0)[:20] != units(0)[20:]
    assert units(0) != units(1)
    assert units(0) == units(0)


def test_each_batch_has_chance_of_its_own() -> None:
    draws = [draw for _, draw in take(Loader(Numbers(5), seed=0, prefetch=0), 50)]
    assert len(set(draws)) == 50


def test_the_position_counts_what_was_handed_out() -> None:
    with Loader(Numbers(4), seed=0, prefetch=3) as loader:
        assert loader.position == Position(0, 0)
        take(loader, 3)
        assert loader.position == Position(0, 3)
        take(loader, 1)
        assert loader.position == Position(1, 0)
        assert loader.state_dict() == {"epoch": 1, "index": 0, "seed": 0}


@pytest.mark.parametrize("prefetch", [0, 2])
def test_an_error_surfaces_at_its_batch_and_can_be_tried_again(prefetch: int) -> None:
    source = Failing(6)
    with Loader(source, seed=0, prefetch=prefetch) as loader:
        good = Loader(Numbers(6), seed=0, prefetch=0)
        place = [unit for unit, _ in take(good, 6)].index(3)
        take(loader, place)
        for _ in range(2):
            with pytest.raises(OSError, match="the disk is gone"):
                next(loader)
            assert loader.position == Position(0, place)
        source.mended = True
        assert next(loader)[0] == 3


def test_closing_ends_the_thread_and_keeps_the_position() -> None:
    before = loader_threads()
    loader = Loader(Numbers(9), seed=0, prefetch=2)
    first = take(loader, 4)
    assert loader_threads() == before + 1
    loader.close()
    assert loader_threads() == before
    assert first + take(loader, 5) == take(Loader(Numbers(9), seed=0, prefetch=0), 9)
    loader.close()
    loader.close()


def test_a_forgotten_loader_takes_its_thread_along() -> None:
    before = loader_threads()
    loader = Loader(Numbers(9), seed=0, prefetch=1)
    take(loader, 1)
    assert loader_threads() == before + 1
    del loader
    gc.collect()
    assert soon(lambda: loader_threads() == before)


@pytest.mark.parametrize("prefetch", [0, 1])
def test_a_source_without_a_batch_is_bad_data(prefetch: int) -> None:
    with (
        Loader(Numbers(0), seed=0, prefetch=prefetch) as loader,
        pytest.raises(DataError, match="nothing to make a batch of"),
    ):
        next(loader)


def test_a_position_of_another_seed_is_refused() -> None:
    loader = Loader(Numbers(3), seed=1)
    with pytest.raises(UsageError, match="seed 0, this loader has seed 1"):
        loader.load_state_dict({"epoch": 0, "index": 0, "seed": 0})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prefetch": -1}, "prefetch must be 0 or more, got -1"),
        ({"rank": 2, "world": 2}, r"rank must be in \[0, 2\), got 2"),
        ({"rank": 0, "world": 0}, r"rank must be in \[0, 0\), got 0"),
    ],
)
def test_arguments_out_of_range_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Loader(Numbers(3), seed=0, **options)
