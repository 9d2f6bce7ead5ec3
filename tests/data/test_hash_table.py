import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.hash_table import HashTable, Keys, count_into, places_by_bucket

KEYS = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 5), max_size=50)


def find(table: HashTable, keys: list[int] | Keys) -> tuple[list[int], list[int]]:
    """Return codes, and the rows of new keys."""
    code_L = np.full(len(keys), 77, np.uint32)
    new = table.find(np.array(keys, np.uint64), code_L)
    return code_L.tolist(), new.tolist()


@given(st.lists(KEYS, min_size=1, max_size=4))
def test_codes_are_those_of_a_plain_dictionary(chunks: list[list[int]]) -> None:
    table, plain = HashTable(), dict[int, int]()
    for keys in chunks:
        expected_new = [i for i, k in enumerate(keys) if k not in plain and k not in keys[:i]]
        for key in keys:
            plain.setdefault(key, len(plain) + 1)
        assert find(table, keys) == ([plain[key] for key in keys], expected_new)
        assert table.size == len(plain)


def test_it_grows_while_it_looks_up() -> None:
    # 2^10 slots at first, of which 65 % may be taken, then 2^12, 2^14 and 2^16: 42,598 keys fit.
    keys = np.random.default_rng(0).permutation(
        np.arange(40_000, dtype=np.uint64) * np.uint64(2**40)
    )
    table = HashTable()
    assert find(table, keys) == (list(range(1, 40_001)), list(range(40_000)))
    assert find(table, keys[::-1]) == (list(range(40_000, 0, -1)), [])
    assert table._slots_S2.shape[0] == 2**16


def test_keys_that_want_one_slot_find_another() -> None:
    # Multiples of 2^54 differ in the ten highest bits only; all are even, so slots come in runs.
    keys = [n << 54 for n in range(600)]
    table = HashTable()
    assert find(table, keys)[0] == list(range(1, 601))
    assert find(table, keys[::-1])[0] == list(range(600, 0, -1))


def test_zero_is_a_key_like_any_other() -> None:
    table = HashTable()
    assert find(table, [5, 0, 0, 5]) == ([1, 2, 2, 1], [0, 1])


def test_a_code_may_be_taken_without_a_key() -> None:
    table = HashTable()
    find(table, [5, 6])
    assert table.next_code() == 3
    assert find(table, [7, 5]) == ([4, 1], [0])
    assert table.size == 4


def test_a_table_is_made_again_from_its_keys() -> None:
    table = HashTable()
    keys, codes = np.arange(3_000, dtype=np.uint64), np.arange(2, 3_002, dtype=np.uint32)
    # Codes go up to 3,005: some have no key.
    assert not table.put(keys, codes, 3_005).any()
    assert find(table, [2_999, 0, 3_000]) == ([3_001, 2, 3_006], [2])
    again = table.put(np.array([1, 9_999], np.uint64), np.array([9, 10], np.uint32), 3_006)
    assert again.tolist() == [True, False]
    assert find(table, [1, 9_999]) == ([3, 10], [])


def test_rows_are_counted() -> None:
    count_V1 = np.array([0, 5, 0])
    count_into(count_V1, np.array([1, 2, 2], np.uint32))
    assert count_V1.tolist() == [0, 6, 2]


@given(st.lists(st.integers(0, 6), max_size=40), st.integers(1, 5))
def test_places_are_those_of_a_stable_sort(codes: list[int], num_buckets: int) -> None:
    bucket_V1 = (np.arange(7) * 3 % num_buckets).astype(np.uint16)
    code_L = np.array(codes, np.uint32)
    place_L, count_K = places_by_bucket(bucket_V1, code_L, num_buckets)
    expected = np.argsort(bucket_V1[code_L], kind="stable")
    assert place_L.tolist() == np.argsort(expected).tolist()
    assert count_K.tolist() == np.bincount(bucket_V1[code_L], minlength=num_buckets).tolist()
