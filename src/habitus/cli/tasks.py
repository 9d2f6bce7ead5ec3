"""``habitus tasks``: what can be asked, and how a tasks file says it."""

from __future__ import annotations

import typer


def tasks_command() -> None:
    """List the kinds of tasks with their fields, and what a tasks file says of cutoffs."""
    from habitus.tasks.describe import describe_task_kinds

    typer.echo(describe_task_kinds())
