"""What a user does most."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.tasks import class_task_from_config
from habitus.tasks.halves import first_half
from habitus.tasks.main_value import MainValue, MainValueConfig
from habitus.testing.class_tasks import ClassTaskContract
from tests.tasks.writers import CUTOFF, answers, six_people

FORUM = {"kind": "main_value", "channel": "forum"}


def test_events_from_the_cutoff_on_count_and_of_equals_the_first_name(tmp_path: Path) -> None:
    found = answers(six_people(tmp_path / "t"), as_of=CUTOFF, **FORUM)
    # bob has one of each; dan has no event after day 100, fay only one of a forum that is no class
    assert found == {"ann": "art", "bob": "art", "cid": "law", "eve": "law"}


def test_equals_do_not_depend_on_the_order_of_the_classes(tmp_path: Path) -> None:
    found = answers(six_people(tmp_path / "t"), as_of=CUTOFF, classes=["law", "art"], **FORUM)
    assert found["bob"] == "art"


def test_values_are_joined_into_classes(tmp_path: Path) -> None:
    values = {"fun": ["art", "zoo"], "law": ["law"]}
    classes = ["fun", "law"]
    found = answers(
        six_people(tmp_path / "t"), as_of=CUTOFF, classes=classes, values=values, **FORUM
    )
    assert found == {"ann": "fun", "bob": "fun", "cid": "law", "eve": "law", "fay": "fun"}


def test_who_did_too_little_is_not_asked(tmp_path: Path) -> None:
    found = answers(six_people(tmp_path / "t"), as_of=CUTOFF, min_events=2, **FORUM)
    assert found == {"ann": "art", "bob": "art", "eve": "law"}


@pytest.mark.parametrize("part_by", [None, "thread"])
def test_the_other_half_answers(tmp_path: Path, part_by: str | None) -> None:
    traces = six_people(tmp_path / "t")
    first_L = first_half(traces, part_by, 3)
    for part, hidden_L in (("first", ~first_L), ("second", first_L)):
        found = answers(traces, part=part, part_by=part_by, part_seed=3, **FORUM)
        assert found == slowly(traces, hidden_L)


def slowly(traces: Traces, counts_L: np.ndarray) -> dict[str, str]:
    """Return the main forum of some events, in a plain loop."""
    names = [None, *traces.dictionary("forum").to_pylist()]
    found = {}
    for u, user in enumerate(traces.user_ids.to_pylist()):
        rows = range(*traces.offsets_U1[u : u + 2])
        where = [names[traces.column("forum")[row]] for row in rows if counts_L[row]]
        if art_or_law := [forum for forum in where if forum in ("art", "law")]:
            found[user] = max(sorted(set(art_or_law)), key=art_or_law.count)
    return found


def test_both_a_cutoff_and_a_half_must_hold(tmp_path: Path) -> None:
    traces = six_people(tmp_path / "t")
    found = answers(traces, as_of=CUTOFF, part="first", **FORUM)
    # posts in turn: the second and fourth of each user; ann 100 art, 102 law; bob 110 law, 112 zoo;
    # cid 31 and 129 law; eve 121 law; fay 130 zoo
    assert found == {"ann": "art", "bob": "law", "cid": "law", "eve": "law"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "give as_of, .* or part"),
        ({"as_of": CUTOFF, "min_events": 0}, "min_events must be 1 or more"),
        ({"as_of": CUTOFF, "values": {"art": ["a"]}}, "must have the classes"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, Any], message: str) -> None:
    values = {"name": "t", "question": "?", "classes": ["art", "law"], **FORUM, **change}
    with pytest.raises(UsageError, match=message):
        class_task_from_config(values)


class TestMainValue(ClassTaskContract):
    task = MainValue
    config = MainValueConfig(
        name="t", question="Which?", classes=("art", "law"), channel="forum", as_of=CUTOFF
    )

    def make_traces(self, path: Path) -> Traces:
        return six_people(path)
