import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.errors import UsageError
from habitus.evaluation.feasibility import check_row, impossible_rows, rank_weights
from habitus.metrics import hit_rate, mrr, ndcg

METRICS = ("HR@1", "HR@5", "NDCG@10", "MRR", "MRR@10")


def test_weights_by_hand() -> None:
    assert rank_weights("HR@2", 4).tolist() == [1, 1, 0, 0]
    assert rank_weights("MRR", 4).tolist() == [1, 1 / 2, 1 / 3, 1 / 4]
    assert rank_weights("MRR@2", 4).tolist() == [1, 1 / 2, 0, 0]
    np.testing.assert_allclose(rank_weights("NDCG@2", 3), [1, 1 / math.log2(3), 0])


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=20),
    st.booleans(),
)
def test_metrics_of_real_ranks_are_possible_exact_or_printed(
    counts: list[tuple[int, int]], as_printed: bool
) -> None:
    better, tied = np.array(counts).T
    row: dict[str, float | str] = {
        "HR@1": hit_rate(better, tied, 1),
        "HR@5": hit_rate(better, tied, 5),
        "NDCG@10": ndcg(better, tied, 10),
        "MRR": mrr(better, tied),
        "MRR@10": mrr(better, tied, 10),
    }
    if as_printed:
        row = {name: f"{value:.4f}" for name, value in row.items()}
    result = check_row(row, num_candidates=101)
    assert result.possible
    assert str(result) == "possible"


def test_ndcg_below_the_hit_rate_at_1_is_impossible() -> None:
    result = check_row({"HR@1": ".5720", "NDCG@10": ".5589"}, num_candidates=101)
    assert not result.possible
    # Each hit at 1 gives NDCG 1, so .5720 − .5589 parts evenly on both, less both tolerances.
    assert result.excess == pytest.approx((0.5720 - 0.5589) / 2 - 6e-5, abs=1e-6)
    assert result.ranges["NDCG@10"] is not None
    assert result.ranges["NDCG@10"][0] == pytest.approx(0.5720, abs=1e-4)


def test_a_range_is_what_arithmetic_says() -> None:
    # All at rank 1 or 2 of two candidates: MRR = HR@1 + (1 − HR@1) / 2 = .7 at HR@1 = .4.
    result = check_row({"HR@1": 0.4, "MRR": 0.9}, num_candidates=2)
    assert result.ranges["MRR"] == pytest.approx((0.7, 0.7), abs=1e-5)
    assert result.ranges["HR@1"] == pytest.approx((0.8, 0.8), abs=1e-5)
    assert "HR@1 would have to be in [0.8000, 0.8000]" in str(result)


def test_three_that_contradict_in_pairs_have_no_range() -> None:
    result = check_row({"HR@1": 0.9, "HR@5": 0.5, "NDCG@10": 0.1}, num_candidates=101)
    assert set(result.ranges.values()) == {None}
    assert str(result) == "impossible: no two of the metrics agree"


def test_a_metric_alone_outside_its_range_is_impossible() -> None:
    result = check_row({"MRR": 1.2}, num_candidates=4)
    assert result.ranges == {"MRR": (0.25, 1.0)}
    assert result.excess == pytest.approx(0.2, abs=1e-5)


def test_fewer_printed_digits_allow_more() -> None:
    # Of two candidates HR@1 = .41 means MRR = .705: in two digits .70 or .71, in four neither.
    assert check_row({"HR@1": ".41", "MRR": ".70"}, num_candidates=2).possible
    assert check_row({"HR@1": ".41", "MRR": ".71"}, num_candidates=2).possible
    assert not check_row({"HR@1": ".4100", "MRR": ".7000"}, num_candidates=2).possible


def test_a_table_names_its_impossible_rows() -> None:
    table = {
        "good": {"HR@1": ".2000", "MRR": ".3000"},
        "bad": {"HR@1": ".3000", "MRR": ".2000"},
    }
    assert list(impossible_rows(table, num_candidates=101)) == ["bad"]


@pytest.mark.parametrize("metric", ["HR", "NDCG", "recall@5", "HR@x"])
def test_an_unknown_metric_is_an_error(metric: str) -> None:
    with pytest.raises(UsageError, match="is none of HR@k, NDCG@k, MRR and MRR@k"):
        check_row({metric: 0.5}, num_candidates=3)


def test_needs_a_candidate() -> None:
    with pytest.raises(UsageError, match="num_candidates must be at least 1, got 0"):
        check_row({"HR@1": 0.5}, num_candidates=0)
