"""``habitus check``: look at tables, propose a mapping."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional, cast

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from habitus.data.columns import TABLES
from habitus.errors import UsageError
from habitus.registry import did_you_mean

if TYPE_CHECKING:
    from habitus.data.check import CheckReport
    from habitus.data.check_tables import TablesReport
    from habitus.data.column_report import ColumnReport
    from habitus.data.columns import TableName
    from habitus.data.sources import Source
    from habitus.data.time_report import Course


Side = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation
    typer.Option(help="A file or a glob, looked at with the events for one mapping of all."),
]


def check_command(
    files: Annotated[
        list[str], typer.Argument(help="CSV, JSON Lines or Parquet files of one table, or a glob.")
    ],
    table: Annotated[str, typer.Option(help="Which table: " + ", ".join(TABLES) + ".")] = "events",
    items: Side = None,
    follows: Side = None,
    profiles: Side = None,
    labels: Side = None,
    mapping: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="What the columns mean; guessed when it is not given."),
    ] = None,
    write_mapping: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Write the mapping to this YAML file, for 'habitus ingest'."),
    ] = None,
    earliest_time: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="A date, such as 2015-01-01: earlier times are not believed."),
    ] = None,
    latest_time: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Times after it are in the future; now when it is not given."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Look at tables: types, gaps, duplicates, time range, users; propose one mapping of all.

    Nothing is changed or written but the mapping, and no user's id is shown.
    """
    from habitus.data.check import check
    from habitus.data.check_tables import check_tables
    from habitus.data.mapping import TracesMapping

    if table not in TABLES:
        raise UsageError(f"no table is called {table!r}; {did_you_mean(table, TABLES)}")
    given = TracesMapping.from_yaml(mapping) if mapping is not None else None
    named = {"items": items, "follows": follows, "profiles": profiles, "labels": labels}
    side = {name: file for name, file in named.items() if file is not None}
    if side and table != "events":
        raise UsageError(f"--table {table} is one table alone: leave out --{next(iter(side))}")
    console = Console(soft_wrap=as_json)
    report: CheckReport | TablesReport
    if side:
        sources = cast("dict[TableName, Source]", {"events": files, **side})
        report = check_tables(sources, given, earliest_time=earliest_time, latest_time=latest_time)
    else:
        report = check(files, table, given, earliest_time=earliest_time, latest_time=latest_time)
    if as_json:
        console.print_json(json.dumps(report.to_dict(), allow_nan=False))
    else:
        _print(report, console, proposed=given is None)
    if write_mapping is not None:
        write_mapping.write_text(report.mapping.to_yaml(), encoding="utf8")
        if not as_json:
            console.print(Text(f"mapping written to {write_mapping}"))


def _print(report: CheckReport | TablesReport, console: Console, *, proposed: bool) -> None:
    """Print one table or several, and the mapping of all."""
    from habitus.data.check import CheckReport

    alone = isinstance(report, CheckReport)
    for one in [report] if isinstance(report, CheckReport) else report.reports.values():
        print_report(one, console)
    for warning in () if alone else report.warnings:
        console.print(Text.assemble(("! ", "yellow"), warning))
    word = "proposed mapping (look through it: it is a guess)" if proposed else "mapping"
    console.print(Text(word, "bold"))
    console.print(report.mapping.to_yaml(), markup=False, highlight=False, soft_wrap=True)


def print_report(report: CheckReport, console: Console) -> None:
    """Print what a table holds, for people."""
    # Text, not markup: a column may be called "[red]".
    head = f": {report.num_rows:,} rows, {report.source}"
    console.print(Text.assemble((report.table, "bold"), head))
    console.print(_columns_table(report.columns))
    if report.times is not None or report.users is not None:
        console.print(_facts_table(report))
    for warning in report.warnings:
        console.print(Text.assemble(("! ", "yellow"), warning))
    if not report.warnings:
        console.print("nothing odd")


def _columns_table(columns: tuple[ColumnReport, ...]) -> Table:
    table = Table("column", "holds", "stored as", box=None, pad_edge=False)
    for name in ("missing", "values", "smallest", "largest"):
        table.add_column(name, justify="right")
    for c in columns:
        missing = f"{c.missing:.1%}" if c.missing else ""
        low, high = ("" if v is None else f"{v:,.6g}" for v in (c.low, c.high))
        stored = c.stored_as.split("(")[0]
        table.add_row(Text(c.name), c.holds, stored, missing, f"{c.distinct:,}", low, high)
    return table


def _facts_table(report: CheckReport) -> Table:
    facts = Table(box=None, show_header=False, pad_edge=False)
    if (times := report.times) is not None:
        facts.add_row("time", f"{times.first} … {times.last}, {times.days:,} days")
        facts.add_row(
            "gaps",
            f"{times.empty_days:,} days without events; the largest gap is "
            f"{times.largest_gap_days:.1f} days, from {times.gap_from}",
        )
        facts.add_row("events a day", _course_line(times.events_per_day))
        if times.users_per_day is not None:
            facts.add_row("users a day", _course_line(times.users_per_day))
    if (users := report.users) is not None:
        facts.add_row("users", f"{users.num_users:,}, {users.one_event:,} of one event")
        spread = ", ".join(f"{name} {n:,.0f}" for name, n in users.events_per_user.items())
        facts.add_row("events a user", spread)
    facts.add_row("duplicates", f"{report.duplicates:,} rows")
    return facts


def _course_line(course: Course) -> str:
    numbers = f"first {course.first:,.0f}, median {course.median:,.0f}, last {course.last:,.0f}"
    return f"{numbers}  {course.bars}"
