import datetime as dt
import io

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data import dictionary as module
from habitus.data.dictionary import Dictionary, Final, Property

TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=30)


def codes(dictionary: Dictionary, series: pl.Series) -> list[int]:
    """Return the codes of a series whose every row is kept."""
    code_L = dictionary.codes(series)
    dictionary.use(code_L)
    return [int(code) for code in code_L]


def final_texts(final: Final, found: list[int]) -> list[str | None]:
    values = [None, *final.values.to_pylist()]
    return [values[code] for code in np.take(final.code_V1, found)]


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_final_codes_are_ranks_of_the_values_whatever_the_chunks(
    chunks: list[list[str | None]],
) -> None:
    dictionary = Dictionary()
    provisional = [codes(dictionary, pl.Series(c, dtype=pl.String)) for c in chunks]
    final = dictionary.finish()
    texts = [t for chunk in chunks for t in chunk]
    values = sorted({t for t in texts if t})
    assert final.values.to_pylist() == values
    found = np.take(final.code_V1, np.concatenate(provisional).astype(int))
    assert found.tolist() == [values.index(t) + 1 if t else 0 for t in texts]


@given(st.lists(TEXTS, min_size=1, max_size=3), st.integers(1, 4))
def test_pieces_and_chunks_do_not_matter(chunks: list[list[str | None]], piece: int) -> None:
    series = pl.concat([pl.Series(c, dtype=pl.String) for c in chunks], rechunk=False)
    expected = codes(Dictionary(), series.rechunk())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PIECE", piece)
        assert codes(Dictionary(), series) == expected


def test_a_value_keeps_its_provisional_code() -> None:
    dictionary = Dictionary()
    assert codes(dictionary, pl.Series(["b", "a", None, "b"])) == [1, 2, 0, 1]
    assert codes(dictionary, pl.Series(["c", "a", "b"])) == [3, 2, 1]
    assert dictionary.values().to_list() == ["b", "a", "c"]
    assert dictionary.size == 3


def test_codes_are_written_where_it_is_asked_for() -> None:
    out_L = np.full(3, 9, np.uint32)
    found_L = Dictionary().codes(pl.Series(["a", None, "a"]), out_L)
    assert found_L is out_L
    assert out_L.tolist() == [1, 0, 1]


def test_two_dictionaries_know_nothing_of_each_other() -> None:
    one, other = Dictionary(), Dictionary()
    codes(one, pl.Series(["a", "b"]))
    assert codes(other, pl.Series(["b"])) == [1]


@pytest.mark.parametrize("values", [["c", "a", "b"], [30, 10, 20]])
def test_values_that_are_not_used_are_left_out(values: list[str] | list[int]) -> None:
    dictionary = Dictionary()
    code_L = dictionary.codes(pl.Series(values))
    assert not dictionary.is_all_used()
    dictionary.use(code_L[[0, 2]])
    first, _, third = (str(value) for value in values)
    assert dictionary.values().to_list() == [first, None, third]
    final = dictionary.finish()
    assert final.values.to_pylist() == [third, first]
    assert final.code_V1.tolist() == [0, 2, 0, 1]
    dictionary.use_all()
    assert dictionary.is_all_used()
    assert dictionary.finish().code_V1.tolist() == [0, 3, 1, 2]


def test_an_empty_dictionary() -> None:
    dictionary = Dictionary()
    assert codes(dictionary, pl.Series([], dtype=pl.String)) == []
    final = dictionary.finish()
    assert len(final.values) == 0
    assert final.code_V1.tolist() == [0]
    assert dictionary.is_all_used()


@pytest.mark.parametrize(("num_values", "dtype"), [(255, "uint8"), (256, "uint16")])
def test_codes_are_as_small_as_they_can_be(num_values: int, dtype: str) -> None:
    dictionary = Dictionary()
    # Codes 0 … num_values: 256 values need 257 of them.
    codes(dictionary, pl.Series(range(num_values)))
    assert dictionary.finish().code_V1.dtype == dtype


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (pl.Series([10, 9, None, 10]), ["10", "9", None, "10"]),
        (pl.Series([200, 3], dtype=pl.UInt8), ["200", "3"]),
        (pl.Series([2**64 - 1, 3], dtype=pl.UInt64), ["18446744073709551615", "3"]),
        (pl.Series([1.5, float("nan"), None, 2.0]), ["1.5", None, None, "2.0"]),
        (pl.Series([True, False]), ["true", "false"]),
        (pl.Series([dt.date(2020, 1, 2)]), ["2020-01-02"]),
        (pl.Series(["x", "y"], dtype=pl.Categorical), ["x", "y"]),
        (pl.Series(["y"], dtype=pl.Enum(["x", "y"])), ["y"]),
        (pl.Series([None, None]), [None, None]),
    ],
)
def test_values_of_any_type_become_text(series: pl.Series, expected: list[str | None]) -> None:
    dictionary = Dictionary()
    found = codes(dictionary, series)
    assert final_texts(dictionary.finish(), found) == expected


