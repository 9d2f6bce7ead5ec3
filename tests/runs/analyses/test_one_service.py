"""One service alone: what is left of the traces, and what such encoders make of the other."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.evaluation.matching_split import MatchingSplit
from habitus.evaluation.next_item_asked import AskedItems
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.next_item_rows import ModelVectors
from habitus.runs.analyses.one_service import ByService, UnseenSlots, by_halves, service_traces
from habitus.runs.clue import clue
from habitus.runs.clue_slots import slots_of
from tests.runs.analyses.synthetic_shops import synthetic_shops

SERVICES = ("service-0", "service-1")


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return synthetic_shops(tmp_path_factory.mktemp("shops") / "traces")


@pytest.fixture(scope="module")
def plan(traces: Traces, tmp_path_factory: pytest.TempPathFactory) -> AnalysisPlan:
    root = tmp_path_factory.mktemp("one")
    found = AnalysisPlan(
        data="synthetic", root=root, show=lambda *_: None, card=lambda _: "card", quick=True
    )
    found.__dict__["source"] = (traces, ())
    return found


def test_the_events_of_one_service_are_left_in_order(plan: AnalysisPlan, traces: Traces) -> None:
    one = service_traces(plan, traces, "service-1")
    names = traces.dictionary("service").to_pylist()
    for user in range(0, traces.num_users, 37):
        rows = range(traces.offsets_U1[user], traces.offsets_U1[user + 1])
        kept = [r for r in rows if names[int(traces.column("service")[r]) - 1] == "service-1"]
        mine = slice(one.offsets_U1[user], one.offsets_U1[user + 1])
        assert traces.column("item_id")[kept].tolist() == one.column("item_id")[mine].tolist()
        assert traces.time_L[kept].tolist() == one.time_L[mine].tolist()
    assert 0 < one.num_events < traces.num_events
    assert one.user_ids == traces.user_ids
    # It is kept, and another service is another step.
    assert service_traces(plan, traces, "service-1").path == one.path
    assert service_traces(plan, traces, "service-0").num_events + one.num_events == (
        traces.num_events
    )


def test_the_train_users_stay_and_learn_by_halves(traces: Traces) -> None:
    split = MatchingSplit.of_test_users(traces)
    run = replace(clue("quick"), split=split)
    one = by_halves(replace(run, pairs=replace(run.pairs, halves=False)), None)
    assert one.pairs.halves
    train = one.snapshot(traces, "train").users_U
    np.testing.assert_array_equal(train, run.snapshot(traces, "train").users_U)
    assert by_halves(run, "split").split_attribute == "split"


def test_the_other_service_is_in_the_slot_of_unseen_ones(
    plan: AnalysisPlan, traces: Traces
) -> None:
    one = service_traces(plan, traces, "service-1")
    model = by_halves(clue("quick"), None).build(one)[0]
    unseen = UnseenSlots(model, SERVICES)
    assert list(unseen.services) == ["service-1", "service-0"]
    some = Snapshot(traces, None, np.arange(20))
    z_UKE, present_UK = unseen.slots(some)
    expected, there = slots_of(model, some)
    np.testing.assert_array_equal(z_UKE, expected)
    np.testing.assert_array_equal(present_UK, there)
    code_L = some.values("service", some.latest()[0])
    other = traces.codes_of("service", ["service-0"])[0]
    user_L = np.repeat(np.arange(20), some.lengths_U)
    was_there = np.bincount(user_L[code_L == other], minlength=20) > 0
    np.testing.assert_array_equal(present_UK[:, 1], was_there)


class Named:
    """Vectors that say whose they are."""

    def __init__(self, name: str) -> None:
        self.name = name

    def own_slot(self, *_: object) -> str:
        return f"slot of {self.name}"

    def items(self, *_: object) -> str:
        return f"items of {self.name}"


def test_each_service_is_answered_by_its_own_model(traces: Traces) -> None:
    from habitus.runs.analyses.next_item_sets import SETS, questions_of

    questions = questions_of(traces, SETS["synthetic"], quick=True)
    named = {name: cast(ModelVectors, Named(name)) for name in SERVICES}
    one = ByService(named)

    def said(asked: AskedItems) -> tuple[object, object]:
        return one.users(asked, asked.test.history, 0), one.items(asked, 0)

    assert [said(asked) for asked in questions] == [
        (f"slot of {name}", f"items of {name}") for name in SERVICES
    ]
