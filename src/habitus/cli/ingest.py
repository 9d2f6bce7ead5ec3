"""``habitus ingest``: files, tables or a query into traces."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Optional, cast

import typer
from rich.console import Console
from rich.table import Table

from habitus.cli.progress import Bar, bar
from habitus.errors import DataError, UsageError

if TYPE_CHECKING:
    from habitus.data.columns import TableName
    from habitus.data.ingest_report import IngestReport, Progress
    from habitus.data.mapping import TracesMapping
    from habitus.data.sources import Source

# typer reads annotations when the command is called, so Optional cannot be written as a union.
Files = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Argument(help="Events: CSV, JSON Lines or Parquet files, a folder, or a glob."),
]
OneFile = Annotated[Optional[str], typer.Option(help="A file or a glob.")]  # noqa: UP045
MappingFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(help="What the columns mean; without it they must carry our names."),
]
Query = Annotated[Optional[str], typer.Option(help="Read events by a DuckDB query.")]  # noqa: UP045
Database = Annotated[Optional[Path], typer.Option(help="The database of --sql.")]  # noqa: UP045
Ids = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(help="Ids, one a line, of users to drop at the door."),
]
Share = Annotated[
    float, typer.Option(help="Stop where more than this share of a table's rows is bad.")
]
Repeats = Annotated[
    str, typer.Option(help="'keep' events that equal an earlier one, or 'quarantine' them.")
]
Earliest = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="A date, such as 2015-01-01: times before it are bad."),
]
Latest = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="Times after it are bad; now when it is not given."),
]


def ingest_command(
    out: Annotated[Path, typer.Option(help="The traces directory to make.")],
    source: Files = None,
    items: OneFile = None,
    follows: OneFile = None,
    profiles: OneFile = None,
    labels: OneFile = None,
    mapping: MappingFile = None,
    sql: Query = None,
    database: Database = None,
    opt_out: Ids = None,
    max_bad_share: Share = 0.01,
    duplicates: Repeats = "keep",
    earliest_time: Earliest = None,
    latest_time: Latest = None,
    memory_mib: Annotated[int, typer.Option(help="Memory to aim at.")] = 1024,
    overwrite: Annotated[bool, typer.Option(help="Replace traces that stand at --out.")] = False,
) -> None:
    """Read tables into traces: check, set bad rows aside, drop who opted out, sort, store.

    Bad rows go to OUT/quarantine with row, column, value and reason. A run that stops leaves
    nothing at OUT; a large one that was interrupted goes on when the same command runs again.
    """
    from habitus.data.infer import infer_mapping
    from habitus.data.ingest import IngestConfig, ingest
    from habitus.data.mapping import TracesMapping
    from habitus.data.workspace import check_free

    config = IngestConfig(
        max_bad_share=max_bad_share,
        duplicates=cast("Literal['keep', 'quarantine']", duplicates),
        earliest_time=earliest_time,
        latest_time=latest_time,
        memory_mib=memory_mib,
    )
    check_free(out, overwrite=overwrite)
    events = _events_source(source, sql, database)
    side = {"items": items, "follows": follows, "profiles": profiles, "labels": labels}
    tables = {"events": events, **{name: file for name, file in side.items() if file is not None}}
    console = Console(soft_wrap=True)
    if mapping is None:
        used = infer_mapping(events, " ".join(source) if source else "the query")
        _print_inferred(used, console)
    else:
        used = TracesMapping.from_yaml(mapping)
    ids = () if opt_out is None else read_ids(opt_out)
    with stages() as progress:
        report = ingest(
            cast("dict[TableName, Source]", tables),
            used,
            out,
            config=config,
            opt_out=ids,
            progress=progress,
            overwrite=overwrite,
        )
    print_report(report, console, out)
    warn_of_strangers(report, ids, console)


@contextmanager
def stages(console: Console | None = None) -> Iterator[Progress]:
    """Give a callback that shows one line of progress for each stage, with its rate."""
    lines: dict[str, Bar] = {}
    began: dict[str, float] = {}
    with ExitStack() as stack:

        def show(stage: str, done: int, total: int) -> None:
            if stage not in lines:
                stack.close()
                lines[stage] = stack.enter_context(bar(stage, console))
                began[stage] = time.monotonic()
            rate = done / max(1e-9, time.monotonic() - began[stage])
            lines[stage](done, total, f"{rate:,.0f} rows/s" if done else "")

        yield show


def read_ids(path: Path) -> tuple[str, ...]:
    """Return the ids of a text file, one a line, empty lines left out.

    Raises:
        DataError: the file is missing or no text.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} cannot be read ({error}): give a text file, one id a line"
        ) from error
    ids = (line.strip().strip("\"'").strip() for line in lines)
    return tuple(user_id for user_id in ids if user_id)


def warn_of_strangers(report: IngestReport, ids: Sequence[str], console: Console) -> None:
    """Say loudly where a list of opt-outs named nobody: most likely it is written another way."""
    if ids and not any(counts.opted_out for counts in report.tables.values()):
        console.print(
            f"[bold red]! none of the {len(ids):,} opt-out ids stands in the data[/]: the file "
            f"needs one id a line, written as in the events; its first is {ids[0]!r}",
            highlight=False,
        )


def print_report(report: IngestReport, console: Console, out: Path) -> None:
    """Print what became of every row."""
    table = Table("table", box=None, pad_edge=False)
    for name in ("rows", "kept", "bad", "duplicates", "opted out"):
        table.add_column(name, justify="right")
    for name, counts in report.tables.items():
        numbers = (counts.rows, counts.kept, counts.bad, counts.duplicates, counts.opted_out)
        table.add_row(name, *(f"{n:,}" for n in numbers))
    console.print(table)
    for name, counts in report.tables.items():
        for reason, number in counts.reasons.items():
            console.print(f"[yellow]![/] {name}: {number:,} × {reason}", highlight=False)
    if report.unknown_items:
        console.print(
            f"[yellow]![/] {report.unknown_items:,} events have an item that is not in the items",
            highlight=False,
        )
    for notice in report.notices:
        console.print(f"[yellow]![/] {notice}", highlight=False)
    if report.quarantine is not None:
        console.print(f"rows set aside: {out / report.quarantine.name}", highlight=False)
    rate = report.events.rows / max(1e-9, report.seconds)
    console.print(
        f"{report.num_users:,} users, {report.num_events:,} events in {report.seconds:.1f} s "
        f"({rate:,.0f} rows/s): {out}",
        highlight=False,
    )


def _events_source(source: list[str] | None, sql: str | None, database: Path | None) -> Source:
    from habitus.data.sources import Sql

    if sql is None:
        if database is not None:
            raise UsageError("--database needs --sql: give a query, or files and no database")
        if not source:
            raise UsageError("give the events: files, or --sql with a query")
        return source[0] if len(source) == 1 else source
    if source:
        raise UsageError("give files or --sql, not both: a query can name files itself")
    return Sql(sql) if database is None else Sql(sql, str(database))


def _print_inferred(mapping: TracesMapping, console: Console) -> None:
    kinds: dict[str, list[str]] = {}
    for name, channel in mapping.events.channels.items():
        kinds.setdefault(channel.kind, []).append(name)
    told = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items())
    console.print(f"no mapping given; channels read as {told or 'none'}", highlight=False)
