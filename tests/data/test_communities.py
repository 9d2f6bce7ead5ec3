"""Tags become domains: by keyword, or each as it is; and no tags are no error."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from habitus.data.communities import Communities, CommunitiesConfig
from habitus.data.snapshot import Snapshot
from habitus.errors import UsageError
from tests.data.social import communities_of, social_traces

USERS = ("ann", "bob", "cat", "dan")


def read(
    path: Path, profiles: dict[str, Any] | None, users: Any = None, **changes: Any
) -> Communities:
    traces = social_traces(path / "traces", USERS, profiles=profiles)
    return Communities.from_snapshot(Snapshot(traces, None, users), CommunitiesConfig(**changes))


def domains(c: Communities) -> list[list[str]]:
    """Return the names of the domains of each user."""
    return [
        [c.names[d] for d in c.domain_N[c.ptr_U1[u] : c.ptr_U1[u + 1]]] for u in range(c.num_users)
    ]


def test_any_tag_that_contains_any_keyword_is_enough(tmp_path: Path) -> None:
    tags = [["NBA fan", "basketball", "Foodie"], ["我爱旅游", "quiet"], ["quiet"], []]
    communities = read(tmp_path, {"user_id": USERS, "tags": tags})
    assert domains(communities) == [["sports", "life"], ["life"], [], []]
    assert communities.num_tagged == 3  # dan has none


@pytest.mark.parametrize("separators", ["|", "|,;"])
def test_tags_in_one_string_are_taken_apart(tmp_path: Path, separators: str) -> None:
    text = ["NBA | travel", "travel;NBA", "", None]
    c = read(tmp_path, {"user_id": USERS, "tags": text}, rule="tags", separators=separators)
    second = ["nba", "travel"] if ";" in separators else ["travel;nba"]
    assert domains(c) == [["nba", "travel"], second, [], []]


def test_strings_and_lists_are_the_same(tmp_path: Path) -> None:
    listed = read(tmp_path / "a", {"user_id": USERS, "tags": [["NBA", "Actor"], ["90s"], [], None]})
    text = read(tmp_path / "b", {"user_id": USERS, "tags": ["NBA|Actor", "90s", "", None]})
    assert domains(listed) == domains(text) == [["sports", "entertainment"], ["age"], [], []]


def test_each_tag_can_be_a_domain_of_its_own(tmp_path: Path) -> None:
    tags = [["Gun Control", "evolution"], ["EVOLUTION", "Evolution "], ["abortion"], [""]]
    communities = read(tmp_path, {"user_id": USERS, "tags": tags}, rule="tags")
    assert communities.names == ("abortion", "evolution", "gun control")
    assert domains(communities) == [["evolution", "gun control"], ["evolution"], ["abortion"], []]


def test_users_are_those_of_the_snapshot_in_its_order(tmp_path: Path) -> None:
    # The table need not be in the order of users, nor know all of them.
    profiles = {"user_id": ["dan", "ann", "eve"], "tags": [["x"], ["y"], ["z"]]}
    communities = read(tmp_path, profiles, np.array([3, 1, 0]), rule="tags")
    assert domains(communities) == [["x"], [], ["y"]]
    assert communities.names == ("x", "y")


@pytest.mark.parametrize(
    "profiles",
    [
        None,
        {"user_id": list(USERS)},
        {"user_id": list(USERS), "tags": pa.array([None] * 4, pa.string())},
        {"user_id": list(USERS), "tags": pa.array([None] * 4, pa.list_(pa.string()))},
        {"user_id": pa.array([], pa.string()), "tags": pa.array([], pa.string())},
    ],
)
@pytest.mark.parametrize("rule", ["keywords", "tags"])
def test_no_tags_are_no_domains(tmp_path: Path, profiles: Any, rule: str) -> None:
    communities = read(tmp_path, profiles, rule=rule)
    assert domains(communities) == [[], [], [], []]
    assert communities.num_tagged == 0
    assert communities.num_domains == (6 if rule == "keywords" else 0)
    assert communities.member_ptr_C1.tolist() == [0] * (communities.num_domains + 1)


def test_numbers_are_tags_too(tmp_path: Path) -> None:
    profiles = {"user_id": USERS, "tags": [[7], [7, 8], [], None]}
    assert domains(read(tmp_path, profiles, rule="tags")) == [["7"], ["7", "8"], [], []]


def test_a_domain_can_be_left_out(tmp_path: Path) -> None:
    profiles = {"user_id": USERS, "tags": ["90s|NBA", "90s", "", ""]}
    communities = read(tmp_path, profiles, leave_out=("Age",))
    assert domains(communities) == [["sports"], [], [], []]
    with pytest.raises(UsageError, match="no domain 'ages' to leave out; did you mean 'age'"):
        read(tmp_path / "again", profiles, leave_out=("ages",))


def test_a_file_of_keywords(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("domains: {trees: {en: [Oak]}}")
    profiles = {"user_id": USERS, "tags": ["oak tree|NBA", "", "", ""]}
    communities = read(tmp_path, profiles, file=file, shipped=False)
    assert domains(communities) == [["trees"], [], [], []]


def test_members_are_the_users_of_each_domain() -> None:
    communities = communities_of([[0, 2], [2], [], [0]])
    assert communities.member_ptr_C1.tolist() == [0, 2, 2, 4]
    assert communities.member_N.tolist() == [0, 3, 0, 1]
    part = communities.only(np.array([1, 3]))
    assert domains(part) == [[], ["c"], [], ["a"]]
    assert part.member_N.tolist() == [3, 1]
    assert part.names == communities.names


def test_config_survives_a_round_trip() -> None:
    config = CommunitiesConfig(rule="tags", file=Path("x.yaml"), leave_out=("age",))
    assert CommunitiesConfig.from_dict(config.to_dict()) == config
