"""Groups by an attribute of the profile."""

from pathlib import Path
from typing import Any

import polars as pl

from habitus.data.ingest import ingest
from habitus.data.mapping import TracesMapping
from habitus.data.traces import Traces
from habitus.tasks.profile_class import ProfileClass, ProfileClassConfig
from habitus.testing.class_tasks import ClassTaskContract
from tests.tasks.writers import answers, six_people


def test_keywords_in_an_attribute(tmp_path: Path) -> None:
    rule = {"keywords": {"art": ["bank"], "law": ["army"]}}
    found = answers(six_people(tmp_path / "t"), kind="profile_class", attribute="work", **rule)
    # bob matches both, ann none, eve has no work and dan no profile
    assert found == {"fay": "art", "cid": "law"}


def test_years_of_birth_by_edges(tmp_path: Path) -> None:
    found = answers(
        six_people(tmp_path / "t"), kind="profile_class", attribute="born", edges=[1980.0]
    )
    assert found == {"fay": "art", "bob": "art", "cid": "law", "ann": "law"}


def test_tags_are_a_list(tmp_path: Path) -> None:
    rule = {"keywords": {"art": ["NBA"], "law": ["food"]}}
    found = answers(six_people(tmp_path / "t"), kind="profile_class", attribute="tags", **rule)
    assert found == {"fay": "art", "ann": "law"}


def test_a_user_of_several_tags_is_of_the_class_that_one_of_them_names(tmp_path: Path) -> None:
    tags = [" games | NBA", "sports", "games|sports", "games", None, "game"]
    ids = list("abcdef")
    ingest(
        {
            "events": pl.DataFrame({"user_id": ids, "time": [1] * 6}),
            "profiles": pl.DataFrame({"user_id": ids, "tags": tags, "other": tags}),
        },
        TracesMapping(),
        tmp_path / "t",
    )
    traces = Traces(tmp_path / "t")
    entry: dict[str, Any] = {"kind": "profile_class", "classes": ["games", "sports"]}
    # a and d games, b sports; c is of both, e of none, and "game" is another tag.
    assert answers(traces, attribute="tags", **entry) == {"a": "games", "d": "games", "b": "sports"}
    # Another column is one value, whatever stands in it.
    assert answers(traces, attribute="other", **entry) == {"d": "games", "b": "sports"}


def test_profiles_are_sensitive_unless_said_otherwise() -> None:
    values = {"name": "t", "question": "?", "classes": ["a", "b"], "attribute": "work"}
    assert ProfileClassConfig.from_dict(values).sensitive
    assert not ProfileClassConfig.from_dict({**values, "sensitive": False}).sensitive


class TestProfileClass(ClassTaskContract):
    task = ProfileClass
    config = ProfileClassConfig(
        name="t", question="Which?", classes=("old", "young"), attribute="born", edges=(1980.0,)
    )

    def make_traces(self, path: Path) -> Traces:
        return six_people(path)
