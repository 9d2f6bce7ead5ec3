"""What graphs are like: counted by hand, and the largest there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.data.text_graph import TextGraphConfig
from habitus.evaluation.class_asked import CLASS_SPLIT
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.graph_shapes import measure, most_words
from habitus.runs.analyses.models import trained_rows
from habitus.runs.pasum_wiring import parts_of

PlanOf = Callable[..., AnalysisPlan]


def test_shapes_are_those_of_the_test_users_graphs(plan_of: PlanOf) -> None:
    plan = plan_of()
    experiment = plan.experiment(plan.run)
    [found] = measure(plan, experiment, {"64 words": plan.run})
    encoding = parts_of(trained_rows(experiment, plan.run).models[0])[1]
    degrees, shares, nodes = [], [], []
    for user in CLASS_SPLIT.rows(plan.traces, "test"):
        snapshot = Snapshot(plan.traces, None, np.array([user]))
        if not snapshot.lengths_U[0]:
            continue
        graph = encoding.graphs(snapshot)
        degree_V = np.diff(graph.edge_ptr_V1)
        nodes.append(len(degree_V))
        degrees += degree_V.tolist()
        if len(degree_V) > 1:
            shares.append(degree_V.sum() / (len(degree_V) * (len(degree_V) - 1)))
    assert found.nodes == pytest.approx(np.mean(nodes))
    assert found.degree == pytest.approx(np.mean(degrees))
    assert found.density == pytest.approx(np.mean(shares))
    assert found.users_per_second > 0


def test_no_graph_is_larger_than_the_most_words(plan_of: PlanOf) -> None:
    plan = plan_of()
    encoding = parts_of(trained_rows(plan.experiment(plan.run), plan.run).models[0])[1]
    encoding.graph = replace(TextGraphConfig(), max_nodes=None)
    graphs = encoding.graphs(Snapshot(plan.traces))
    assert most_words(plan) == np.diff(graphs.node_ptr_U1).max()
