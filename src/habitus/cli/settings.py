"""``habitus settings``: what ``habitus pretrain --set`` can change."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from habitus.cli.pretrain import SETTINGS, SIZES, SYSTEMS

if TYPE_CHECKING:
    from habitus.runs.settings import Setting

WIDTH = 80
"""Of a terminal that nobody has made wider."""


def settings_command(
    keys: Annotated[
        list[str] | None,
        typer.Argument(help="Parts of keys to list, such as training; everything if left out."),
    ] = None,
    run: Annotated[str, typer.Option(help=SYSTEMS)] = "channel",
    preset: Annotated[str, typer.Option(help=SIZES)] = "ci",
    settings: Annotated[list[str] | None, typer.Option("--set", help=SETTINGS)] = None,
) -> None:
    """List every setting of a pre-training: its key, value, what is allowed, what it means.

    Give any of them to 'habitus pretrain' as --set KEY=VALUE.
    """
    from habitus.cli.pretrain import configured
    from habitus.errors import UsageError
    from habitus.runs.settings import settings_of

    every = list(settings_of(configured(run, preset, settings or [])))
    found = [s for s in every if not keys or any(key in s.key for key in keys)]
    if not found:
        parts = ", ".join(s.key for s in every if s.value is None)
        raise UsageError(
            f"no setting of {run} has {' or '.join(map(repr, keys or []))} in its key; parts are "
            f"{parts}"
        )
    typer.echo(f"habitus pretrain --run {run} --preset {preset} --set KEY=VALUE …")
    for line in lines_of(found):
        typer.echo(line)


def lines_of(settings: Iterable[Setting]) -> list[str]:
    """Return settings as lines for a narrow terminal; only a wide value makes a wide one."""
    found: list[str] = []
    for s in settings:
        if s.value is None:
            found += ["", *textwrap.wrap(f"{s.key}: {s.meaning}" if s.meaning else s.key, WIDTH)]
            continue
        # Values are YAML, which calls None null.
        told = re.sub(r"\bNone\b", "null", f"{s.allowed}. {s.meaning}".strip())
        indent = " " * 4
        found.append(f"{s.key}={s.value}")
        found += textwrap.wrap(told, WIDTH, initial_indent=indent, subsequent_indent=indent)
    return found
