"""Shares of experts in the log, and what is made of them: by hand, and beside each batch's own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from habitus.nn.experts_config import ExpertsConfig
from habitus.training.routing_log import flat_shares, routing_curves, shares_of
from tests.training.test_rebalance import trainer


def line(step: int, **shares: list[float]) -> dict[str, Any]:
    return {"kind": "train", "step": step, "routing": shares}


def test_flat_and_back_is_a_mean_over_steps() -> None:
    flat = flat_shares({"a": [0.25, 0.75], "b": [1.0]})
    both = {name: 2 * share for name, share in flat.items()}
    assert shares_of(both, 2) == {"a": [0.25, 0.75], "b": [1.0]}
    assert shares_of({}, 5) == {}


def test_the_busiest_is_of_a_line_and_the_dead_of_a_thousand_steps() -> None:
    lines = [
        line(400, r=[0.5, 0.5, 0.0]),
        line(800, r=[0.9, 0.098, 0.002]),
        line(1_200, r=[1.0, 0.0, 0.0]),
        line(1_600, r=[1.0, 0.0, 0.0]),
        line(2_000, r=[0.6, 0.4, 0.0]),
    ]
    found = routing_curves(lines)["r"]
    assert found["max_load"] == pytest.approx([1.5, 2.7, 3.0, 3.0, 1.8])
    # Up to 800: mean .001 of the third, not below .001. Up to 1,200 the line of 400 began 1,200
    # steps ago and is left out: mean .001 again. Then 0 of the third; of the second 0, then .2.
    assert found["num_dead"] == [1, 0, 0, 2, 1]


def test_lines_of_unequal_length_weigh_by_their_steps() -> None:
    # Of 100 steps 90 with nothing and 10 with .009: .0009 is below .001.
    found = routing_curves([line(90, r=[1.0, 0.0]), line(100, r=[0.991, 0.009])])
    assert found["r"]["num_dead"] == [1, 1]
    found = routing_curves([line(90, r=[1.0, 0.0]), line(100, r=[0.98, 0.02])])
    assert found["r"]["num_dead"] == [1, 0]


def test_a_line_longer_than_the_window_counts_alone() -> None:
    lines = [line(5_000, r=[1.0, 0.0]), line(10_000, r=[0.5, 0.5])]
    assert routing_curves(lines)["r"]["num_dead"] == [1, 0]


def test_nothing_routed_is_no_curve() -> None:
    assert routing_curves([{"kind": "train", "step": 1}]) == {}


@pytest.mark.parametrize("balance", ["loss", "bias"])
def test_a_training_logs_the_shares_of_its_batches(tmp_path: Path, balance: str) -> None:
    experts = ExpertsConfig.from_dict({"num_experts": 4, "balance": balance})
    made = trainer(tmp_path, experts, 6)
    made.config = replace(made.config, log_every=2)
    seen: list[dict[str, list[float]]] = []
    forward = made.objective.forward

    def watched(*given: Any) -> Any:
        loss = forward(*given)
        seen.append({path: share_E.tolist() for path, share_E in loss.shares.items()})
        return loss

    made.objective.__dict__["forward"] = watched
    result = made.fit()
    lines = [json.loads(text) for text in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [one["step"] for one in lines] == [2, 4, 6]
    # Two batches a step, two steps a line.
    assert len(seen) == 12
    for number, one in enumerate(lines):
        assert set(one["routing"]) == {"blocks.0.ffns.0.router", "blocks.1.ffns.0.router"}
        for path, share_E in one["routing"].items():
            batches = seen[4 * number : 4 * number + 4]
            expected = [sum(batch[path][e] for batch in batches) / 4 for e in range(4)]
            assert share_E == pytest.approx(expected, abs=1e-6)
            assert sum(share_E) == pytest.approx(1, abs=1e-6)
    curves = result.curves()["routing"]["blocks.1.ffns.0.router"]
    assert len(curves["max_load"]) == len(curves["num_dead"]) == 3
    assert curves["max_load"][0] == 4 * max(lines[0]["routing"]["blocks.1.ffns.0.router"])