@given(st.lists(st.lists(st.integers(-3, 12), max_size=9), max_size=5), st.data())
def test_a_number_and_its_text_are_one_value(chunks: list[list[int]], data: st.DataObject) -> None:
    dictionary, found = Dictionary(), list[int]()
    for chunk in chunks:
        dtype = data.draw(st.sampled_from([pl.Int64, pl.Int8, pl.Int128, pl.String]))
        found += codes(dictionary, pl.Series(chunk, dtype=pl.Int64).cast(dtype))
    expected = [str(number) for chunk in chunks for number in chunk]
    assert final_texts(dictionary.finish(), found) == expected
    assert dictionary.size == len(set(expected))


@given(TEXTS, TEXTS, st.integers(1, 4))
def test_texts_that_share_a_hash_are_still_told_apart(
    first: list[str | None], second: list[str | None], num_hashes: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            pl.Series,
            "hash",
            lambda self: pl.Series([len(t) % num_hashes for t in self], dtype=pl.UInt64),
        )
        patch.setattr(module, "PIECE", 7)
        dictionary = Dictionary()
        found = [
            c for t in (first, second) for c in codes(dictionary, pl.Series(t, dtype=pl.String))
        ]
        again = Dictionary.of(dictionary.values())
        assert codes(again, pl.Series(first, dtype=pl.String)) == found[: len(first)]
    texts = first + second
    # Same text, same code; and of each text one code.
    assert len({*zip(texts, found, strict=True)}) == len({*texts}) == len({*found})
    values = dictionary.values().to_list()
    assert [values[code - 1] if code else None for code in found] == texts


def test_a_dictionary_is_made_again_from_its_values() -> None:
    first = Dictionary()
    for values in (["b", "a", "b"], ["", "c", "a"]):
        codes(first, pl.Series(values))
    # Met, but in a bad row only: nothing of it stays, but its code is not given again.
    first.codes(pl.Series(["secret"]))
    assert first.values().to_list() == ["b", "a", "", "c", None]
    second = Dictionary.of(first.values())
    assert second.values().to_list() == first.values().to_list()
    more = pl.Series(["d", "a", None, "c"])
    # b, a, "", c and what is left out are 1 … 5.
    assert codes(second, more) == codes(first, more) == [6, 2, 0, 4]
    assert second.finish().values == first.finish().values
    assert codes(second, pl.Series(["secret"])) == [7]


def test_each_value_is_tested_once() -> None:
    asked: list[list[str]] = []

    def is_long(texts: pl.Series) -> pl.Series:
        asked.append(texts.to_list())
        return texts.str.len_chars() > 2

    dictionary = Dictionary({"long": Property(is_long)})
    assert dictionary.hits("long", dictionary.codes(pl.Series(["ab", "c"]))) is None
    found = dictionary.hits("long", dictionary.codes(pl.Series(["abc", "c", None, "abc"])))
    assert found is not None
    assert found.tolist() == [True, False, False, True]
    assert asked == [["ab", "c"], ["abc"]]
    assert dictionary.hits("unknown", np.array([1], np.uint32)) is None


@pytest.mark.parametrize("of_numbers", [True, False])
def test_numbers_are_tested_as_texts_where_they_may_hit(of_numbers: bool) -> None:
    test = Property(lambda texts: texts == "12", of_numbers)
    dictionary = Dictionary({"twelve": test})
    found = dictionary.hits("twelve", dictionary.codes(pl.Series([3, 12])))
    assert (None if found is None else found.tolist()) == ([False, True] if of_numbers else None)


def test_values_do_not_keep_the_texts_of_a_chunk_alive() -> None:
    dictionary = Dictionary()
    codes(dictionary, pl.Series(["x" * 1_000] * 50 + ["y" * 1_000]))
    # Two texts of 1,000 bytes, and views of them; not 51,000 bytes.
    assert dictionary.texts_from(1).estimated_size() < 5_000


@pytest.mark.parametrize("secret", ["secret", "a-secret-that-is-too-long-for-a-view"])
def test_not_a_byte_of_what_is_not_used_comes_out(secret: str) -> None:
    dictionary = Dictionary()
    dictionary.codes(pl.Series(["a", secret, "another-text-that-is-too-long-for-a-view"]))
    dictionary.use(np.array([1, 3], np.uint32))
    file = io.BytesIO()
    dictionary.values().to_frame("x").write_ipc(file)
    assert b"secret" not in file.getvalue()
    assert b"another-text" in file.getvalue()
