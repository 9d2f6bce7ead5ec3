"""The page of domains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from habitus.datasets import DATASETS
from habitus.errors import DataError, GuardError
from habitus.evaluation.domains import Between, Domain, Similarity
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses import domains as module
from habitus.runs.analyses.base import ALL
from habitus.runs.analyses.domains import (
    SETS,
    domains,
    findings,
    gain_sentence,
    matrix,
    pair_table,
    sources_of,
    with_gain,
)
from habitus.runs.steps import Json
from tests.evaluation.shoppers import shopper_events, shoppers
from tests.runs.analyses.shop import shop_plan


def test_the_page_of_one_set(tmp_path: Path, checked: Callable[[Json], Json]) -> None:
    results = checked(domains(shop_plan(tmp_path, 60)))
    tau, top, divergence, pairs = results["tables"]
    names = [f"amazon_scientific, {service}" for service in ("arts", "food", "search")]
    for table in (tau, top, divergence):
        assert table["columns"] == ["service", *names]
        cells = np.array([row[1:] for row in table["rows"]], float)
        np.testing.assert_array_equal(cells, cells.T)
        assert np.isnan(np.diag(cells)).all()
    assert len(pairs["rows"]) == 3
    tops = [row[2]["value"] for row in pairs["rows"]]
    assert tops == sorted(tops, reverse=True)
    assert results["findings"][0].startswith(f"Most alike: {pairs['rows'][0][0].split(' – ')[0]}")
    assert pairs["rows"][-1][0].split(" – ")[1] in results["findings"][1]
    assert [entry["name"] for entry in results["data"]] == ["amazon_scientific"]


def test_all_sets_at_hand_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checked: Callable[[Json], Json]
) -> None:
    at_hand = dict(zip(("art_office", "online_retail"), (60, 30), strict=True))
    places = {n: shoppers(tmp_path / n, shopper_events(size)) for n, size in at_hand.items()}
    for name in SETS:
        problem = None if name in at_hand else "not here"
        monkeypatch.setattr(DATASETS[name], "missing", lambda _, problem=problem: problem)
    monkeypatch.setattr(module, "traces_step", lambda name, *_: (places[name], (f"of {name}",)))
    plan = AnalysisPlan(
        data=ALL, root=tmp_path, show=lambda *_: None, card=lambda _: "", quick=True
    )
    results = checked(domains(plan))
    assert [entry["name"] for entry in results["data"]] == ["art_office", "online_retail"]
    notices = [entry["notices"] for entry in results["data"]]
    assert notices == [["of art_office"], ["of online_retail"]]
    assert len(results["tables"][0]["rows"]) == 6
    assert results["notes"][-1] == (
        "Not at hand: food_kitchen, amazon_scientific, complete_journey_services."
    )


def test_without_any_set_it_is_said_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SETS:
        monkeypatch.setattr(DATASETS[name], "missing", lambda _: "set HABITUS_DATA")
    plan = AnalysisPlan(data=ALL, root=tmp_path, show=lambda *_: None, card=lambda _: "")
    with pytest.raises(DataError, match=r"none of art_office.* is at hand: set HABITUS_DATA"):
        sources_of(plan)


def test_one_service_is_like_nothing(tmp_path: Path) -> None:
    plan = shop_plan(tmp_path)
    events = {"a": [{"time": 1, "service": "arts", "text": "tea"}]}
    plan.__dict__["source"] = (shoppers(tmp_path / "one", events), ())
    with pytest.raises(GuardError, match="likeness is of two services, and there is 1"):
        domains(plan)


def similar(value: float) -> Similarity:
    here = Between(value, value - 0.01, value + 0.01)
    return Similarity(here, Between(value / 2, 0.0, 1.0), Between(1 - value, 0.0, 1.0))


def test_tables_and_findings_cell_by_cell() -> None:
    empty = domains_without_words()
    found = {(0, 1): similar(0.2), (0, 2): similar(0.8), (1, 2): similar(-0.4)}
    rows = matrix(empty, found, "kendall")["rows"]
    assert rows == [
        ["s, a", None, 0.2, 0.8],
        ["s, b", 0.2, None, -0.4],
        ["s, c", 0.8, -0.4, None],
    ]
    table = pair_table(empty, found)["rows"]
    assert [row[0] for row in table] == ["s, a – s, c", "s, a – s, b", "s, b – s, c"]
    assert table[0][1] == {"value": 0.8, "low": 0.8 - 0.01, "high": 0.8 + 0.01}
    assert table[0][3]["value"] == pytest.approx(0.2)
    near, far = findings(empty, found)
    assert near.startswith("Most alike: s, a and s, c (τ-b .400 [.000, 1.000] over the top words, ")
    assert ".800 [.790, .810] over all; .200 bits apart" in near
    assert far.startswith("Least alike: s, b and s, c (τ-b −.200")
    only = findings(empty[:2], {(0, 1): similar(0.2)})
    assert len(only) == 1
    assert only[0].startswith("How alike: s, a and s, b")


def domains_without_words() -> list[Domain]:
    from scipy.sparse import csr_array

    return [Domain("s", service, (), csr_array((1, 1))) for service in "abc"]


def test_likeness_and_gain() -> None:
    # 1, 2, 3, 4, 5 against 1, 2, 3, 5, 4: one swap, Spearman 1 − 6 · 2 / (5 · 24) = .9. Of 120
    # orders one has 1 and four have .9, and as many are turned round.
    found = with_gain([0.1, 0.2, 0.3, 0.4, 0.5], [1, 2, 3, 5, 4])
    assert (found.value, found.p) == pytest.approx((0.9, 10 / 120))
    assert gain_sentence(found).endswith("+.900 (permutation p = .083).")
    with pytest.raises(GuardError, match="4 cases"):
        with_gain([1, 2, 3], [1, 2, 3])
