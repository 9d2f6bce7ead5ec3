import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from habitus.random import derive_seed, numpy_generator, torch_generator

letters = st.characters(min_codepoint=32, exclude_categories=["Cs"])
names = st.lists(st.text(letters, max_size=8), max_size=3)


@given(st.integers(), names)
def test_a_seed_is_63_bits_and_the_same_every_time(seed: int, name: list[str]) -> None:
    derived = derive_seed(seed, *name)
    assert 0 <= derived < 2**63
    assert derived == derive_seed(seed, *name)


def test_it_is_the_same_in_another_process() -> None:
    # hash() of a string differs between processes; this must not.
    code = "from habitus.random import derive_seed; print(derive_seed(7, 'mask'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == derive_seed(7, "mask")


def test_every_part_of_the_name_matters() -> None:
    seeds = [
        derive_seed(0),
        derive_seed(1),
        derive_seed(0, "a"),
        derive_seed(0, "b"),
        derive_seed(1, "a"),
        derive_seed(0, "a", 0),
        derive_seed(0, "a", 1),
        derive_seed(0, 0, "a"),
        derive_seed(0, "ab"),
        derive_seed(0, "a", "b"),
    ]
    assert len(set(seeds)) == len(seeds)


@given(st.lists(st.tuples(st.integers(0, 9), names.map(tuple)), unique=True, max_size=20))
def test_different_uses_have_different_seeds(uses: list[tuple[int, tuple[str, ...]]]) -> None:
    assert len({derive_seed(seed, *name) for seed, name in uses}) == len(uses)


def test_names_of_many_uses_spread_over_the_bits() -> None:
    # A fair bit is 1 in half of n draws, standard deviation sqrt(n) / 2: five of them is 1 in 10^6.
    n = 4_000
    bits = np.array([[derive_seed(0, i) >> b & 1 for b in range(63)] for i in range(n)])
    assert np.abs(bits.sum(axis=0) - n / 2).max() < 5 * np.sqrt(n) / 2


def test_a_numpy_generator_repeats_itself_and_differs_by_name() -> None:
    draw = numpy_generator(3, "shuffle").integers(0, 2**40, 5)
    assert draw.tolist() == numpy_generator(3, "shuffle").integers(0, 2**40, 5).tolist()
    assert draw.tolist() != numpy_generator(3, "mask").integers(0, 2**40, 5).tolist()
    assert draw.tolist() != numpy_generator(4, "shuffle").integers(0, 2**40, 5).tolist()


def test_a_torch_generator_repeats_itself_and_differs_by_name() -> None:
    def draw(seed: int, name: str) -> list[float]:
        values: list[float] = torch.rand(5, generator=torch_generator(seed, name)).tolist()
        return values

    assert draw(3, "mask") == draw(3, "mask")
    assert draw(3, "mask") != draw(3, "dropout")
    assert draw(3, "mask") != draw(4, "mask")


def test_torch_takes_the_seed_whole() -> None:
    assert torch_generator(5, "x").initial_seed() == derive_seed(5, "x")


@pytest.mark.parametrize("seed", [0, 1, -1, 2**70])
def test_any_integer_is_a_seed(seed: int) -> None:
    assert numpy_generator(seed).random() != torch_generator(seed).initial_seed()


def test_nothing_global_is_seeded_or_used() -> None:
    def states() -> tuple[object, object, object]:
        return random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state().tolist()  # type: ignore[index]  # noqa: NPY002

    before = states()
    numpy_generator(0, "a").random(10)
    torch.rand(10, generator=torch_generator(0, "a"))
    assert states() == before
