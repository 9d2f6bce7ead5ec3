import zipfile
from pathlib import Path

import pytest

from habitus.data.traces import Traces
from habitus.datasets import movielens_1m
from habitus.datasets.movielens_1m import ARCHIVE, MEMBER, MovieLens1M
from habitus.datasets.tables import file_digest
from habitus.errors import DataError
from habitus.testing.datasets import DatasetContract


class TestMovieLens1M(DatasetContract):
    """The real one, where it was fetched before: tests fetch nothing."""

    @classmethod
    def make_dataset(cls) -> MovieLens1M:
        return MovieLens1M()

    def test_it_is_as_large_as_it_says(self, traces: Traces) -> None:
        assert (traces.num_users, traces.num_events) == (6_040, 1_000_209)
        assert len(traces.dictionary("item_id")) == 3_706
        assert len(traces.dictionary("genre")) == 18


TABLES = {
    "inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    '1m_2\tToys "R" Us (1995)\t5\t978300760\n'
    "1m_1\tHeat (1995)\t3\t978302109\n",
    "item": "item_id:token\tmovie_title:token\trelease_year:float\tgenre:token\n"
    'Toys "R" Us (1995)\tToys "R" Us\t1995\tAnimation Comedy\n'
    "Heat (1995)\tHeat\t1995\tAction\n",
    "user": "user_id:token\tage:float\tgender:token\toccupation:float\tzip_code:token\n"
    "1m_1\t1\tF\t10\t48067\n"
    "1m_2\t56\tM\t16\t70072\n",
}


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MovieLens1M:
    """Return a twin of two ratings."""
    archive = tmp_path / ARCHIVE
    with zipfile.ZipFile(archive, "w") as wheel:
        for kind, text in TABLES.items():
            wheel.writestr(MEMBER + kind, text)
    monkeypatch.setattr(movielens_1m, "DIGEST", file_digest(archive))
    return MovieLens1M(archive)


def test_ratings_films_and_people_are_read(small: MovieLens1M, tmp_path: Path) -> None:
    traces = small.ingest(tmp_path / "out")
    assert traces.user_ids.to_pylist() == ["1m_1", "1m_2"]
    assert traces.time_L.tolist() == [978302109, 978300760]
    assert traces.column("rating").tolist() == [3.0, 5.0]
    films = [None, *traces.dictionary("item_id").to_pylist()]
    assert [films[c] for c in traces.column("item_id")] == ["Heat (1995)", 'Toys "R" Us (1995)']
    genres = [None, *traces.dictionary("genre").to_pylist()]
    assert [genres[c] for c in traces.column("genre")] == ["Action", "Animation"]


def test_people_have_names_for_their_numbers_and_no_zip_code(
    small: MovieLens1M, tmp_path: Path
) -> None:
    profiles = small.ingest(tmp_path / "out").table("profiles")
    assert profiles is not None
    assert profiles.to_pylist() == [
        {
            "user_id": "1m_1",
            "gender": "F",
            "age": "under 18",
            "occupation": "student before college",
        },
        {"user_id": "1m_2", "gender": "M", "age": "56+", "occupation": "self-employed"},
    ]
    everything = b"".join(f.read_bytes() for f in (tmp_path / "out").rglob("*") if f.is_file())
    assert b"48067" not in everything


def test_an_archive_of_another_release_is_refused(small: MovieLens1M, tmp_path: Path) -> None:
    with small.archive.open("ab") as file:
        file.write(b"!")
    with pytest.raises(DataError, match="is not the release"):
        small.ingest(tmp_path / "out")


def test_a_damaged_archive_is_told(small: MovieLens1M) -> None:
    small.archive.write_bytes(b"PK cut off")
    with pytest.raises(DataError, match="cannot be read"):
        small.tables()


def test_where_it_was_not_fetched_it_says_how(tmp_path: Path) -> None:
    assert "habitus get movielens_1m" in (MovieLens1M(tmp_path / "none.whl").missing() or "")
