"""The real ingest against the plain one, on tables with every kind of fault."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from habitus.data.ingest import IngestConfig, ingest
from habitus.data.mapping import ChannelMapping, EventsMapping, TracesMapping
from habitus.data.snapshot import parse_time
from habitus.data.traces import Traces

from .plain_ingest import Plain, Row, plain_ingest

MAPPING = TracesMapping(
    events=EventsMapping(
        user_id="who",
        time="when",
        channels={
            "shop": ChannelMapping(kind="category"),
            "item_id": ChannelMapping(kind="id", column="item"),
            "price": ChannelMapping(kind="dense"),
            "text": ChannelMapping(kind="text"),
        },
    )
)
LATEST = 1_600_000_000
TIMES = (
    *("2020-01-01", "2020-01-01T00:00:00", "2020-01-01 00:00", "2020-01-01T02:00:00+02:00"),
    *("2020-01-01T00:00:01.75Z", "1577836800", "1577836801000", "1969-12-31T23:59:59.5", "-5"),
    *("1599999999.5", "2020-09-13T12:26:40", "2020-09-13T12:26:41", "1600000001", "soon", " "),
    *("2020-13-01", "2020-01-01T25:00", "1e300", None),
)
WORDS = st.sampled_from(["", "a", "b", "é", "Z", "10", "9", " x", "a,b", 'q"q', "two\nlines"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "who": st.sampled_from(["u1", "u2", "u10", "é", "7", "7.0", "nan", "", " ", None]),
            "when": st.sampled_from(TIMES),
            "shop": st.one_of(st.none(), WORDS),
            "item": st.sampled_from(["i1", "i2", "10", "9", "12.0", "None", "", None]),
            "price": st.sampled_from(
                ["1", "1.5", "-0.1", " 2", "x", "inf", "1e39", "nan", "", None]
            ),
            "text": st.one_of(st.none(), WORDS),
        }
    ),
    min_size=1,
    max_size=40,
)


def read_back(traces: Traces) -> Plain:
    """Return traces as the plain ingest tells them."""
    ids = traces.user_ids.to_pylist()
    values = {n: traces.dictionary(n).to_pylist() for n in ("shop", "item_id")}
    every = np.arange(traces.num_events)
    texts = traces.texts("text", every)
    events: dict[str, list[dict[str, object]]] = {}
    for row, user in enumerate(ids):
        start, stop = traces.offsets_U1[row], traces.offsets_U1[row + 1]
        events[user] = [
            {
                "time": int(traces.time_L[i]),
                **{n: [None, *values[n]][traces.column(n)[i]] for n in values},
                "price": None if np.isnan(p := traces.column("price")[i]) else float(p),
                "text": texts[i],
            }
            for i in range(start, stop)
        ]
    return Plain(ids, events, [], [], 0, 0, values)


def check_against_twin(
    rows: list[Row],
    folder: Path,
    *,
    duplicates: Literal["keep", "quarantine"],
    buckets: int | None,
    earliest: str | None = None,
) -> None:
    opt_out = frozenset({"u2"})
    drop = duplicates == "quarantine"
    first = None if earliest is None else parse_time(earliest)
    plain = plain_ingest(
        rows, MAPPING, latest=LATEST, earliest=first, opt_out=opt_out, drop_repeats=drop
    )
    if not plain.users:
        return
    source = pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String))
    config = IngestConfig(
        max_bad_share=1,
        duplicates=duplicates,
        earliest_time=earliest,
        latest_time="2020-09-13T12:26:40",
        buckets=buckets,
    )
    report = ingest({"events": source}, MAPPING, folder / "out", config=config, opt_out=opt_out)
    found = read_back(Traces(folder / "out"))
    assert found.users == plain.users
    assert found.dictionaries == plain.dictionaries
    assert found.events == plain.events
    assert report.events.bad == len({number for number, *_ in plain.bad})
    assert (report.events.duplicates, report.events.opted_out) == (
        plain.duplicates,
        plain.opted_out,
    )
    told = sorted(plain.bad + plain.repeats)
    reasons = Counter(reason for *_, reason in told)
    assert report.events.reasons == reasons
    if reasons:
        lines = pl.read_csv(folder / "out/quarantine/events.csv", infer_schema=False)
        columns = [lines["row"].cast(pl.Int64), lines["column"], lines["reason"]]
        assert sorted(zip(*columns, strict=True)) == told


@given(
    ROWS,
    st.sampled_from(["keep", "quarantine"]),
    st.sampled_from([None, "1970-01-01", "2020-01-01T00:00:01"]),
)
@settings(max_examples=60)
def test_ingest_does_what_the_plain_one_does(
    rows: list[Row], duplicates: Literal["keep", "quarantine"], earliest: str | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_against_twin(
            rows, Path(folder), duplicates=duplicates, buckets=None, earliest=earliest
        )


@given(ROWS, st.sampled_from(["keep", "quarantine"]), st.integers(1, 5))
@settings(max_examples=40)
def test_ingest_in_buckets_does_what_the_plain_one_does(
    rows: list[Row], duplicates: Literal["keep", "quarantine"], buckets: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_against_twin(rows, Path(folder), duplicates=duplicates, buckets=buckets)
