"""What all analyses share: plans, and the frame of their results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from habitus.errors import GuardError, UsageError
from habitus.runs.analyses import ANALYSES
from habitus.runs.analyses.base import (
    ALL,
    AnalysisPlan,
    Answer,
    analysis_results,
    estimate_of,
    named,
)
from habitus.runs.pasum import pasum
from habitus.runs.steps import Json

PlanOf = Callable[..., AnalysisPlan]


def of(root: Path, **values: Any) -> AnalysisPlan:
    return AnalysisPlan(root=root, show=lambda *_: None, card=lambda _: "", **values)


def test_every_analysis_can_be_had() -> None:
    names = {"ablation", "efficiency", "graph_size", "labels", "map", "transfer", "zero_shot"}
    assert names <= set(ANALYSES)
    assert all(callable(ANALYSES[name]) for name in ANALYSES)


def test_a_set_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'synthetic_posts'"):
        of(tmp_path, data="synthetic_post")


def test_a_set_without_posts_has_no_tasks(tmp_path: Path) -> None:
    plan = of(tmp_path, data="art_office")
    for name in ("posts", "tasks", "run"):
        with pytest.raises(UsageError, match="art_office is no set with posts; known: synthetic_p"):
            getattr(plan, name)


def test_a_plan_for_all_sets_has_no_traces(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name it with --data"):
        _ = of(tmp_path, data=ALL).traces


def test_a_plan_asks_one_task_or_all(plan_of: PlanOf) -> None:
    assert [task.name for task in plan_of().tasks] == ["age"]
    assert len(plan_of(task=None).tasks) == 6
    with pytest.raises(UsageError, match="has no task 'gendr'; did you mean 'gender'"):
        _ = plan_of(task="gendr").tasks


def test_tasks_that_profile_real_people_need_to_be_allowed(tmp_path: Path) -> None:
    names = [task.name for task in of(tmp_path, data="legislature").tasks]
    assert names == ["party_of_two", "party_of_three", "region"]
    allowed = of(tmp_path, data="legislature", sensitive=True).tasks
    assert [task.name for task in allowed] == [*names, "gender"]
    with pytest.raises(GuardError, match="--allow-sensitive"):
        _ = of(tmp_path, data="legislature", task="gender").tasks


def test_quick_is_smaller_and_both_runs_read_the_communities_of_the_set(plan_of: PlanOf) -> None:
    quick, whole = plan_of(), plan_of(quick=False)
    assert (quick.run.preset, quick.paper.preset) == ("quick", "quick_paper")
    assert (whole.run.preset, whole.paper.preset) == ("ci", "paper_ci")
    assert whole.paper.triplet is not None
    assert len(quick.trials.seeds) < len(whole.trials.seeds)
    assert {run.communities.rule for run in (quick.run, quick.paper)} == {"keywords"}


def test_encoders_are_trained_on_tasks_only_where_that_is_asked_for(plan_of: PlanOf) -> None:
    assert plan_of().tuning is None
    quick = plan_of(fine_tune=True).tuning
    assert quick is not None
    assert quick.max_epochs == 1
    best = plan_of(fine_tune=True, quick=False, preset="best").tuning
    assert best is not None
    assert best.num_trials == 4  # two learning rates, two weight decays (A-P22)


def test_an_experiment_is_of_the_plan(plan_of: PlanOf) -> None:
    plan = plan_of(seeds=2)
    experiment = plan.experiment(plan.run)
    assert experiment.traces is plan.traces
    assert experiment.pretrain_seeds == (0, 1)
    assert experiment.allow_sensitive
    assert experiment.tuning is None


def test_results_say_how_they_were_made(plan_of: PlanOf, checked: Callable[[Json], Json]) -> None:
    plan, answer = plan_of(seeds=2), Answer(findings=["A tie."], notes=["Small."])
    results = analysis_results(plan, "x", "X", "What is x?", {"a": 1}, answer)
    checked(results)
    assert (results["analysis"], results["question"]) == ("x", "What is x?")
    assert results["config"] == {"a": 1}
    assert results["seeds"] == [0, 1]
    assert results["data"][0]["notices"] == ["Made up."]
    assert results["notes"] == ["Small."]
    whole = analysis_results(plan_of(quick=False), "x", "X", "?", plan.run, answer)
    assert (whole["preset"], whole["notes"]) == ("ci", ["Small."])
    assert whole["config"] == plan.run.to_dict()
    entries = [{"name": "one"}, {"name": "two"}]
    two = analysis_results(plan, "x", "X", "?", {}, answer, entries)
    assert two["data"] == entries


def test_small_parts() -> None:
    cell = {"metrics": {"f": {"value": 0.5, "low": 0.4, "high": 0.6, "seeds": [0.5]}}}
    assert estimate_of(cell, "f") == {"value": 0.5, "low": 0.4, "high": 0.6}
    run, label, words = named(pasum("quick"), "other", seed=3)
    assert (run.seed, label, words) == (3, "other", "")


def test_settings_reach_both_ours_and_the_papers(plan_of: PlanOf) -> None:
    plan = plan_of(settings=("training.max_steps=7", "graph.max_nodes=16"))
    for run, preset in ((plan.run, "quick"), (plan.paper, "quick_paper")):
        assert (run.training.max_steps, run.graph.max_nodes) == (7, 16)
        assert run.preset == pasum(preset).preset
    with pytest.raises(UsageError, match="max_step"):
        _ = plan_of(settings=("training.max_step=7",)).run


def test_at_full_size_the_papers_choices_have_its_sizes_and_our_words(plan_of: PlanOf) -> None:
    plan = plan_of(quick=False, preset="best")
    ours, paper, literal = plan.run, plan.paper, pasum("paper")
    assert paper.encoder == literal.encoder
    assert paper.graph == literal.graph
    assert paper.training == literal.training
    assert paper.triplet == literal.triplet
    # 1,000 occurrences of the paper's vocabulary would leave hardly a word of 400 people.
    assert (paper.vocabulary, paper.protocol) == (ours.vocabulary, "strict-inductive")
    assert paper.relations.inter_batch == 1_024
    assert paper.training.max_steps == ours.training.max_steps == 5 * 5_560
    assert plan_of(quick=False).paper.encoder.hidden == 128
