from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.item_factors import ItemFactors, ItemFactorsConfig
from habitus.comparisons.item_scores import CountScores
from habitus.data.snapshot import Snapshot
from habitus.errors import DataError, UsageError
from habitus.probes.targets import Targets
from habitus.testing.comparisons import ComparisonContract
from habitus.testing.hand_made import Event, write_traces
from tests.comparisons.items import shop


class TestItemFactors(ComparisonContract):
    comparison = ItemFactors
    config = ItemFactorsConfig(width=4)


def bought(path: Path, people: dict[str, str]) -> Snapshot:
    events: dict[str, list[Event]] = {
        user: [{"time": t, "item_id": item} for t, item in enumerate(items)]
        for user, items in people.items()
    }
    return Snapshot(write_traces(path, events, {"item_id": "id"}, time_unit="order"))


@pytest.mark.parametrize("damping", [0.0, 0.25, 0.5])
def test_at_full_width_it_is_item_cf(tmp_path: Path, damping: float) -> None:
    # d and e go together, so four axes of five items hold all there is.
    people = ["a", "ab", "abc", "bc", "cde", "ade", "abde", "de", "bcde"]
    train = bought(tmp_path / "t", {f"u{i}": items for i, items in enumerate(people)})
    made = ItemFactors(ItemFactorsConfig(damping=damping, width=4))
    made.fit(train, 0)
    items_I = np.arange(1, 6)
    expected_UI = CountScores(train).score(train, items_I, damping)
    np.testing.assert_allclose(made.score(train, items_I), expected_UI, rtol=1e-5, atol=1e-5)


def test_a_vector_is_of_the_history_alone_and_half_of_it_is_half_of_the_vector(
    tmp_path: Path,
) -> None:
    train = bought(tmp_path / "t", {"ann": "ab", "bob": "abc", "cem": "cd", "new": "a", "one": "b"})
    made = ItemFactors(ItemFactorsConfig(width=3))
    made.fit(Snapshot(train.traces, None, np.arange(3)), 0)
    ann, *_, new, one = made.represent(train)
    np.testing.assert_allclose(new + one, ann, rtol=1e-5)
    np.testing.assert_allclose(made.item_vectors(np.array([1]))[0], new, rtol=1e-6)


def test_nobody_had_it_is_zeros(tmp_path: Path) -> None:
    whole = Snapshot(shop(tmp_path / "t"))
    made = ItemFactors(ItemFactorsConfig(width=2))
    # Ann and Bob never had d or e.
    made.fit(Snapshot(whole.traces, None, np.array([0, 1])), 0)
    assert not made.item_vectors(np.array([4, 5])).any()
    assert not made.represent(whole)[3].any()
    assert made.item_vectors(np.array([1])).any()


def test_one_user_has_one_axis(tmp_path: Path) -> None:
    train = bought(tmp_path / "t", {"ann": "ab"})
    made = ItemFactors(ItemFactorsConfig(damping=0.0))
    made.fit(train)
    # One user who had both: 1 for each, and 1 · 1 + 1 · 1 for the history.
    np.testing.assert_allclose(made.score(train, np.array([1, 2])), [[2, 2]])
    np.testing.assert_allclose(
        made.score(train, np.array([1, 2])),
        CountScores(train).score(train, np.array([1, 2]), 0.0),
    )


def test_it_chooses_the_damping_that_finds_more(tmp_path: Path) -> None:
    # As of item CF: with a, ten people had h, whom 90 others had too; three had r alone.
    people = {f"a{i:02d}": "ahr" if i < 3 else "ah" for i in range(10)}
    people |= {f"h{i:02d}": "h" for i in range(90)} | {"test": "a"}
    train = bought(tmp_path / "t", people)
    history, items_I = (
        Snapshot(train.traces, None, train.traces.rows_of(["test"])),
        np.array([1, 2, 3]),
    )
    for target, damping in ((2, 0.0), (3, 0.5)):
        made = ItemFactors(ItemFactorsConfig(width=2))
        made.fit(train)
        made.tune(history, Targets.of(history, np.array([target]), items_I, "item_id"), items_I)
        assert made.damping == damping


def test_it_has_to_be_fitted_and_settings_are_checked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has not been fitted"):
        ItemFactors().represent(Snapshot(shop(tmp_path / "t")))
    with pytest.raises(UsageError, match="width must be at least 1, got 0"):
        ItemFactorsConfig(width=0)
    with pytest.raises(UsageError, match="dampings must be 0 or more"):
        ItemFactorsConfig(dampings=())
