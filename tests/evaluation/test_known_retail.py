"""The known answer on Online Retail: its code on made-up baskets, and itself where the set is."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from habitus.data.traces import Traces
from habitus.evaluation.altered import selected
from habitus.evaluation.known_answers import recompute
from habitus.evaluation.known_retail import METRICS, basket_answers, last_is_new
from habitus.tasks.next_item import NextItem, NextItemConfig
from habitus.testing.hand_made import Event, write_traces


def baskets(path: Path, people: dict[str, str]) -> Traces:
    """Write people whose letters are items: all of one time, capitals are returns."""
    events: dict[str, list[Event]] = {
        user: [
            {"time": 60, "item_id": i.lower(), "kind": "return" if i.isupper() else "purchase"}
            for i in items
        ]
        for user, items in people.items()
    }
    names = sorted({i.lower() for items in people.values() for i in items})
    items = {"item_id": names, "text": [f"word{n} thing" for n in names]}
    return write_traces(
        path, events, {"item_id": "id", "kind": "category"}, tables={"items": items}
    )


def test_only_the_last_of_the_last_item_is_kept(tmp_path: Path) -> None:
    # The last purchase of ann is a, of bob c (his d is a return), of cem b; dee bought nothing.
    traces = baskets(tmp_path / "t", {"ann": "abAca", "bob": "cdcD", "cem": "ab", "dee": "A"})
    kept_L = last_is_new(traces, ("purchase",))
    letters = traces.dictionary("item_id").to_pylist()
    codes = traces.column("item_id")[kept_L]
    assert "".join(letters[int(c) - 1] for c in codes) == "bca" + "dcd" + "ab" + "a"
    other = selected(traces, tmp_path / "other", kept_L)
    config = NextItemConfig(name="shop", kinds=("purchase",), same_time=True)
    asked = NextItem(config, other).ask(np.arange(4))
    assert [letters[c - 1] for c in asked.target_B] == ["a", "c", "b"]
    # The rest of the basket is known: b c; d; a.
    assert asked.history.lengths_U.tolist() == [2, 1, 1]
    # Of all kinds the last of bob is his return of d.
    everything_L = last_is_new(traces, ())
    bob = slice(traces.offsets_U1[1], traces.offsets_U1[2])
    assert everything_L[bob].tolist() == [True, False, True, True]


def test_the_answers_stand_beside_what_was_measured(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    # Who has a has b, who has c has d; so the last is told by the rest of the basket.
    pairs = ["ab", "cd", "ef", "gh"]
    people = {f"u{u:03d}": "xyz"[u % 3] + pairs[random.integers(4)] for u in range(160)}
    traces = baskets(tmp_path / "t", people)
    config = NextItemConfig(name="shop", kinds=("purchase",), same_time=True)
    measured = {"item_cooccurrence": (0.9, 0.9, 0.9), "item_text_cosine": (0.1, 0.2, 0.3)}
    found = list(basket_answers(traces, config, tmp_path / "last", measured))
    assert [a.name for a in found] == [
        f"{metric}, {label}" for label in ("Item CF", "Item text cosine") for metric in METRICS
    ]
    assert [a.expected for a in found] == [0.9, 0.9, 0.9, 0.1, 0.2, 0.3]
    assert found[0].ours > 0.9
    assert found[3].ours < 0.5
    assert "3 standard errors over" in found[0].source
    # HR@1 is a share p of n users, or a tie of it: its error is at most √(1/4 / n).
    number = int(found[0].source.split()[-2])
    assert found[3].tolerance <= 3 * 0.5 / np.sqrt(number) + 1e-9


def test_where_the_set_is_absent_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HABITUS_DATA", raising=False)
    outcome = recompute("basket_online_retail")
    assert outcome.answers == ()
    assert "HABITUS_DATA" in str(outcome.not_run)


@pytest.mark.skipif("HABITUS_DATA" not in os.environ, reason="needs Online Retail")
def test_the_basket_holds() -> None:
    assert recompute("basket_online_retail").holds
