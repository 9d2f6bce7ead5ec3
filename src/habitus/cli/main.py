"""The command ``habitus``: a table of verbs, each imported only when it is chosen."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

import typer

from habitus import __version__
from habitus.cli.errors import sentences
from habitus.registry import Registry


class Verb(NamedTuple):
    """One verb of the command line."""

    function: str
    """``module:function``, imported when the verb is chosen."""
    summary: str
    """What ``habitus --help`` says of it."""


VERBS = {
    "demo": Verb("habitus.cli.demo:demo_command", "The whole run on real people's shopping."),
    "datasets": Verb("habitus.cli.datasets:datasets_command", "List the named sources."),
    "get": Verb("habitus.cli.datasets:get_command", "Turn a named source into traces."),
    "check": Verb("habitus.cli.check:check_command", "Look at tables and propose a mapping."),
    "ingest": Verb("habitus.cli.ingest:ingest_command", "Files, tables or a query into traces."),
    "pretrain": Verb("habitus.cli.pretrain:pretrain_command", "Traces into a model directory."),
    "settings": Verb("habitus.cli.settings:settings_command", "List what pretrain --set changes."),
    "encode": Verb("habitus.cli.encode:encode_command", "Traces into one vector per user."),
    "evaluate": Verb("habitus.cli.evaluate:evaluate_command", "Tasks × methods into results."),
    "report": Verb("habitus.cli.report:report_command", "Results into one page."),
    "tasks": Verb("habitus.cli.tasks:tasks_command", "List the kinds of tasks."),
    "analyze": Verb("habitus.cli.analyze:analyze_command", "One question about a system."),
    "verify": Verb("habitus.cli.verify:verify_command", "Recompute every known answer."),
}
"""A verb is one line here and one file beside this one."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command line and exit with a code of :mod:`habitus.cli.errors`, 0 when it is done."""
    # Waiting threads of OpenMP spin by default, which slows two threads many times over on a busy
    # machine. The setting is read once, when torch is imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words or os.environ.get("HABITUS_DEBUG", "0") not in ("", "0")
    words = [word for word in words if word != "--debug"]
    with sentences(debug=debug):
        chosen = next((word for word in words if not word.startswith("-")), None)
        build_app(chosen, debug=debug)(words, prog_name="habitus")


def build_app(chosen: str | None = None, *, debug: bool = False) -> typer.Typer:
    """Return the command line with the function of the ``chosen`` verb behind it.

    The others are there by name and summary only, so that help starts without torch or polars.
    """
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    functions = Registry[Callable[..., Any]]("verb", {n: v.function for n, v in VERBS.items()})
    for name, verb in VERBS.items():
        function = sentences(debug=debug)(functions[name]) if name == chosen else _stub
        app.command(name, short_help=verb.summary)(function)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"habitus {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print it.", callback=_print_version, is_eager=True),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; also HABITUS_DEBUG=1.")
    ] = False,
) -> None:
    """One vector per person, learned from the traces they leave."""


def _stub() -> None:
    """Stand for a verb that was not chosen."""
