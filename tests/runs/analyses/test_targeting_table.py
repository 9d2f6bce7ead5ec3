from __future__ import annotations

import numpy as np
import pytest

from habitus.errors import DataError, UsageError
from habitus.metrics.arrays import Floats
from habitus.runs.analyses.targeting_table import Campaign, Targeted, TargetingTable


def ones(number: int) -> Floats:
    return np.ones((number, 1))


def slow(
    scores: Floats, responds: Floats, value: Floats, weights: Floats, budget: float
) -> tuple[float, float, float]:
    """Return the measures by a list of people, each as often as they were drawn.

    People with one score are spread evenly: the mean of each group stands for each of its people.
    """
    people = [i for i, w in enumerate(weights) for _ in range(int(w))]
    people.sort(key=lambda i: -scores[i])
    left, reached, spent_value = budget * len(people), 0.0, 0.0
    for score in sorted({scores[i] for i in people}, reverse=True):
        group = [i for i in people if scores[i] == score]
        taken = min(left, len(group))
        left -= taken
        reached += taken * np.mean([responds[i] for i in group])
        spent_value += taken * np.mean([value[i] for i in group])
    budgeted = budget * len(people)
    total = sum(responds[i] for i in people)
    return reached / total, reached / budgeted, spent_value / budgeted


def test_the_best_two_of_five_by_hand() -> None:
    ranked = Targeted(
        np.array([0.9, 0.1, 0.8, 0.3, 0.2]),
        np.array([1.0, 1.0, 0.0, 1.0, 0.0]),
        np.array([10.0, 1.0, 4.0, 0.0, 0.0]),
    )
    found = ranked.measure(ones(5), 0.4)
    # Two are targeted: one of three responders, one of two responds, and they spend 14.
    assert found["reach"] == pytest.approx([1 / 3])
    assert found["conversion"] == pytest.approx([1 / 2])
    assert found["value"] == pytest.approx([7.0])
    # Half a person more: the fourth, who responds and spends nothing.
    more = ranked.measure(ones(5), 0.5)
    assert more["reach"] == pytest.approx([1.5 / 3])
    assert more["value"] == pytest.approx([14 / 2.5])


def test_one_score_for_all_is_chance() -> None:
    responds = np.array([1.0, 0.0, 0.0, 1.0])
    found = Targeted(np.zeros(4), responds, np.array([1.0, 2.0, 3.0, 6.0])).measure(ones(4), 0.3)
    assert found["reach"] == pytest.approx([0.3])
    assert found["conversion"] == pytest.approx([0.5])
    assert found["value"] == pytest.approx([3.0])


def test_weights_are_people_as_often_as_drawn() -> None:
    generator = np.random.default_rng(0)
    for _ in range(50):
        number = int(generator.integers(3, 12))
        scores = generator.integers(0, 4, number).astype(float)
        responds = (generator.random(number) < 0.5).astype(float)
        value = generator.normal(size=number)
        weights = generator.integers(0, 3, number).astype(float)
        budget = float(generator.uniform(0.05, 1.0))
        if not (weights * responds).sum():
            continue
        found = Targeted(scores, responds, value).measure(weights[:, None], budget)
        expected = slow(scores, responds, value, weights, budget)
        assert [found[m][0] for m in ("reach", "conversion", "value")] == pytest.approx(expected)


def test_everybody_is_targeted_by_the_whole_budget() -> None:
    responds, value = np.array([1.0, 0.0, 1.0]), np.array([1.0, 2.0, 6.0])
    found = Targeted(np.array([3.0, 2.0, 1.0]), responds, value).measure(ones(3), 1.0)
    assert [found[m][0] for m in ("reach", "conversion", "value")] == pytest.approx([1, 2 / 3, 3])


def test_where_nobody_responds_there_is_no_reach() -> None:
    found = Targeted(np.array([2.0, 1.0]), np.zeros(2), np.ones(2)).measure(ones(2), 0.5)
    assert np.isnan(found["reach"]).all()
    assert found["conversion"].tolist() == [0.0]


@pytest.mark.parametrize("budget", [0.0, 1.5])
def test_a_budget_is_a_share(budget: float) -> None:
    with pytest.raises(UsageError, match="above 0 and at most 1"):
        Targeted(np.zeros(2), np.zeros(2), np.zeros(2)).measure(ones(2), budget)


def campaign(name: str, users: list[int], shift: float) -> Campaign:
    generator = np.random.default_rng(len(name))
    responds = (generator.random(len(users)) < 0.3).astype(float)
    noise = generator.normal(size=(2, len(users)))
    scores = {"good": responds[None] * 2 + noise * 0.1 + shift, "bad": noise}
    return Campaign(name, np.array(users), responds, 5 * responds, scores)


def test_a_mean_over_campaigns_and_paired_differences() -> None:
    table = TargetingTable(
        [campaign("a", list(range(100)), 0.0), campaign("bb", list(range(50, 200)), 1.0)],
        (0.1, 0.2),
        300,
    )
    both = table.estimate("good", "reach", 0.1)
    alone = [table.estimate("good", "reach", 0.1, [name]).value for name in ("a", "bb")]
    assert both.value == pytest.approx(np.mean(alone))
    assert both.low <= both.value <= both.high
    assert len(both.seeds) == 2
    # The good one targets responders alone, while there are more of them than the budget takes.
    assert table.estimate("good", "conversion", 0.1).value == pytest.approx(1.0)
    ahead = table.difference("good", "bad", "conversion", 0.1)
    assert ahead.verdict == "better"
    same = table.difference("good", "good", "value", 0.2)
    assert (same.value, same.low, same.high, same.verdict) == (0.0, 0.0, 0.0, "tie")


def test_what_cannot_be_replayed_is_said() -> None:
    with pytest.raises(UsageError, match="a campaign or more"):
        TargetingTable([], (0.1,), 10)
    with pytest.raises(DataError, match=r"scores of x are \(1, 3\), and 2 people"):
        Campaign("c", np.arange(2), np.zeros(2), np.zeros(2), {"x": np.zeros((1, 3))})
    table = TargetingTable([campaign("a", [1, 2, 3], 0.0)], (0.1,), 10)
    with pytest.raises(UsageError, match="no measure 'reaches'"):
        table.estimate("good", "reaches", 0.1)
