"""``habitus analyze``: one question about a system, as a page with its tables and plots."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer
from rich.console import Console

if TYPE_CHECKING:
    from habitus.runs.analyses import AnalysisPlan


NAMES = (
    "ablation, labels, graph_size, map, efficiency, zero_shot, transfer, matching, next_item, "
    "clue_ablation, towers, label_curve, domain_gain, domains, seesaw, supermoe_ablation, capacity "
    "or targeting."
)
SETS = (
    "A named set; without it each analysis has one of its own. Those of PASUM want posts, such as "
    "debate_forum_in_order; matching, next_item, clue_ablation, towers and domains want services; "
    "seesaw and supermoe_ablation take complete_journey, online_retail, movielens_1m or synthetic; "
    "capacity takes subpopulations or complete_journey, targeting complete_journey or "
    "online_retail."
)


Models = Annotated[
    Optional[list[Path]],  # noqa: UP045 - typer reads the annotation
    typer.Option(
        metavar="DIR",
        help="matching, next_item: a model directory of your own as a further row; repeatable.",
    ),
]
Settings = Annotated[
    Optional[list[str]],  # noqa: UP045 - typer reads the annotation
    typer.Option(
        "--set",
        help="Those of PASUM: any setting of each pre-training, such as training.max_steps=200; "
        "repeatable.",
    ),
]
Variants = Annotated[
    Optional[list[str]],  # noqa: UP045 - typer reads the annotation
    typer.Option("--variant", help="ablation: this one beside ours, such as paper; repeatable."),
]


def analyze_command(
    name: Annotated[str, typer.Argument(help=NAMES)],
    data: Annotated[str | None, typer.Option(help=SETS)] = None,
    preset: Annotated[str, typer.Option(help="Sizes and budget: ci, or best where made.")] = "ci",
    quick: Annotated[bool, typer.Option(help="A few steps, to see that all runs.")] = False,
    seeds: Annotated[int, typer.Option(help="How often to repeat each pre-training.")] = 1,
    task: Annotated[
        str | None, typer.Option(help="Ask this question only; without it all of the set.")
    ] = None,
    fine_tune: Annotated[
        bool, typer.Option(help="labels, efficiency, seesaw: also train encoders; slow.")
    ] = False,
    model: Models = None,
    settings: Settings = None,
    variant: Variants = None,
    out: Annotated[Path, typer.Option(help="Steps go below it, the page to OUT/DATA/NAME.")] = Path(
        "runs/analyses"
    ),
    allow_sensitive: Annotated[
        bool, typer.Option(help="Ask the tasks that profile sensitive traits, too.")
    ] = False,
) -> None:
    """Answer one question about a system on a set.

    What is done is kept: Ctrl-C loses little, and analyses of one set share their pre-trainings.
    """
    from habitus.cli.progress import stages
    from habitus.errors import UsageError
    from habitus.reports import model_card
    from habitus.runs.analyses import ANALYSES, DATA, WITH_MODELS, WITH_SETTINGS, AnalysisPlan
    from habitus.runs.card import card_info

    for option, given, names in (
        ("--model", model, WITH_MODELS),
        ("--set", settings, WITH_SETTINGS),
        ("--variant", variant, ("ablation",)),
    ):
        if given and name not in names:
            raise UsageError(f"{option} is for {', '.join(names)}, not for {name}")
    if seeds < 1:
        raise UsageError(f"--seeds must be at least 1, got {seeds}")
    analyze, data = ANALYSES[name], data or DATA.get(name, "synthetic_posts")
    with stages() as show:
        plan = AnalysisPlan(
            data=data,
            root=out,
            show=show,
            card=lambda model: model_card(card_info(model)),
            preset=preset,
            quick=quick,
            seeds=seeds,
            sensitive=allow_sensitive,
            task=task,
            fine_tune=fine_tune,
            models=tuple(model or ()),
            settings=tuple(settings or ()),
            variants=tuple(variant or ()),
        )
        results = {**analyze(plan), "command": _command(name, plan)}
    _write(results, out / data / name)


def _write(results: Mapping[str, Any], folder: Path) -> None:
    """Print what was found, write the page, and print where it is."""
    from habitus.reports.analysis import write_analysis
    from habitus.reports.model_facts import quick_warning

    console = Console()
    if warning := quick_warning(results):
        console.print(warning)
    for finding in results["findings"]:
        console.print(finding)
    for path in write_analysis(results, folder):
        console.print(str(path), soft_wrap=True, markup=False, highlight=False)


def _command(name: str, plan: AnalysisPlan) -> str:
    """Return the command that makes the same analysis."""
    words = ["habitus analyze", name, f"--data {plan.data}"]
    words += [f"--preset {plan.preset}"] if plan.preset != "ci" else []
    words += ["--quick"] if plan.quick else []
    words += [f"--seeds {plan.seeds}"] if plan.seeds > 1 else []
    words += [f"--task {plan.task}"] if plan.task is not None else []
    words += [f"--model {path}" for path in plan.models]
    words += [f"--set {shlex.quote(setting)}" for setting in plan.settings]
    words += [f"--variant {name}" for name in plan.variants]
    words += ["--fine-tune"] if plan.fine_tune else []
    words += ["--allow-sensitive"] if plan.sensitive else []
    return " ".join(words)
