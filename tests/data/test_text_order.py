import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.text_order import order_of_numbers, order_of_texts

LETTERS = st.text(alphabet="ab\0é\U0001f600", max_size=12)


@given(st.lists(LETTERS, unique=True, max_size=30), LETTERS)
def test_the_order_is_that_of_the_bytes(texts: list[str], common: str) -> None:
    texts = [common + text for text in texts]
    found = order_of_texts(pl.Series(texts, dtype=pl.String))
    assert [texts[i] for i in found] == sorted(texts, key=lambda text: text.encode())


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["only"],
        # What is common is one a whole text; what follows it is shorter and longer than 8 bytes.
        ["user", "user-12345678", "user-1", "user-123456789"],
        # Zeros stand behind the end of a short text: only sorting as text tells these apart.
        ["a\0\0", "a", "a\0"],
        # Equal in all eight bytes that are looked at, in groups between others.
        ["x12345678b", "z", "x12345678a", "y12345678b", "a", "y12345678a"],
    ],
)
def test_texts_by_hand(texts: list[str]) -> None:
    found = order_of_texts(pl.Series(texts, dtype=pl.String))
    assert [texts[i] for i in found] == sorted(texts)
    assert found.dtype == np.int64


def test_a_series_may_be_a_part_of_another() -> None:
    whole = pl.Series(["zz", "b", "a", "c", "zz"])
    assert order_of_texts(whole[1:4]).tolist() == [1, 0, 2]
    assert order_of_texts(pl.concat([whole[1:2], whole[2:4]], rechunk=False)).tolist() == [1, 0, 2]


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(90, 110), unique=True, max_size=30))
def test_numbers_are_ordered_as_their_texts(numbers: list[int]) -> None:
    texts = [str(number) for number in numbers]
    found = order_of_numbers(np.array(numbers, np.int64), pl.Series(texts, dtype=pl.String))
    assert [texts[i] for i in found] == sorted(texts)
