"""Who learns, who stops the learning, who is matched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from habitus.data.split import Part, UserSplit, parts_by_profile
from habitus.data.traces import Traces
from habitus.errors import DataError, GuardError, UsageError
from habitus.evaluation.matching_split import MatchingSplit, on_several_services
from habitus.testing.hand_made import write_traces
from tests.evaluation.shoppers import NUM_USERS, shoppers

PARTS: tuple[Part, ...] = ("train", "valid", "test")
SOURCE = ["train"] * 30 + ["valid"] * 10 + ["test"] * 15 + ["arts_only"] * 4 + [None]
ALONE = set(range(0, NUM_USERS, 6)) | {7, 59}
"""Who has texts on one service, or none."""


@pytest.fixture
def hashed(tmp_path: Path) -> Traces:
    return shoppers(tmp_path / "hashed")


@pytest.fixture
def parted(tmp_path: Path) -> Traces:
    return shoppers(tmp_path / "parted", split=SOURCE)


def test_those_on_several_services_have_a_text_on_each(hashed: Traces) -> None:
    several_U = on_several_services(hashed)
    assert set(np.flatnonzero(~several_U).tolist()) == ALONE


def test_the_parts_of_the_source_stand(parted: Traces) -> None:
    train_U, valid_U, pool_U = MatchingSplit(pool=5).parts(parted)
    # Whom the source calls anything else, or nothing, is trained on.
    assert train_U.tolist() == [*range(30), *range(55, 60)]
    assert valid_U.tolist() == [u for u in range(30, 40) if u not in ALONE]
    assert len(pool_U) == 5
    assert set(pool_U.tolist()) < set(range(40, 55)) - ALONE
    assert pool_U.tolist() == sorted(pool_U.tolist())


def test_where_test_users_are_too_few_valid_users_join_and_stop_nothing(parted: Traces) -> None:
    # Of 30 … 54, four are alone: 30, 36, 42, 48, and 54 makes five. 20 are left, 12 of them tested.
    split = MatchingSplit(pool=14)
    _, valid_U, pool_U = split.parts(parted)
    assert len(pool_U) == 14
    assert set(pool_U.tolist()) & set(range(30, 40))
    assert not set(pool_U.tolist()) & set(valid_U.tolist())
    assert set(pool_U.tolist()) | set(valid_U.tolist()) == set(range(30, 55)) - ALONE


def test_who_of_a_pool_is_a_test_user_of_the_source(parted: Traces) -> None:
    split = MatchingSplit(pool=14)
    pool_U = split.parts(parted).pool_U
    test_U = np.flatnonzero(parts_by_profile(parted, "split") == 2)
    expected = [int(user) in set(test_U.tolist()) for user in pool_U]
    assert split.of_test(parted, pool_U).tolist() == expected
    assert 0 < sum(expected) < len(expected)


def test_as_many_test_users_as_are_wanted_are_enough(parted: Traces) -> None:
    _, valid_U, pool_U = MatchingSplit(pool=12).parts(parted)
    assert set(pool_U.tolist()) == set(range(40, 55)) - ALONE
    assert set(valid_U.tolist()) == set(range(30, 40)) - ALONE


def test_rows_are_what_a_run_asks_for(parted: Traces) -> None:
    split = MatchingSplit(pool=5)
    for part, rows_U in zip(PARTS, split.parts(parted), strict=True):
        np.testing.assert_array_equal(split.rows(parted, part), rows_U)


def test_pairs_are_train_users_on_several_services(parted: Traces) -> None:
    split = MatchingSplit(pool=5, pairs_share=0.5)
    expected = set(split.rows(parted, "train").tolist()) - ALONE
    assert set(split.pairs(parted).tolist()) == expected


def test_all_test_users_are_matched_or_so_many(parted: Traces, tmp_path: Path) -> None:
    assert MatchingSplit.of_test_users(parted).pool == 12
    assert MatchingSplit.of_test_users(parted, most=7).pool == 7
    few = shoppers(tmp_path / "few", split=["test"] * 2 + ["valid"] * (NUM_USERS - 2))
    with pytest.raises(GuardError, match="1 test users of"):
        MatchingSplit.of_test_users(few)


def test_without_a_split_of_the_source_the_hash_parts(hashed: Traces, tmp_path: Path) -> None:
    split = MatchingSplit(pool=6, seed=3)
    train_U, valid_U, pool_U = split.parts(hashed)
    expected = {p: UserSplit(seed=3).rows(hashed, p) for p in PARTS}
    np.testing.assert_array_equal(train_U, expected["train"])
    assert set(pool_U.tolist()) <= set(expected["test"].tolist()) - ALONE
    assert set(valid_U.tolist()) == set(expected["valid"].tolist()) - ALONE
    # Profiles that part nobody are no split.
    named = shoppers(tmp_path / "named", split=["adult"] * NUM_USERS)
    np.testing.assert_array_equal(split.parts(named).pool_U, pool_U)


def test_another_seed_draws_another_pool(parted: Traces) -> None:
    pools = [MatchingSplit(pool=6, pool_seed=s).parts(parted).pool_U.tolist() for s in (0, 0, 1)]
    assert pools[0] == pools[1] != pools[2]


def test_larger_shares_of_pairs_hold_the_smaller(parted: Traces) -> None:
    whole = set(MatchingSplit(pool=5).parts(parted).train_U.tolist())
    before: set[int] = set()
    for share in (0.25, 0.5, 1.0):
        train = set(MatchingSplit(pool=5, pairs_share=share).parts(parted).train_U.tolist())
        pairs = train - ALONE
        assert len(pairs) == round(share * len(whole - ALONE))
        assert before <= pairs
        assert train & ALONE == whole & ALONE
        before = pairs


def test_what_cannot_be_parted(parted: Traces, tmp_path: Path) -> None:
    with pytest.raises(GuardError, match=r"20 valid and test users .* and 21 are to be matched"):
        MatchingSplit(pool=21).parts(parted)
    with pytest.raises(GuardError, match="leaves 1 users"):
        MatchingSplit(pool=19).parts(parted)
    events = {u: [{"time": 1, "service": "arts", "text": "tea"}] for u in "ab"}
    with pytest.raises(GuardError, match=r"services of .* with texts are: arts"):
        MatchingSplit().parts(shoppers(tmp_path / "one", events))
    silent = {u: [{"time": 1, "service": s} for s in "xy"] for u in "ab"}
    mute = write_traces(tmp_path / "mute", silent, {"service": "category"})
    with pytest.raises(DataError, match="no text"):
        MatchingSplit().parts(mute)
    empty = {u: [{"time": 1, "service": s, "text": ""} for s in "xy"] for u in "ab"}
    with pytest.raises(GuardError, match="with texts are: none"):
        MatchingSplit().parts(shoppers(tmp_path / "empty", empty))


@pytest.mark.parametrize(
    "wrong", [{"pool": 1}, {"pairs_share": 0.0}, {"pairs_share": 1.1}, {"train": 0.9}]
)
def test_wrong_settings(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="must be"):
        MatchingSplit.from_dict(wrong)


def test_it_survives_a_round_trip() -> None:
    split = MatchingSplit(pool=7, pairs_share=0.5)
    assert MatchingSplit.from_dict(split.to_dict()) == split
