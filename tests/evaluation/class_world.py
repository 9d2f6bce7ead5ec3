"""Class tasks about the people of the small world, and methods that answer them."""

from typing import Any

import numpy as np

from habitus.data.traces import Traces
from habitus.evaluation.class_asked import AskedClasses, ask_classes
from habitus.evaluation.class_plan import ClassPlan
from habitus.evaluation.class_predictions import ClassTrials
from habitus.evaluation.comparing import Resampling
from habitus.evaluation.features import Group, Method
from habitus.evaluation.vectors import FeatureStore
from habitus.tasks import class_task_from_config
from habitus.tasks.classes import ClassAsked, ClassTask
from tests.evaluation.world import SPLIT, TEST, Shares, method

CLASSES = ["a0", "a1", "a2"]
HOW = Resampling(num_resamples=300, num_resamples_beside=100)
TRIALS = ClassTrials(seeds=(0, 1), split_seeds=(1, 2))


def task(kind: str, **entry: Any) -> ClassTask:
    values = {"kind": kind, "name": kind, "question": "Which?", "classes": CLASSES}
    return class_task_from_config({**values, **entry})


def taste(**entry: Any) -> ClassTask:
    """Everybody's planted aisle, which the profile tells."""
    return task(
        "profile_class", attribute="taste", **{"name": "taste", "sensitive": False, **entry}
    )


def later(**entry: Any) -> ClassTask:
    """The main aisle from June on."""
    values = {"name": "later", "as_of": TEST, **entry}
    return task("main_value", channel="aisle", **values)


def other_half(**entry: Any) -> ClassTask:
    """The main aisle of the half of the events that may not be read."""
    return task("main_value", channel="aisle", part="first", **{"name": "half", **entry})


def asked_of(traces: Traces, one: ClassTask, least: int = 5) -> AskedClasses:
    return ask_classes(one, traces, traces, SPLIT, min_per_class=least)


def store_for(asked: AskedClasses) -> FeatureStore:
    return FeatureStore(asked.seen, {asked.as_of: asked.users}, None)


class Knows:
    """Answers itself: the right class with a share, of its users alone; it remembers its calls."""

    def __init__(self, share: float = 0.8) -> None:
        self.share, self.calls = share, list[ClassAsked]()

    def classify(self, asked: ClassAsked, seed: int) -> np.ndarray:
        self.calls.append(asked)
        random = np.random.default_rng(seed)
        truth_B = np.array([int(user) % 3 for user in asked.test.user_ids.to_pylist()])
        knows_B = random.random(len(truth_B)) < self.share
        said_B = np.where(knows_B, truth_B, random.integers(3, size=len(truth_B)))
        return 0.9 * np.eye(3)[said_B] + 0.1 / 3


def knower(share: float = 0.8, name: str = "knows", group: Group = "comparison") -> Method:
    return Method(
        name=name,
        label=name,
        group=group,
        description="x",
        fingerprint=f"{name} {share}",
        classifies=Knows(share),
    )


def plan_of(traces: Traces, **changes: Any) -> ClassPlan:
    values: dict[str, Any] = {
        "traces": traces,
        "tasks": [taste(), later()],
        "methods": [knower(), method("ours", made=Shares())],
        "protocol": "strict-inductive",
        "split": SPLIT,
        "trials": TRIALS,
        "resampling": HOW,
        "reference": "knows",
        "min_per_class": 3,
    }
    return ClassPlan(**{**values, **changes})
