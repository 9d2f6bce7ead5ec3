from habitus.evaluation.feasibility import check_row
from habitus.evaluation.known_tables import (
    IMPOSSIBLE,
    NUM_CANDIDATES,
    clue_cells,
    impossible_cells,
)


def test_every_row_is_there_once_with_three_printed_metrics() -> None:
    cells = clue_cells()
    assert len(cells) == 64
    for row in cells.values():
        assert list(row) == ["HR@1", "NDCG@10", "MRR"]
        assert all(len(value) == 5 and value[0] == "." for value in row.values())


def test_the_known_rows_are_among_them() -> None:
    assert clue_cells().keys() >= IMPOSSIBLE


def test_a_hit_rate_near_one_eighth_cannot_have_such_a_gain() -> None:
    # All hits at rank 1 give 1, all others at most 1 / log2(3): .1538 + .8462 · .6309 = .6877.
    result = check_row(clue_cells()["FWR, CLUE"], NUM_CANDIDATES)
    assert not result.possible
    assert 0.1538 + 0.8462 * 0.6309 < 0.7220


def test_seven_and_no_other_are_found() -> None:
    assert [answer.ours for answer in impossible_cells()] == [7, 7, 7]
