"""A share of the labelled people, and two companies' people as one set."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from habitus.data.split import UserSplit, parts_by_profile
from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.label_share import FEWEST, LabelledSplit, can_join, joined_traces
from habitus.testing.hand_made import Event, write_traces
from tests.runs.analyses.synthetic_shops import synthetic_shops

CHANNELS = {"item_id": "id", "service": "category", "kind": "category"}


def people(path: Path, services: tuple[str, ...], number: int, first: int = 0) -> Traces:
    """Write people with three events, on the services in turn; every sixth is on the first only."""
    events: dict[str, list[Event]] = {
        f"p{first + u}": [
            {
                "time": t,
                "item_id": f"i{(u + t) % 7}",
                "service": services[t % len(services) if u % 6 else 0],
                "kind": "review",
            }
            for t in range(3)
        ]
        for u in range(number)
    }
    items = {"item_id": [f"i{i}" for i in range(7)], "text": [f"word{i} thing" for i in range(7)]}
    return write_traces(path, events, CHANNELS, tables={"items": items}, time_unit="order")  # type: ignore[arg-type]


def test_smaller_shares_are_within_larger_ones_and_others_stay(tmp_path: Path) -> None:
    traces = synthetic_shops(tmp_path / "t")
    shares = [0.01, 0.2, 0.6, 1.0]
    found = [LabelledSplit(share=s).rows(traces, "train") for s in shares]
    whole = UserSplit().rows(traces, "train")
    assert [len(rows) for rows in found] == [
        FEWEST, round(0.2 * len(whole)), round(0.6 * len(whole)), len(whole)
    ]  # fmt: skip
    for few, many in pairwise(found):
        assert set(few.tolist()) <= set(many.tolist())
    np.testing.assert_array_equal(found[-1], whole)
    for part in ("valid", "test"):
        rows = LabelledSplit(share=0.01).rows(traces, part)
        np.testing.assert_array_equal(rows, UserSplit().rows(traces, part))
    other = LabelledSplit(share=0.2, share_seed=1).rows(traces, "train")
    assert other.tolist() != found[1].tolist()
    for share in (0.0, 1.5):
        with pytest.raises(UsageError, match=r"share must be in \(0, 1\]"):
            LabelledSplit(share=share)


def test_joined_people_are_those_who_may_be_learned_from(tmp_path: Path) -> None:
    source = people(tmp_path / "a", ("food", "kitchen"), 120)
    # The same ids are other people, and the same item ids other items.
    target = people(tmp_path / "b", ("lab",), 90)
    plan = AnalysisPlan(
        data="amazon_scientific", root=tmp_path / "r", show=lambda *_: None, card=lambda _: "c"
    )
    split = LabelledSplit(share=0.4)
    joined = joined_traces(plan, source, target, split)
    assert can_join(source, target)
    known = {
        prefix: {
            part: {traces.user_ids[int(row)].as_py() for row in of.rows(traces, part)}
            for part in ("train", "valid", "test")
        }
        for prefix, traces, of in (("a", source, UserSplit()), ("b", target, split))
    }
    # People of the source on one service teach nothing across services.
    alone = {f"p{u}" for u in range(0, 120, 6)}
    part_U = parts_by_profile(joined, "split")
    for part, number in (("train", 0), ("valid", 1)):
        found = {joined.user_ids[int(row)].as_py() for row in np.flatnonzero(part_U == number)}
        expected = {f"a/{user}" for user in known["a"][part] - alone}
        assert found == expected | {f"b/{user}" for user in known["b"][part]}
    assert not (part_U == 2).any()
    # Events and texts are as they were.
    [row] = joined.rows_of([f"b/{min(known['b']['train'])}"])
    [was] = target.rows_of([min(known["b"]["train"])])
    mine = slice(joined.offsets_U1[row], joined.offsets_U1[row + 1])
    theirs = slice(target.offsets_U1[was], target.offsets_U1[was + 1])
    names = [
        joined.dictionary("item_id")[int(c) - 1].as_py() for c in joined.column("item_id")[mine]
    ]
    expected_names = [
        target.dictionary("item_id")[int(c) - 1].as_py() for c in target.column("item_id")[theirs]
    ]
    assert names == [f"b/{name}" for name in expected_names]
    items = joined.table("items")
    assert items is not None
    assert items.num_rows == 14
    text = items.filter(pc.equal(items["item_id"], "b/i3"))["text"][0].as_py()
    assert text == "word3 thing"
    assert set(joined.dictionary("service").to_pylist()) == {"food", "kitchen", "lab"}
    # Kept, and another share is another set.
    assert joined_traces(plan, source, target, split).path == joined.path
    fewer = joined_traces(plan, source, target, LabelledSplit(share=0.3))
    assert fewer.num_users < joined.num_users


def test_dates_and_orders_cannot_be_joined(tmp_path: Path) -> None:
    ordered = people(tmp_path / "a", ("food", "kitchen"), 12)
    dated = synthetic_shops(tmp_path / "t")
    assert not can_join(ordered, dated)
    assert not can_join(dated, dated)
