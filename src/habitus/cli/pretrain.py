"""``habitus pretrain``: traces into a model directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from habitus.data.traces import Traces
    from habitus.runs import Run
    from habitus.runs.pretrain import Pretrained


_RELATIONS = {
    "lost_follows": "follows left out, of users that validate",
    "inter_triples": "triples of who follows whom",
    "dropped_triples": "follows left out, of users who are linked to every stranger",
    "users_with_halves": "users with words in both halves of their posts",
}
"""What the counts of a relation are called, where their names do not say it."""


SYSTEMS = "Which system: channel, pasum, clue or supermoe."
SIZES = "Sizes and budget: paper, ci or quick; all but channel also best."
SETTINGS = "Any that 'habitus settings' lists, such as training.max_steps=200; repeatable."
LARGE = ("paper", "best")
"""Presets, and their sizes, that are made for a GPU."""


def pretrain_command(
    traces: Annotated[Path, typer.Argument(help="A traces directory, from habitus ingest.")],
    out: Annotated[Path, typer.Option(help="The model directory to make.")],
    run: Annotated[str, typer.Option(help=SYSTEMS)] = "channel",
    preset: Annotated[str, typer.Option(help=SIZES)] = "ci",
    as_of: Annotated[
        str | None, typer.Option(help="Cutoff, such as 2017-10-01: later events are not read.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights, masks, shuffles and dropout.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, or cuda where there is one.")] = "cpu",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help=SETTINGS)
    ] = None,
    overwrite: Annotated[
        bool, typer.Option(help="Replace a model that is there, or an unfinished training.")
    ] = False,
) -> None:
    """Pre-train an encoder on the train users of some traces.

    An interrupted training goes on when the same command runs again; its checkpoints and its log
    lie beside the model, in OUT.training. With other settings it is started anew by --overwrite.
    """
    import shutil

    from habitus.cli.encode import cutoff
    from habitus.cli.progress import stages
    from habitus.data.traces import Traces
    from habitus.errors import UsageError
    from habitus.reports import model_card
    from habitus.runs.card import card_info
    from habitus.runs.pretrain import pretrain
    from habitus.training.distributed import is_first

    if out.exists() and not overwrite:
        raise UsageError(f"{out} exists: choose another --out, or allow --overwrite")
    opened = Traces(traces)
    config = configured(run, preset, settings or [], seed=seed, as_of=cutoff(opened, as_of))
    folder = out.with_name(out.name + ".training")
    _check(config, opened)
    _warn(preset, device)
    if is_first():
        _claim(folder, config, opened, anew=overwrite)
    with stages() as show:

        def on_step(step: int, steps: int, metrics: Mapping[str, float]) -> None:
            rate = metrics.get("users_per_second", 0.0)
            told = f"loss {metrics['loss']:.3f} · {rate:,.0f} users/s"
            show("pretrain", step, steps, told)

        def on_stage(stage: str, done: int, total: int) -> None:
            show(stage, done, total, "")

        made = pretrain(opened, config, folder, device=device, on_step=on_step, on_stage=on_stage)
    if made.rank:
        return
    made.model.save(out, card=model_card(card_info(made.model)), overwrite=overwrite)
    # The model is written: what stays of the training is its log.
    for kept in (folder, *folder.glob("process-*")):
        shutil.rmtree(kept / "checkpoints", ignore_errors=True)
    _tell(made, out)


def configured(
    run: str, preset: str, settings: Sequence[str], *, seed: int = 0, as_of: int | str | None = None
) -> Run:
    """Return a run of a preset with some settings changed.

    Raises:
        UsageError: no such run, preset or setting, or a value that is not allowed.
    """
    from dataclasses import replace

    from habitus.config import override
    from habitus.errors import UsageError
    from habitus.runs import RUNS

    config = replace(RUNS[run](preset), as_of=as_of).with_seed(seed)
    try:
        return override(config, settings)
    except UsageError as error:
        listing = f"habitus settings --run {run} --preset {preset}"
        raise UsageError(f"--set: {error}; {listing!r} lists every setting") from error


def _check(config: Run, traces: Traces) -> None:
    """Refuse what nothing can come of, and tell of a cutoff behind the data, before it takes time.

    Raises:
        UsageError: a cutoff that is no date.
        DataError: a cutoff before which there is nothing.
        GuardError: fewer than two users would be trained on.
    """
    from habitus.cli.encode import days_behind
    from habitus.errors import GuardError

    train = config.snapshot(traces, "train")
    number = int((train.lengths_U > 0).sum())
    if number < 2:
        raise GuardError(
            f"{number} of {traces.num_users:,} users would be trained on, and what tells people "
            f"apart is learned from two or more: give traces of more users, or a later cutoff "
            f"(a share of {config.split.train:g} of the users trains)"
        )
    if late := days_behind(train):
        Console(stderr=True, soft_wrap=True, highlight=False).print(
            f"[yellow]![/] {late}: it holds nothing back, so nothing can be asked of what comes "
            f"after it"
        )


def _claim(folder: Path, config: Run, traces: Traces, *, anew: bool) -> None:
    """Say whose training a folder holds, once where several processes were started."""
    import os

    from habitus.runs.training_folder import claim

    if os.environ.get("RANK", "0") == "0":
        claim(folder, config, traces.digest, anew=anew)


def _warn(preset: str, device: str) -> None:
    if device == "cpu" and preset.startswith(LARGE):
        Console(stderr=True).print(
            f"preset {preset} is made for a GPU and may take days on a processor; ci takes minutes"
        )


def _tell(made: Pretrained, out: Path) -> None:
    """Say from what it learned, how well, and where the model is."""
    from habitus.runs.sizes import composed_in_words

    console, best = Console(), made.training.best_valid
    if relations := made.model.about.get("relations"):
        told = (f"{count:,} {_RELATIONS.get(name, name)}" for name, count in relations.items())
        there = zip(told, relations.values(), strict=True)
        words = ", ".join(word for word, count in there if count).replace("_", " ")
        console.print(f"learned from {words or 'nothing'}")
    for line in [*_hashed(made.model.encoding), *composed_in_words(made.model.about)]:
        console.print(line)
    kept = "nobody validates, so the last step is kept"
    if best is not None:
        kept = f"validation loss {best:.4f} (step {made.training.best_step})"
    console.print(f"{made.training.steps} steps on {made.num_train:,} users, {kept}: {out}")


def _hashed(encoding: object) -> list[str]:
    """Say of each hashed channel how many of its values can still be told apart."""
    channels = getattr(getattr(encoding, "vocabulary", None), "token_channels", ())
    return [
        f"{channel.name}: {channel.hashing.num_values:,} values in {channel.hashing.num_buckets:,} "
        f"buckets, {channel.hashing.value_collision_rate:.0%} of them share one; "
        f"{len(channel.values):,} buckets have users enough to be known"
        for channel in channels
        if getattr(channel, "hashing", None) is not None
    ]
