from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.datasets.legislature import PARTY_NAMES, Legislature, without_parties
from habitus.datasets.tables import file_digest
from habitus.errors import UsageError
from habitus.testing.datasets import DatasetContract


class TestLegislature(DatasetContract):
    """The real one, where HABITUS_DATA is set."""

    @classmethod
    def make_dataset(cls) -> Legislature:
        return Legislature()

    def test_it_is_as_large_as_it_says(self, traces: Traces) -> None:
        assert (traces.num_users, traces.num_events) == (470, 227_147)
        assert traces.manifest.time_unit == "order"
        # Not the 27,806 pairs of data/README.md: the files hold 27,418 by the same rule.
        assert table(traces, "follows").num_rows == 2 * 27_418

    def test_who_spoke_to_whom_is_an_edge_too(self, dataset: Legislature, tmp_path: Path) -> None:
        spoke = Legislature(dataset.folder, edges="dialogue").ingest(tmp_path / "dialogue")
        assert table(spoke, "follows").num_rows == 807

    def test_no_party_is_left_in_any_text(self, dataset: Legislature, traces: Traces) -> None:
        assert dataset.folder is not None
        raw = pl.read_parquet(dataset.folder / "posts.parquet")["text"]
        assert without_parties(raw)[1] == 16_002
        assert f"{16_002:,} mentions" in dataset.description
        left = "\n".join(traces.texts("text", np.arange(traces.num_events)))
        assert [name for name in PARTY_NAMES if name in left] == []

    def test_every_name_of_the_list_occurs(self, dataset: Legislature) -> None:
        assert dataset.folder is not None
        raw = "\n".join(pl.read_parquet(dataset.folder / "posts.parquet")["text"])
        assert [name for name in PARTY_NAMES if name not in raw] == []

    def test_terms_ascend_within_a_member(self, traces: Traces) -> None:
        code_L = traces.column("term")
        for start, stop in zip(traces.offsets_U1[:-1], traces.offsets_U1[1:], strict=True):
            known = code_L[start:stop][code_L[start:stop] > 0].astype(int)
            assert (np.diff(known) >= 0).all()

    def test_few_have_committees_and_all_have_served(self, traces: Traces) -> None:
        tags = table(traces, "profiles")["tags"].to_pylist()
        assert sum(any(not t.startswith("term ") for t in user) for user in tags) == 123
        assert all(any(t.startswith("term ") for t in user) for user in tags)


def table(traces: Traces, name: Any) -> Any:
    found = traces.table(name)
    assert found is not None
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A twin of three members."""
    pl.DataFrame(
        {
            "user_id": [1, 1, 1, 2],
            "gazette": [3200, 3110, 3110, 3200],
            "term": [5, None, None, 5],
            "kind": ["oral", "oral", "written", "oral"],
            "position": [0, 7, 2, 1],
            "text": ["third", "second", "first: 國民黨黨團", "民進黨"],
        }
    ).write_parquet(tmp_path / "posts.parquet")
    pl.DataFrame(
        {
            "user_id": [1, 1, 2, 3],
            "other_id": [2, 3, 3, 3],
            "agree": [18, 17, 18, 0],
            "disagree": [2, 2, 3, 1],
        }
    ).write_parquet(tmp_path / "votes.parquet")
    spoke = {"user_id": [2], "other_id": [1], "count": [4]}
    pl.DataFrame(spoke).write_parquet(tmp_path / "dialogue.parquet")
    pl.DataFrame(
        {
            "user_id": [1, 2, 3],
            "party": ["KMT", "DPP", None],
            "region": ["TPE", "KHH", "TPQ"],
            "gender": ["男", None, None],
            "committees": [["經濟委員會"], [], []],
            "terms": [[4, 5], [5], [4]],
        }
    ).write_parquet(tmp_path / "profiles.parquet")
    digests = {name: file_digest(tmp_path / name) for name in Legislature.digests}
    monkeypatch.setattr(Legislature, "digests", digests)
    return tmp_path


def test_turns_stand_by_gazette_and_position(folder: Path) -> None:
    traces = Legislature(folder).ingest(folder / "out")
    assert traces.time_L.tolist() == [0, 1, 2, 0]
    names = [None, *traces.dictionary("term").to_pylist()]
    assert [names[code] for code in traces.column("term")] == [None, None, "5", "5"]
    # The last turn of each left out: user 2 has none before it, user 3 none at all.
    assert Snapshot(traces, as_of=1).lengths_U.tolist() == [2, 0, 0]


def test_parties_are_gone_from_the_texts(folder: Path) -> None:
    traces = Legislature(folder).ingest(folder / "out")
    texts = traces.texts("text", np.arange(traces.num_events))
    assert texts == ["first: 黨團", "second", "third", ""]


def test_nine_of_ten_in_twenty_votes_make_two_edges(folder: Path) -> None:
    # 18 of 20 do; 17 of 19 are too few votes, 18 of 21 too few agreements.
    follows = table(Legislature(folder).ingest(folder / "out"), "follows").to_pylist()
    assert follows == [
        {"user_id": "1", "follows_id": "2"},
        {"user_id": "2", "follows_id": "1"},
    ]


def test_dialogue_goes_one_way(folder: Path) -> None:
    traces = Legislature(folder, edges="dialogue").ingest(folder / "out")
    assert table(traces, "follows").to_pylist() == [{"user_id": "2", "follows_id": "1", "count": 4}]


def test_tags_are_committees_and_terms(folder: Path) -> None:
    profiles = table(Legislature(folder).ingest(folder / "out"), "profiles")
    assert profiles["tags"].to_pylist() == [
        ["經濟委員會", "term 4", "term 5"],
        ["term 5"],
        ["term 4"],
    ]
    assert profiles["terms"].to_pylist() == [[4, 5], [5], [4]]
    assert profiles["party"].to_pylist() == ["KMT", "DPP", None]


def test_the_longer_name_goes_first() -> None:
    # Without "中國" left over from 中國國民黨.
    texts, count = without_parties(pl.Series(["中國國民黨與中國", "台聯黨、台聯"]))
    assert texts.to_list() == ["與中國", "、"]
    assert count == 3


def test_halves_that_meet_are_taken_out_too() -> None:
    # 新(新黨)黨 becomes 新黨, which goes as well.
    texts, count = without_parties(pl.Series(["甲新新黨黨乙"]))
    assert (texts.to_list(), count) == (["甲乙"], 2)


@given(st.lists(st.sampled_from([*PARTY_NAMES, "國", "親", "民", "新", "黨", "、", "a"])))
def test_nothing_is_left_whatever_the_text(parts: list[str]) -> None:
    text = without_parties(pl.Series(["".join(parts)]))[0].item()
    assert not any(name in text for name in PARTY_NAMES)


def test_a_text_without_parties_stays_as_it_is() -> None:
    texts = pl.Series(["本席請教部長", "", "執政黨"])
    assert without_parties(texts)[0].equals(texts)


def test_other_edges_are_refused() -> None:
    with pytest.raises(UsageError, match="edges must be one of votes, dialogue, got 'speeches'"):
        Legislature(edges="speeches")  # type: ignore[arg-type]
