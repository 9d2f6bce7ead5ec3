"""``habitus encode``: traces into one vector per user."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

if TYPE_CHECKING:
    from habitus.data.snapshot import Snapshot
    from habitus.data.traces import Traces


def encode_command(
    model: Annotated[Path, typer.Argument(help="A model directory, from habitus pretrain.")],
    traces: Annotated[Path, typer.Argument(help="A traces directory, from habitus ingest.")],
    out: Annotated[Path, typer.Option(help="The representations directory to make.")],
    as_of: Annotated[
        str | None, typer.Option(help="Cutoff, such as 2017-10-01: later events are not read.")
    ] = None,
    users: Annotated[
        Path | None, typer.Option(help="A file with one user id a line; all users if left out.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="float16 or float32.")] = "float16",
    device: Annotated[str, typer.Option(help="cpu, or cuda where there is one.")] = "cpu",
) -> None:
    """Encode every user; an interrupted encoding goes on when the same command runs again."""
    from typing import cast

    from habitus.cli.progress import bar
    from habitus.data.snapshot import Snapshot
    from habitus.data.traces import Traces
    from habitus.errors import UsageError
    from habitus.representations.encode import EncodeConfig, encode
    from habitus.representations.model import load

    if dtype not in ("float16", "float32"):
        raise UsageError(f"--dtype must be float16 or float32, got {dtype!r}")
    opened = Traces(traces)
    rows = None if users is None else opened.rows_of(_lines(users))
    snapshot = Snapshot(opened, cutoff(opened, as_of), rows)
    config = EncodeConfig(dtype=cast(Literal["float16", "float32"], dtype))
    loaded = load(model, device)
    for sentence in (*warnings_of(snapshot), *reads_the_future(loaded.about, snapshot)):
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"[yellow]![/] {sentence}")
    was_there = (out / "manifest.json").is_file()
    with bar("encode") as show:
        made = encode(loaded, snapshot, out, config, show)
    manifest = made.manifest
    speed = f"{manifest.num_users / max(manifest.seconds, 1e-9):,.0f} users/s"
    told = "there already, nothing was encoded" if was_there else speed
    Console().print(
        f"{manifest.num_users:,} users × {manifest.representation_dim} ({manifest.dtype}), {told}: "
        f"{out}"
    )


def warnings_of(snapshot: Snapshot) -> list[str]:
    """Return what is odd about a cutoff: far behind the data, or before most people's events."""
    from habitus.data.snapshot import format_time

    found = []
    dated = is_dated(snapshot)
    if late := days_behind(snapshot):
        found.append(f"{late}: everybody looks as if they had stayed away since")
    without = int((snapshot.lengths_U == 0).sum())
    if 2 * without > snapshot.num_users:
        before = f" before {format_time(snapshot.as_of)}" if dated else ""
        found.append(
            f"{without:,} of {snapshot.num_users:,} users have no event{before}: they all get the "
            f"same vector"
        )
    return found


def reads_the_future(about: Mapping[str, Any], snapshot: Snapshot) -> list[str]:
    """Return that a model was pre-trained on what comes after a cutoff of the same traces.

    A score of such vectors on that cutoff would know the future, and vectors alone do not say it.
    """
    from habitus.data.snapshot import format_time, parse_time

    same = (about.get("data") or {}).get("digest") == snapshot.traces.digest
    if not same or not is_dated(snapshot) or "as_of" not in (about.get("run") or {}):
        return []
    as_of = about["run"]["as_of"]
    if as_of is not None and parse_time(str(as_of)) <= snapshot.as_of:
        return []
    read = "all events" if as_of is None else f"events up to {as_of}"
    return [
        f"the model was pre-trained on {read}, those after {format_time(snapshot.as_of)} included: "
        f"scores of these vectors at that cutoff would know the future; pre-train with --as-of "
        f"{format_time(snapshot.as_of)} or earlier to evaluate"
    ]


def is_dated(snapshot: Snapshot) -> bool:
    """Return whether a snapshot has a cutoff that is a date."""
    from habitus.data.snapshot import END_OF_TIME

    return snapshot.traces.manifest.time_unit == "second" and snapshot.as_of != END_OF_TIME


def days_behind(snapshot: Snapshot) -> str:
    """Return that a cutoff lies a day or more behind the data; empty where it does not."""
    from habitus.data.snapshot import format_time
    from habitus.data.split import DAY

    if not is_dated(snapshot):
        return ""
    last = snapshot.traces.time_range[1]
    days = (snapshot.as_of - last) // DAY
    if days < 1:
        return ""
    end = format_time((last // DAY + 1) * DAY)
    return (
        f"the cutoff {format_time(snapshot.as_of)} lies {days:,} days after the last event; the "
        f"data ends before {end}"
    )


def cutoff(traces: Traces, as_of: str | None) -> int | str | None:
    """Return what ``--as-of`` means: a date, or with ordinal time a number of events."""
    from habitus.errors import UsageError

    if as_of is None or traces.manifest.time_unit == "second":
        return as_of
    if not as_of.isdecimal():
        raise UsageError(
            f"the time of these traces is an order: --as-of must be the number of last events to "
            f"leave out, got {as_of!r}"
        )
    return int(as_of)


def _lines(file: Path) -> list[str]:
    from habitus.errors import DataError

    try:
        lines = file.read_text(encoding="utf8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read ({error}): give one user id a line") from error
    # Ids may hold blanks: a line is an id, whole.
    return [line for line in lines if line]
