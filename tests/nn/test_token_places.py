"""Places by arithmetic: one row a token, or two that are added."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from habitus.nn.quotient_remainder import smallest_parts
from habitus.nn.token_places import DENSE_STATES, TokenPlaces

SIZES = (5, 40, 2, 30)


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=5),
    st.integers(0, 2),
    st.none() | st.integers(1, 60),
)
def test_no_two_tokens_or_states_have_the_same_places(
    sizes: list[int], num_dense: int, composed_above: int | None
) -> None:
    places = TokenPlaces(sizes, num_dense, composed_above)
    seen: set[tuple[int, ...]] = set()
    for channel, size in enumerate(sizes):
        found = places.of_channel(channel, torch.arange(size)).tolist()
        composed = composed_above is not None and size > composed_above
        assert all(len(place) == 1 + composed for place in found)
        seen |= {tuple(place) for place in found}
    state_TF = torch.arange(DENSE_STATES)[:, None].repeat(1, num_dense)
    tokens_TC = torch.zeros(DENSE_STATES, len(sizes), dtype=torch.long)
    states = places(tokens_TC, state_TF)[:, places.lookups(len(sizes)) :]
    seen |= {(place,) for place in states.flatten().tolist()}
    assert len(seen) == sum(sizes) + DENSE_STATES * num_dense
    # Every row is somebody's, and nobody's place lies outside.
    assert {place for pair in seen for place in pair} == set(range(places.num_rows))


def test_by_hand() -> None:
    places = TokenPlaces(SIZES, 1, composed_above=20)
    # 40 tokens: √40 → 7 remainders and ⌈40 / 7⌉ = 6 quotients; 30: 6 and 5.
    assert [smallest_parts(v) for v in (40, 30)] == [(6, 7), (5, 6)]
    assert places.num_rows_C == (5, 13, 2, 11)
    assert places.num_rows == 31 + DENSE_STATES
    assert places.composed == (1, 3)
    tokens_TC = torch.tensor([[4, 39, 1, 29]])
    # 4; 5 + 39 // 7 = 10; 18 + 1; 20 + 29 // 6 = 24; 5 + 6 + 39 % 7 = 15; 20 + 5 + 29 % 6 = 30.
    assert places.of_tokens(tokens_TC).tolist() == [[4, 10, 19, 24, 15, 30]]
    assert places(tokens_TC, torch.tensor([[2]])).tolist() == [[4, 10, 19, 24, 15, 30, 33]]
    assert places.of_tokens(tokens_TC[:, :2]).tolist() == [[4, 10, 15]]
    assert places.of_tokens(tokens_TC[:, :1]).tolist() == [[4]]
    assert [places.lookups(count) for count in range(5)] == [0, 1, 3, 4, 6]


def test_rows_of_composed_channels_are_added_and_no_others() -> None:
    places = TokenPlaces(SIZES, 0, composed_above=20)
    rows_TME = torch.tensor([1.0, 2, 3, 4, 20, 40])[None, :, None]
    assert places.added(rows_TME, 4).flatten().tolist() == [1, 22, 3, 44]
    assert places.added(rows_TME[:, [0, 1, 4]], 2).flatten().tolist() == [1, 22]
    assert places.added(rows_TME[:, :1], 1).flatten().tolist() == [1]


def test_composed_rows_are_made_smaller_and_no_others() -> None:
    places, table = TokenPlaces(SIZES, 1, composed_above=20), torch.ones(34, 2)
    places.shrink(table)
    # Two of them with the variance of one.
    expected = [1.0] * 5 + [0.5**0.5] * 13 + [1.0] * 2 + [0.5**0.5] * 11 + [1.0] * 3
    assert table[:, 0].tolist() == pytest.approx(expected)


def test_places_are_no_weights() -> None:
    assert not TokenPlaces(SIZES, 2, composed_above=1).state_dict()
