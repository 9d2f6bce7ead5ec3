"""The questions of the paper and of the sets with posts."""

from collections import Counter
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from habitus.data.columns import ChannelKind
from habitus.data.snapshot import Snapshot
from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.datasets.base import Dataset
from habitus.datasets.debate_forum import TAGS_BEFORE, TOPICS, DebateForum, DebateForumInOrder
from habitus.datasets.legislature import Legislature
from habitus.datasets.population import SyntheticConfig
from habitus.datasets.synthetic import WITH_POSTS, make_traces
from habitus.datasets.traits import TRAITS
from habitus.datasets.truth import Truth
from habitus.tasks import class_task_from_config
from habitus.tasks.classes import ClassTask
from habitus.tasks.pasum import (
    FORUMS,
    STANCE_TOPICS,
    class_keywords,
    debate_forum_tasks,
    legislature_tasks,
    pasum_tasks,
)
from habitus.testing.hand_made import write_traces

EVERY = [
    *pasum_tasks(),
    *debate_forum_tasks(),
    *debate_forum_tasks(in_order=True),
    *legislature_tasks(),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Traces, Truth]:
    config = SyntheticConfig.from_dict({**WITH_POSTS.to_dict(), "num_users": 1_200})
    return make_traces(config, tmp_path_factory.mktemp("world") / "traces")


def counts(task: ClassTask, traces: Traces) -> dict[str, int]:
    """Return how many users are in each class."""
    users_B, class_B = task.answers(traces)
    assert (np.diff(users_B) > 0).all()
    return dict(Counter(task.config.classes[c] for c in class_B))


def named(tasks: list[ClassTask]) -> dict[str, ClassTask]:
    found = {task.name: task for task in tasks}
    assert len(found) == len(tasks)
    return found


def test_the_paper_asks_six_questions_of_so_many_classes() -> None:
    # Table 1.
    assert {name: len(task.config.classes) for name, task in named(pasum_tasks()).items()} == {
        "gender": 2,
        "age": 3,
        "education": 4,
        "occupation": 5,
        "depression": 2,
        "super_topic": 4,
    }


def test_who_people_are_and_what_they_believe_is_sensitive() -> None:
    assert [task.name for task in EVERY if not task.config.sensitive] == [
        "super_topic",
        "still_writes",
        "main_forum_unread",
        "main_forum_later",
        "main_forum_unread",
        "party_of_two",
        "party_of_three",
        "region",
    ]


@pytest.mark.parametrize("task", EVERY, ids=lambda task: task.name)
def test_a_task_survives_a_round_trip_through_a_file(task: ClassTask) -> None:
    again = class_task_from_config(task.to_dict())
    assert again.config == task.config
    assert type(again) is type(task)


@pytest.mark.parametrize("task", pasum_tasks(), ids=lambda task: task.name)
def test_classes_stand_in_the_order_of_the_truth(
    task: ClassTask, world: tuple[Traces, Truth]
) -> None:
    traces, truth = world
    users_B, class_B = task.answers(traces)
    # A fifth of 1,200 users states nothing, give or take 4 × √(1,200 × .2 × .8) = 55.
    assert abs(len(users_B) - 960) < 55
    assert set(class_B) == set(range(len(task.config.classes)))
    attribute = "birth_year" if task.name == "age" else task.name
    assert attribute in TRAITS
    guess_B = truth.trait_probability(attribute).argmax(axis=1)[users_B]
    # Standard error of an accuracy over 960 users is at most .016.
    assert (guess_B == class_B).mean() == pytest.approx(truth.bayes_accuracy(attribute), abs=0.06)


@pytest.mark.parametrize("attribute", ["occupation", "education"])
def test_a_keyword_puts_a_user_into_its_class_and_no_other(attribute: str, tmp_path: Path) -> None:
    keywords = class_keywords(attribute)
    stated = [(name, word) for name, words in keywords.items() for word in words]
    profiles = {
        "user_id": [f"u{n:02d}" for n in range(len(stated))],
        attribute: [f"… {word} …" for _, word in stated],
    }
    events = {user: [{"time": 0}] for user in profiles["user_id"]}
    traces = write_traces(tmp_path / "traces", events, {}, tables={"profiles": profiles})
    task = named(pasum_tasks())[attribute]
    users_B, class_B = task.answers(traces)
    assert users_B.tolist() == list(range(len(stated)))
    assert [task.config.classes[c] for c in class_B] == [name for name, _ in stated]


def test_keywords_begin_as_the_paper_prints_them() -> None:
    occupation, education = class_keywords("occupation"), class_keywords("education")
    assert {"Hospital", "Civil Servant", "PLA", "公务员"} < set(occupation["Public Management"])
    assert {"Alibaba", "Huawei", "淘宝"} < set(occupation["Technology"])
    assert {"Acting", "Art", "Directing", "设计"} < set(education["Art"])
    assert list(education) == [
        "Literature and History",
        "Science and Engineering",
        "Economics and Management",
        "Art",
    ]


@pytest.mark.parametrize("attribute", ["occupation", "education"])
def test_no_keyword_holds_one_of_another_class(attribute: str) -> None:
    for (_, ours), (_, theirs) in permutations(class_keywords(attribute).items(), 2):
        assert [(o, t) for o in ours for t in theirs if o.casefold() in t.casefold()] == []


