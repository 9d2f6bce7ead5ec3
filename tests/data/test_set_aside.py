"""What check says of rows is what ingest does with them."""

from pathlib import Path

import polars as pl
import pytest

from habitus.data.check import check
from habitus.data.ingest import IngestConfig, ingest
from habitus.data.set_aside import id_warnings, utf8_warnings, wide_labels
from habitus.data.sources import joined, parts
from habitus.errors import DataError

HEAD = "user_id,time,item_id,text\n"
ROWS = [
    "12.0,2020-01-01,i1,one",
    "nan,2020-01-01,i1,two",
    "7,2020-01-01,None,three",
    "8,2020-01-01,3.5,four",
    "9,2020-01-01,i2,café",
    "10,2020-01-01,i2,naïve",
    "11,2020-01-02,i2,1.5",
]


def written(folder: Path, encoding: str) -> Path:
    file = folder / "events.csv"
    file.write_bytes((HEAD + "\n".join(ROWS) + "\n").encode(encoding))
    return file


@pytest.mark.parametrize(("encoding", "bad_bytes"), [("utf-8", 0), ("latin-1", 2)])
def test_what_is_told_is_what_ingest_does(tmp_path: Path, encoding: str, bad_bytes: int) -> None:
    file = written(tmp_path, encoding)
    report = check(str(file))
    mapping = report.mapping
    assert mapping.events.channels["item_id"].kind == "id"
    told = [w for w in report.warnings if "ingest sets" in w]
    expected = [
        "1 ids in 'user_id' are written as decimal numbers",
        "1 ids in 'user_id' are a word for a missing value",
        "1 ids in 'item_id' are written as decimal numbers",
        "1 ids in 'item_id' are a word for a missing value",
    ]
    if bad_bytes:
        expected = [f"{bad_bytes} rows hold bytes that are not UTF-8, in 'text'", *expected]
    assert [w.partition(": ")[0].partition(", such")[0] for w in told] == expected
    lenient = IngestConfig(max_bad_share=1)
    done = ingest({"events": str(file)}, mapping, tmp_path / "out", config=lenient)
    assert done.events.bad == 4 + bad_bytes
    assert done.num_events == 3 - bad_bytes
    assert done.events.reasons.get("bytes that are not UTF-8", 0) == bad_bytes


def test_what_makes_a_file_readable_is_told(tmp_path: Path) -> None:
    file = written(tmp_path, "latin-1")
    found = parts(str(file))
    (told,) = utf8_warnings(found, joined(found), "it")
    assert f"save {file} as UTF-8 first, such as by 'iconv -f ISO-8859-1 -t UTF-8'" in told


def test_ids_that_are_numbers_or_fine_are_not_told_of() -> None:
    rows = pl.LazyFrame({"a": [1, 2], "b": ["x", "7"], "c": ["1.5", None]})
    assert list(id_warnings(rows, ["a", "b", "not there"], "it")) == []
    assert list(id_warnings(rows, [], "it")) == []
    (told,) = id_warnings(rows, ["c", "c"], "it")
    assert told.startswith("1 ids in 'c' are written as decimal numbers, such as 12.0")


WIDE = pl.DataFrame(
    {"Customer": ["a", "b"], "time": ["2020-01-01"] * 2, "left": [1, 0], "won": [0, 1]}
)


def test_a_column_for_each_label_is_told_and_refused(tmp_path: Path) -> None:
    found = check(WIDE, "labels")
    told = [w for w in found.warnings if "row for each label" in w]
    assert len(told) == 1
    assert "('left', 'won'): turn it round, such as by polars' unpivot(" in told[0]
    # What is missing is said once.
    assert not [w for w in found.warnings if "looks like task" in w or "looks like value" in w]
    events = pl.DataFrame({"user_id": ["a"], "time": ["2020-01-01"]})
    labels = WIDE.rename({"Customer": "user_id"})
    with pytest.raises(DataError, match="labels need a row for each label, with the columns task"):
        ingest({"events": events, "labels": labels}, check(events).mapping, tmp_path / "out")


def test_other_tables_of_labels_are_not_wide() -> None:
    def own(name: str) -> str:
        return name

    assert wide_labels(["task", "user_id", "time", "value", "note"], own) is None
    assert wide_labels(["user_id", "time"], own) is None
    # One of the two is there: what is missing is a column, not another form.
    assert wide_labels(["task", "user_id", "time", "score"], own) is None
    assert wide_labels(["label", "user_id", "time", "y"], {"task": "label"}.get) is None  # type: ignore[arg-type]
    many = wide_labels(["user_id", "time", "a", "b", "c", "d"], own)
    assert many is not None
    assert "('a', 'b', 'c' …)" in many
