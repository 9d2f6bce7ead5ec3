"""A share of the people of a set as those whose targets are known, alone or beside another set.

Shapes: U users, L their events.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from typing_extensions import override

from habitus.data.columns import ITEM_ID, KIND, SERVICE
from habitus.data.ingest import ingest
from habitus.data.mapping import ChannelMapping, EventsMapping, TableMapping, TracesMapping
from habitus.data.snapshot import ranges
from habitus.data.split import Part, UserSplit
from habitus.data.traces import Rows, Traces
from habitus.errors import UsageError
from habitus.evaluation.matching_split import on_several_services
from habitus.evaluation.next_item_asked import SPLIT, parts_of
from habitus.random import numpy_generator
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.steps import Json

if TYPE_CHECKING:
    import polars as pl

FEWEST: Final = 16
"""Labelled users, at least: fewer tell nobody from anybody."""


@dataclass(frozen=True, kw_only=True)
class LabelledSplit(UserSplit):
    """A split that knows a share of the train users; smaller shares are within larger ones."""

    share: float = 1.0
    share_seed: int = 0
    """Of the draw."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.share <= 1:
            raise UsageError(f"share must be in (0, 1], got {self.share}")

    @override
    def rows(self, traces: Traces, part: Part) -> Rows:
        rows_U = super().rows(traces, part)
        if part != "train" or self.share == 1:
            return rows_U
        drawn_U = numpy_generator(self.share_seed, "labelled users").permutation(rows_U)
        return np.sort(drawn_U[: max(FEWEST, round(self.share * len(rows_U)))])


def joined_traces(
    plan: AnalysisPlan, source: Traces, target: Traces, split: LabelledSplit
) -> Traces:
    """Return two companies' people as one set, written now or before: A + B of evaluation D7.

    Of the source its train and valid users on several services, of the target those of the split;
    the attribute ``split`` of the profiles says which they are. Nobody who is tested is in it.
    """

    def make(folder: Path) -> Json:
        # Traces are written whole: what an interrupt left is of no use.
        shutil.rmtree(folder / "traces", ignore_errors=True)
        return {"events": _write(source, target, split, folder / "traces").num_events}

    inputs = {"source": source.digest, "target": target.digest, "split": split.to_dict()}
    return Traces(plan.steps.run("joined", inputs, make)[0] / "traces")


def can_join(source: Traces, target: Traces) -> bool:
    """Return whether time is the same thing in both: an order, or dates."""
    return source.manifest.time_unit == target.manifest.time_unit == "order"


def _write(source: Traces, target: Traces, split: LabelledSplit, path: Path) -> Traces:
    import polars as pl

    several_U = on_several_services(source)
    parts = parts_of(source)
    frames, profiles, items = [], [], []
    for prefix, traces in (("a", source), ("b", target)):
        for part in ("train", "valid"):
            rows_U = parts[part] if traces is source else split.rows(traces, part)
            rows_U = rows_U[several_U[rows_U]] if traces is source else rows_U
            frames.append(_events(traces, rows_U, prefix))
            users = frames[-1].select("user_id").unique().with_columns(pl.lit(part).alias(SPLIT))
            profiles.append(users)
        items.append(_items(traces, prefix))
    channels = {name: ChannelMapping(kind="category") for name in (SERVICE, KIND)}
    mapping = TracesMapping(
        events=EventsMapping(
            time="position",
            time_unit="order",
            channels={ITEM_ID: ChannelMapping(kind="id"), **channels},
        ),
        items=TableMapping(),
        profiles=TableMapping(),
    )
    tables = {
        "events": pl.concat(frames),
        "items": pl.concat(items),
        "profiles": pl.concat(profiles).sort("user_id"),
    }
    ingest(tables, mapping, path)  # type: ignore[arg-type]
    return Traces(path)


def _events(traces: Traces, rows_U: Rows, prefix: str) -> pl.DataFrame:
    import polars as pl

    start_U = traces.offsets_U1[rows_U]
    row_L, _ = ranges(start_U, traces.offsets_U1[rows_U + 1] - start_U)
    length_U = traces.offsets_U1[rows_U + 1] - start_U
    ids = np.asarray(traces.user_ids.to_pylist(), dtype=object)[rows_U]
    columns: dict[str, object] = {
        "user_id": [f"{prefix}/{user}" for user in np.repeat(ids, length_U)],
        "position": np.asarray(traces.time_L[row_L]),
    }
    for name in (ITEM_ID, SERVICE, KIND):
        values = np.array([None, *traces.dictionary(name).to_pylist()], dtype=object)
        columns[name] = values[np.asarray(traces.column(name)[row_L], np.int64)].tolist()
    return pl.DataFrame(columns).with_columns(
        pl.concat_str(pl.lit(f"{prefix}/"), ITEM_ID).alias(ITEM_ID)
    )


def _items(traces: Traces, prefix: str) -> pl.DataFrame:
    import polars as pl

    table = traces.table("items")
    assert table is not None
    found = pl.DataFrame(table.select([ITEM_ID, "text"]).to_pydict())
    return found.with_columns(pl.concat_str(pl.lit(f"{prefix}/"), ITEM_ID).alias(ITEM_ID))