def test_a_stance_is_pro_above_zero(tmp_path: Path) -> None:
    traces = write_traces(
        tmp_path / "traces",
        {user: [{"time": 1}] for user in "abc"},
        {},
        tables={
            "labels": {
                "task": ["stance: gun control", "stance: gun control", "stance: evolution"],
                "user_id": ["a", "b", "c"],
                "time": [1, 1, 1],
                "value": [-1.0, 1.0, 1.0],
            }
        },
    )
    users_B, class_B = named(debate_forum_tasks())["stance_gun_control"].answers(traces)
    assert (users_B.tolist(), class_B.tolist()) == ([0, 1], [0, 1])


def test_the_later_forum_is_that_of_the_last_twenty_posts(tmp_path: Path) -> None:
    def posts(*forums: str) -> list[Mapping[str, object]]:
        return [{"time": n, "forum": forum} for n, forum in enumerate(forums)]

    gone, fun = ["Religion"] * 30, ["Fun"] * 16
    events = {
        # 11 of the last 20 on abortion; before that, religion.
        "a": posts(*gone, *["Abortion"] * 11, *["Gun Control"] * 9),
        # Four of the last 20 are in one of the six forums: too few.
        "b": posts(*gone, *fun, *["Abortion"] * 4),
        "c": posts(*gone, *fun[1:], *["Politics"] * 5),
    }
    channels: dict[str, ChannelKind] = {"forum": "category"}
    traces = write_traces(tmp_path / "traces", events, channels, time_unit="order")
    task = named(debate_forum_tasks(in_order=True))["main_forum_later"]
    users_B, class_B = task.answers(traces)
    assert users_B.tolist() == [0, 2]
    assert [task.config.classes[c] for c in class_B] == ["abortion", "politics"]


def test_still_writing_means_a_post_in_the_year_after(tmp_path: Path) -> None:
    before, after = 13_300 * DAY, 13_400 * DAY  # 2006-06-01 and 2006-09-09
    end = 15_000 * DAY
    traces = write_traces(
        tmp_path / "traces",
        {
            "a": [{"time": before}, {"time": after}],
            "b": [{"time": before}, {"time": end}],
            "c": [{"time": after}],
            "d": [{"time": before}],
        },
        {},
    )
    users_B, class_B = named(debate_forum_tasks())["still_writes"].answers(traces)
    # c wrote nothing before, so is not asked; b writes again, but years later.
    assert (users_B.tolist(), class_B.tolist()) == ([0, 1, 3], [1, 0, 0])


def test_topics_and_forums_are_those_of_the_debates() -> None:
    assert set(STANCE_TOPICS) < set(TOPICS)
    assert len(FORUMS) == 6


def real(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Traces:
    if (missing := dataset.missing()) is not None:
        pytest.skip(missing)
    return dataset.ingest(tmp_path_factory.mktemp("real") / "traces")


def test_the_debates_are_as_described(tmp_path_factory: pytest.TempPathFactory) -> None:
    traces = real(DebateForum(), tmp_path_factory)
    tasks = named(debate_forum_tasks())
    assert counts(tasks["still_writes"], traces) == {"no": 1_754, "yes": 139}
    # By the half of the discussions that reading posts means, too (PostsConfig.part_by).
    assert sum(counts(tasks["main_forum_unread"], traces).values()) == 822
    assert counts(tasks["stance_abortion"], traces) == {"pro": 200, "anti": 159}
    for topic in STANCE_TOPICS:
        assert sum(counts(tasks[f"stance_{topic.replace(' ', '_')}"], traces).values()) >= 250
    by_date = {**tasks["main_forum_unread"].to_dict(), "part": "all", "as_of": TAGS_BEFORE}
    users_B, _ = class_task_from_config(by_date).answers(traces)
    # Too few, as the docstring says.
    assert (Snapshot(traces, TAGS_BEFORE).lengths_U[users_B] >= 5).sum() == 87
    share = np.isin(
        traces.column("forum"), traces.codes_of("forum", [v for vs in FORUMS.values() for v in vs])
    )
    assert share.mean() == pytest.approx(2 / 3, abs=0.01)


def test_the_debates_in_order_are_as_described(tmp_path_factory: pytest.TempPathFactory) -> None:
    traces = real(DebateForumInOrder(), tmp_path_factory)
    users_B, class_B = named(debate_forum_tasks(in_order=True))["main_forum_later"].answers(traces)
    read_B = np.diff(traces.offsets_U1)[users_B] - 20
    # 606 with five posts to read, as the dataset says
    assert (len(users_B), (read_B >= 1).sum(), (read_B >= 5).sum()) == (964, 646, 606)
    assert set(class_B) == set(range(6))


def test_the_legislature_is_as_described(tmp_path_factory: pytest.TempPathFactory) -> None:
    traces = real(Legislature(), tmp_path_factory)
    tasks = named(legislature_tasks())
    assert counts(tasks["party_of_two"], traces) == {"KMT": 214, "DPP": 166}
    assert counts(tasks["party_of_three"], traces) == {"KMT": 214, "DPP": 166, "PFP": 42}
    assert counts(tasks["region"], traces) == {"north": 136, "central": 87, "south": 98}
    assert counts(tasks["gender"], traces) == {"female": 42, "male": 81}
