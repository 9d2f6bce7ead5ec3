"""The parts of PASUM's demo; the whole is run by make test-slow."""

from pathlib import Path
from typing import Any

import pytest

from habitus.data.traces import Traces
from habitus.datasets import DATASETS
from habitus.datasets.synthetic import SyntheticPosts
from habitus.errors import DataError, UsageError
from habitus.runs import demo_pasum as module
from habitus.runs.demo import DemoPlan
from habitus.runs.demo_pasum import (
    BASKETS,
    POSTS,
    basket_run,
    run_demo_pasum,
    traces_step,
    with_communities,
)
from habitus.runs.pasum import PRESETS, pasum
from habitus.runs.steps import Steps
from tests.runs.posters import POSTERS


def silent(stage: str, done: int, total: int, note: str) -> None:
    """Show nothing."""


@pytest.mark.parametrize("preset", list(PRESETS))
def test_baskets_are_compared_by_halves_only(preset: str) -> None:
    assert basket_run(preset).reads == {"halves"}


@pytest.mark.parametrize("name", list(POSTS))
def test_every_set_is_a_dataset_with_questions(name: str) -> None:
    assert name in DATASETS
    demo = POSTS[name]
    tasks = demo.tasks()
    assert tasks
    assert demo.planted or not all(task.config.sensitive for task in tasks)
    assert with_communities(pasum("ci"), demo.communities).communities.rule == demo.communities


def test_only_a_made_up_set_asks_sensitive_things_unasked() -> None:
    assert [name for name, demo in POSTS.items() if demo.planted] == ["synthetic_posts"]


def test_an_unknown_set_is_told_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'legislature'"):
        next(
            run_demo_pasum(tmp_path, DemoPlan(), show=silent, card=lambda _: "", data="legislatur")
        )
    assert not any(tmp_path.iterdir())


def test_a_set_that_is_not_at_hand_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HABITUS_DATA", raising=False)
    with pytest.raises(DataError, match="HABITUS_DATA"):
        traces_step("legislature", Steps(tmp_path), silent)


def test_data_is_ingested_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Few(SyntheticPosts):
        def __init__(self) -> None:
            super().__init__(POSTERS)

        def ingest(self, out: Path) -> Traces:
            asked.append(out)
            return super().ingest(out)

    monkeypatch.setattr(module, "DATASETS", {"synthetic_posts": Few})
    first, notices = traces_step("synthetic_posts", Steps(tmp_path), silent)
    again, _ = traces_step("synthetic_posts", Steps(tmp_path), silent)
    assert len(asked) == 1
    assert first.digest == again.digest
    assert notices == SyntheticPosts.notices


def test_without_a_name_it_is_baskets_and_made_up_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_baskets", lambda *_: {"title": "baskets"})
    monkeypatch.setattr(module, "run_posts", lambda name, *_: {"title": name})
    found = dict(run_demo_pasum(tmp_path, DemoPlan(), show=silent, card=lambda _: ""))
    assert list(found) == [BASKETS, "synthetic_posts"]
    one = run_demo_pasum(tmp_path, DemoPlan(), show=silent, card=lambda _: "", data="legislature")
    assert dict(one) == {"legislature": {"title": "legislature"}}


def test_stages_of_two_sets_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = list[tuple[str, int, int, str]]()

    def tells(*given: Any) -> dict[str, Any]:
        given[-2]("ingest", 1, 2, "half")
        return {}

    monkeypatch.setattr(module, "_baskets", tells)
    monkeypatch.setattr(module, "run_posts", tells)

    def show(stage: str, done: int, total: int, note: str) -> None:
        told.append((stage, done, total, note))

    dict(run_demo_pasum(tmp_path, DemoPlan(), show=show, card=lambda _: ""))
    stages = ["complete journey: ingest", "synthetic posts: ingest"]
    assert told == [(stage, 1, 2, "half") for stage in stages]
    told.clear()
    dict(run_demo_pasum(tmp_path, DemoPlan(), show=show, card=lambda _: "", data="legislature"))
    assert told == [("ingest", 1, 2, "half")]
