import os
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest

from habitus.data import ingest_key
from habitus.data.columns import TableName
from habitus.data.ingest_key import IngestKey, digest_of_frame
from habitus.data.ingest_report import IngestConfig
from habitus.data.mapping import TracesMapping
from habitus.data.sources import Source, Sql

from .small import events, mapping


def key(source: Source, opt_out: tuple[str, ...] = (), **changed: Any) -> str | None:
    tables: dict[TableName, Source] = {"events": source, **changed.pop("tables", {})}
    ids = pl.Series(opt_out, dtype=pl.String)
    of, config = changed.pop("mapping", mapping()), IngestConfig(**changed)
    return IngestKey(tables, of, config, ids).digest


def test_the_same_things_have_the_same_key() -> None:
    assert key(events(), ("a", "b")) == key(events(), ("b", "a"))
    assert key(events()) == key(events().clone())


def test_any_other_thing_has_another_key() -> None:
    keys = [
        key(events()),
        key(events(), ("a",)),
        key(events(), mapping=TracesMapping()),
        key(events(), memory_mib=17),
        key(events(), tables={"items": events()}),
        key(events()[:4]),
        key(events().rename({"price": "cost"})),
        key(events().cast({"price": pl.Float32})),
        key(events().reverse()),
        key(events().with_columns(price=pl.lit(1.0))),
    ]
    assert len(set(keys)) == len(keys)


def test_a_restart_of_the_machine_is_another_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "boot").write_text("another")
    before = key(events())
    monkeypatch.setattr(ingest_key, "_BOOT", tmp_path / "boot")
    assert key(events()) != before


def test_files_are_told_by_place_size_and_time_of_change(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("one")
    os.utime(path, ns=(0, 10))
    keys = [key(path), key([path, path])]
    assert key(str(path)) == keys[0] == key(tmp_path)
    os.utime(path, ns=(0, 11))
    keys.append(key(path))
    path.write_text("three")
    os.utime(path, ns=(0, 10))
    keys.append(key(path))
    keys.append(key(path.rename(tmp_path / "b.csv")))
    assert len(set(keys)) == 5


def test_files_are_looked_at_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("one")
    before = IngestKey({"events": path}, mapping(), IngestConfig(), pl.Series([], dtype=pl.String))
    expected = key(path)
    path.write_text("changed meanwhile")
    assert before.digest == expected != key(path)


def test_queries_are_told_by_their_text_and_the_files_they_name(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "c.db"):
        (tmp_path / name).write_text("1")
    one = Sql(f"SELECT count('*'), '%d/%m' FROM '{tmp_path}/*.csv'")
    keys = [key(one), key(Sql(one.query + " ")), key(Sql(one.query, str(tmp_path / "c.db")))]
    assert key(one) == keys[0]
    (tmp_path / "b.csv").write_text("22")
    keys.append(key(one))
    (tmp_path / "c.db").write_text("22")
    keys.append(key(Sql(one.query, str(tmp_path / "c.db"))))
    assert len(set(keys)) == 5


def test_frames_are_told_by_their_values_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = digest_of_frame(events())
    changed = events().with_columns(price=pl.Series([2.5, 1, None, -3, 9]))
    assert digest_of_frame(changed) != whole
    monkeypatch.setattr(ingest_key, "_STEP", 2)
    assert digest_of_frame(events()) == whole
    assert digest_of_frame(changed) != whole


@pytest.mark.parametrize("dtype", [pl.Categorical(), pl.Enum(["x", "y", "z"])])
def test_categories_are_told_by_their_words(dtype: pl.DataType) -> None:
    one = pl.DataFrame({"a": pl.Series(["x", "y"], dtype=dtype)})
    other = pl.DataFrame({"a": pl.Series(["z", "y"], dtype=dtype)})
    assert digest_of_frame(one) != digest_of_frame(other)


def test_a_lazy_query_cannot_be_told() -> None:
    assert digest_of_frame(events().lazy()) is None
    assert key(events().lazy()) is None
    assert key(cast(Source, events()), tables={"items": events().lazy()}) is None


def test_lists_and_dates_are_told() -> None:
    one = pl.DataFrame({"a": [["x"], None], "b": pl.Series([1, 2]).cast(pl.Date)})
    other = pl.DataFrame({"a": [["y"], None], "b": pl.Series([1, 2]).cast(pl.Date)})
    assert None not in (digest_of_frame(one), digest_of_frame(other))
    assert digest_of_frame(one) != digest_of_frame(other)
