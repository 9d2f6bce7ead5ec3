"""Intervals, differences and strata of hand-made places, against arithmetic and plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from habitus.comparisons import COMPARISONS
from habitus.errors import UsageError
from habitus.evaluation.next_item import Costs, Outcome, ScoringMethod
from habitus.evaluation.next_item_asked import AskedItems, ask_next_item
from habitus.evaluation.next_item_ranking import Rankings
from habitus.evaluation.next_item_table import NextItemTable
from habitus.evaluation.ranking import Ranking
from habitus.evaluation.strata import strata_of
from habitus.random import numpy_generator
from habitus.tasks.next_item import NextItemConfig
from tests.evaluation.item_world import item_world

COSTS = Costs(0, float("nan"), 0, 0.0, 1.0)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[AskedItems]:
    traces = item_world(tmp_path_factory.mktemp("world") / "traces")
    return [
        ask_next_item(NextItemConfig(name=service, service=service), traces)
        for service in ("food", "home")
    ]


def outcome(asked: AskedItems, name: str, *better: list[int]) -> Outcome:
    """Return an outcome whose places are given for each seed; 12 candidates, no ties."""
    method = ScoringMethod(name=name, label=name, build=COMPARISONS["most_popular"])
    seeds = []
    for better_B in better:
        ranking = Ranking(
            np.array(better_B), np.zeros(len(better_B), np.int64), np.full(len(better_B), 12)
        )
        seeds.append(Rankings(ranking, replace(ranking, num_better_U=ranking.num_better_U * 0)))
    return Outcome(method, asked, tuple(seeds), COSTS)


@pytest.fixture(scope="module")
def table(asked: list[AskedItems]) -> NextItemTable:
    generator = numpy_generator(0, "places")
    outcomes = []
    for each in asked:
        num = each.test_targets.num_users
        far, near = generator.integers(0, 12, (2, num)).tolist()
        outcomes += [
            outcome(each, "most_popular", far),
            outcome(each, "ours", [place // 4 for place in near], [0] * num),
        ]
    return NextItemTable(outcomes, num_resamples=400)


def test_rows_are_the_questions_of_all_services(
    table: NextItemTable, asked: list[AskedItems]
) -> None:
    assert table.methods == ["most_popular", "ours"]
    assert table.services == ["food", "home"]
    sizes = [each.test_targets.num_users for each in asked]
    assert [int(table.of_service(s).sum()) for s in table.services] == sizes
    assert len(table.user_B) == sum(sizes)
    # Nearly everybody is asked on both services, and is one person.
    assert len(table.counts_UR) == len(
        np.unique(np.concatenate([each.test.history.users_U for each in asked]))
    )


def test_a_score_is_the_mean_over_questions_and_seeds(table: NextItemTable) -> None:
    found = table.score("ours", "HR@1")
    assert found is not None
    better = np.concatenate([o.seeds[0].full.num_better_U for o in table.outcomes[1::2]])
    assert list(found.seeds) == pytest.approx([float((better == 0).mean()), 1.0])
    assert found.value == pytest.approx(np.mean(found.seeds))
    assert found.low < found.value < found.high
    sampled = table.score("most_popular", "HR@1", "sampled")
    assert sampled is not None
    assert (sampled.value, sampled.low, sampled.high) == (1, 1, 1)


def test_people_are_resampled_whole(table: NextItemTable) -> None:
    found = table.score("most_popular", "MRR")
    values_B = table.values("most_popular", "MRR")[0]
    # Equal resamples, person by person.
    expected = []
    for counts_U in table.counts_UR.T:
        drawn = [
            value
            for value, user in zip(values_B, table.user_B, strict=True)
            for _ in range(int(counts_U[user]))
        ]
        expected.append(np.mean(drawn))
    assert found is not None
    assert [found.low, found.high] == pytest.approx(np.quantile(expected, [0.025, 0.975]), rel=1e-5)


def test_a_difference_is_paired(table: NextItemTable) -> None:
    found = table.difference("ours", "most_popular", "NDCG@10")
    ours, theirs = (table.score(name, "NDCG@10") for name in ("ours", "most_popular"))
    assert found is not None
    assert ours is not None
    assert theirs is not None
    assert found.value == pytest.approx(ours.value - theirs.value)
    assert found.verdict == "better"
    nothing = table.difference("ours", "ours", "NDCG@10")
    assert nothing is not None
    assert (nothing.value, nothing.low, nothing.high, nothing.verdict) == (0, 0, 0, "tie")


def test_strata_are_those_of_each_service(table: NextItemTable, asked: list[AskedItems]) -> None:
    # Ordered, not timed: nobody is new.
    assert list(table.strata) == ["all", "cold", "mid", "heavy"]
    for name in ("cold", "mid", "heavy"):
        expected = [strata_of(each.test.history)[name] for each in asked]
        np.testing.assert_array_equal(table.strata[name], np.concatenate(expected))
    chosen_B = table.of_service("home")
    found = table.score("most_popular", "MRR", chosen_B=chosen_B)
    assert found is not None
    means = [o.full.metrics()["MRR"] for o in table.outcomes[2].seeds]
    assert found.value == pytest.approx(np.mean(means))


def test_a_stratum_of_a_few_has_no_figure(table: NextItemTable) -> None:
    few_B = np.arange(len(table.user_B)) < 9
    assert table.score("ours", "HR@1", chosen_B=few_B) is None
    assert table.difference("ours", "most_popular", "HR@1", chosen_B=few_B) is None
    assert table.entry(None) is None


def test_our_own_rows_must_be_possible(table: NextItemTable, asked: list[AskedItems]) -> None:
    assert table.impossible() == {}

    class Wrong(Ranking):
        def metrics(self, ks: object = ()) -> dict[str, float]:
            # Nobody first, and yet the mean gain is above that of a second place, .63.
            return {"HR@1": 0.0, "NDCG@10": 0.7, "MRR": 0.5}

    good = outcome(asked[0], "wrong", [1] * asked[0].test_targets.num_users)
    wrong = Wrong(*vars(good.seeds[0].full).values())
    bad = replace(good, seeds=(Rankings(wrong, good.seeds[0].sampled),))
    assert list(NextItemTable([bad]).impossible()) == ["food, wrong, full"]


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(UsageError, match="needs an outcome"):
        NextItemTable([])
