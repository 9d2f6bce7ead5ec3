import datetime as dt
import gc

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.dictionary import Dictionary, encode

TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=30)


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_final_codes_are_ranks_of_the_values_whatever_the_chunks(
    chunks: list[list[str | None]],
) -> None:
    dictionary = Dictionary()
    provisional = [dictionary.codes(encode(pl.Series(c, dtype=pl.String))) for c in chunks]
    final = dictionary.finish()
    texts = [t for chunk in chunks for t in chunk]
    values = sorted({t for t in texts if t})
    assert final.values.to_pylist() == values
    codes = np.take(final.code_V1, np.concatenate(provisional))
    assert codes.tolist() == [values.index(t) + 1 if t else 0 for t in texts]


def test_a_value_keeps_its_provisional_code() -> None:
    dictionary = Dictionary()
    first = dictionary.codes(encode(pl.Series(["b", "a", None, "b"])))
    gc.collect()
    second = dictionary.codes(encode(pl.Series(["c", "a", "b"])))
    assert first.tolist() == [1, 2, 0, 1]
    assert second.tolist() == [3, 2, 1]
    assert dictionary.values().to_list() == ["b", "a", "c"]


def test_two_dictionaries_know_nothing_of_each_other() -> None:
    one, other = Dictionary(), Dictionary()
    one.codes(encode(pl.Series(["a", "b"])))
    assert other.codes(encode(pl.Series(["b"]))).tolist() == [1]


def test_values_that_are_not_used_are_left_out() -> None:
    dictionary = Dictionary()
    dictionary.codes(encode(pl.Series(["c", "a", "b"])))
    final = dictionary.finish(np.array([True, False, True]))
    assert final.values.to_pylist() == ["b", "c"]
    assert final.code_V1.tolist() == [0, 2, 0, 1]


def test_an_empty_dictionary() -> None:
    final = Dictionary().finish()
    assert len(final.values) == 0
    assert final.code_V1.tolist() == [0]


@pytest.mark.parametrize(("num_values", "dtype"), [(255, "uint8"), (256, "uint16")])
def test_codes_are_as_small_as_they_can_be(num_values: int, dtype: str) -> None:
    dictionary = Dictionary()
    # Codes 0 … num_values: 256 values need 257 of them.
    dictionary.codes(encode(pl.Series(range(num_values))))
    assert dictionary.finish().code_V1.dtype == dtype


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (pl.Series([10, 9, None, 10]), ["10", "9"]),
        (pl.Series([1.5, float("nan"), None, 2.0]), ["1.5", "2.0"]),
        (pl.Series([True, False]), ["true", "false"]),
        (pl.Series([dt.date(2020, 1, 2)]), ["2020-01-02"]),
        (pl.Series(["x", "y"], dtype=pl.Categorical), ["x", "y"]),
        (pl.Series(["y"], dtype=pl.Enum(["x", "y"])), ["y"]),
        (pl.Series([None, None]), []),
    ],
)
def test_values_of_any_type_become_text(series: pl.Series, expected: list[str]) -> None:
    assert encode(series).values.to_list() == expected


@given(TEXTS, st.data())
def test_filtering_is_encoding_what_is_left(texts: list[str | None], data: st.DataObject) -> None:
    series = pl.Series(texts, dtype=pl.String)
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts))))
    keep = keep.astype(bool)
    found, expected = encode(series).filter(keep), encode(series.filter(pl.Series(keep)))
    assert set(found.values) == set(expected.values)
    back = [None if i < 0 else found.values[int(i)] for i in found.place_L]
    assert back == [t for t, k in zip(texts, keep, strict=True) if k]


@given(TEXTS, st.integers(1, 4))
def test_texts_that_share_a_hash_are_still_told_apart(
    texts: list[str | None], num_hashes: int
) -> None:
    series = pl.Series(texts, dtype=pl.String)
    expected = encode(series)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            pl.Series,
            "hash",
            lambda self: pl.Series([len(t) % num_hashes for t in self], dtype=pl.UInt64),
        )
        found = encode(series)
    assert found.values.to_list() == expected.values.to_list()
    assert found.place_L.tolist() == expected.place_L.tolist()


def test_a_dictionary_is_made_again_from_its_values() -> None:
    first = Dictionary()
    for values in (["b", "a", "b"], ["", "c", "a"]):
        first.codes(encode(pl.Series(values)))
    second = Dictionary.of(first.values())
    assert second.values().to_list() == first.values().to_list() == ["b", "a", "", "c"]
    more = encode(pl.Series(["d", "a", None, "c"]))
    # b, a, "" and c are 1 … 4.
    assert second.codes(more).tolist() == first.codes(more).tolist() == [5, 2, 0, 4]
