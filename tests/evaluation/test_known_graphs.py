from dataclasses import replace

import pytest

from habitus.data import text_graph
from habitus.data.tokens import Tokens
from habitus.evaluation.known_answers import recompute
from habitus.evaluation.known_graphs import text_graph_by_hand


def test_all_figures_hold() -> None:
    outcome = recompute("text_graph_by_hand")
    assert [answer.ours for answer in outcome.answers] == [0, 4, 0, 2]
    assert outcome.holds


def test_another_rule_misses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # Pairs that met at all: the pair of every window is joined too, in both directions.
    real = text_graph.build_text_graphs

    def met(tokens: Tokens, config: text_graph.TextGraphConfig) -> text_graph.TextGraphs:
        return real(tokens, replace(config, edge_rule="cooc"))

    monkeypatch.setattr(text_graph, "build_text_graphs", met)
    assert [answer.holds for answer in text_graph_by_hand()] == [True, True, False, True]
