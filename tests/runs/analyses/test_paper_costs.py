"""The paper's figures, and our encoder at its sizes."""

from habitus.runs.analyses.paper_costs import PAPER, paper_table, weights_at_paper_sizes


def test_our_encoder_has_the_papers_number_of_weights() -> None:
    # Words 38,698 · 300; four linears of 300 · 300 + 300; two epsilons: 11.97 M as printed.
    expected = 38_698 * 300 + 4 * (300 * 300 + 300) + 2
    assert weights_at_paper_sizes() == expected == 11_970_602
    assert {name: weights for name, weights, _ in PAPER}["PASUM"] == "11.97 M"


def test_the_table_says_whose_it_is() -> None:
    table = paper_table()
    assert "paper" in table["title"]
    assert "not measured here" in table["title"]
    assert "11,970,602" in table["note"]
    assert {len(row) for row in table["rows"]} == {len(table["columns"])}
