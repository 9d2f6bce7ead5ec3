"""What an evaluation of class tasks is to do: tasks, methods, splits, seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

from habitus.comparisons.majority import Majority
from habitus.comparisons.random_guess import RandomGuess
from habitus.data.split import UserSplit
from habitus.data.traces import Traces
from habitus.errors import GuardError, UsageError
from habitus.evaluation.asked import guard_sensitive
from habitus.evaluation.class_asked import CLASS_SPLIT, AskedClasses, Protocol, ask_classes
from habitus.evaluation.class_predictions import ClassTrials
from habitus.evaluation.comparing import Resampling
from habitus.evaluation.features import Method, comparison_method
from habitus.evaluation.halved import Halves
from habitus.evaluation.harness import Progress, check_names
from habitus.tasks.classes import ClassTask

RANDOM_SPLIT: Final = "random split"
"""How a note begins that says why a task is not asked under some of them."""


@dataclass(frozen=True, kw_only=True)
class ClassPlan:
    """What to evaluate, and how."""

    traces: Traces
    tasks: Sequence[ClassTask]
    methods: Sequence[Method]
    """In the order of the table's rows; majority and a random guess always stand before them."""
    protocol: Protocol
    """What pre-training saw of the test users (:func:`habitus.evaluation.class_asked.protocol_of`).
    """
    split: UserSplit = CLASS_SPLIT
    trials: ClassTrials = field(default_factory=ClassTrials)
    resampling: Resampling = field(default_factory=Resampling)
    reference: str = "aggregates"
    """The method that the summary measures every other one against."""
    min_per_class: int = 5
    """Users of each class who train, and who test, below which a task is left out with a note."""
    allow_sensitive: bool = False
    threads: int = 2
    cache: Path | None = None
    """Where vectors and predictions are kept, so that an interrupted evaluation goes on."""
    progress: Progress | None = None

    def folder(self, name: str) -> Path | None:
        """Return where one sort of thing is kept."""
        return None if self.cache is None else self.cache / name

    def checked(self) -> ClassPlan:
        """Return the plan with the rows that are always there (B-1).

        Raises:
            GuardError: a sensitive task that nobody allowed.
            UsageError: nothing to do, a name that stands twice, or a method that cannot answer.
        """
        guard_sensitive(self.tasks, allowed=self.allow_sensitive)
        check_names(self.methods, [task.name for task in self.tasks])
        if not self.trials.seeds:
            raise UsageError("an evaluation needs at least one probe seed")
        if self.split.seed in self.trials.split_seeds:
            raise UsageError(
                f"split seed {self.split.seed} is that of the fixed split; the random ones need "
                f"others, got {list(self.trials.split_seeds)}"
            )
        for method in self.methods:
            if not answers_itself(method) and not method.at(0).sources():
                raise UsageError(
                    f"method {method.name!r} answers yes-or-no tasks only: leave it out here"
                )
        controls = control_rows()
        kinds = tuple(type(method.classifies) for method in controls)
        # a caller's own majority, of the yes-or-no harness, speaks of the share of yes
        others = [m for m in self.methods if not isinstance(m.classifies, kinds)]
        return replace(self, methods=[*controls, *others])


def answers_itself(method: Method) -> bool:
    """Return whether no probe is needed."""
    return method.at(0).classifies is not None


def control_rows() -> list[Method]:
    """Return majority and a random guess."""
    commonest = "The commonest class of the training users, for everybody."
    evenly = "Each class is equally likely, whoever is asked."
    return [
        comparison_method(Majority(), "control", commonest, "labels only"),
        comparison_method(RandomGuess(), "control", evenly, "labels only"),
    ]


class Asked(NamedTuple):
    """Every task under the fixed split, and under each random one that it can be asked under."""

    tasks: list[AskedClasses]
    splits: dict[tuple[str, int], AskedClasses]
    """(task, seed of the split) → the task; the fixed split is among them."""
    notes: list[str]


def ask_all_classes(plan: ClassPlan, halves: Halves) -> Asked:
    """Return the tasks that can tell methods apart, and a note for each that cannot.

    Raises:
        GuardError: no task is left.
    """
    asked = Asked([], {}, [])
    for task in plan.tasks:
        seen, missed = halves.of(task.config), dict[int, str]()
        for seed in (plan.split.seed, *plan.trials.split_seeds):
            split = replace(plan.split, seed=seed)
            try:
                found = ask_classes(
                    task, plan.traces, seen, split, min_per_class=plan.min_per_class
                )
            except GuardError as error:
                if seed == plan.split.seed:
                    asked.notes.append(str(error))
                    break
                missed[seed] = str(error)
                continue
            asked.splits[task.name, seed] = found
            asked.tasks.extend([found] if seed == plan.split.seed else [])
        asked.notes.extend([_of_splits(missed)] if missed else [])
    if not asked.tasks:
        raise GuardError("no task is left to evaluate: " + "; ".join(asked.notes))
    return asked


def _of_splits(missed: dict[int, str]) -> str:
    """Say once why a task is not asked under some random splits."""
    first, *others = missed
    if not others:
        return f"{RANDOM_SPLIT} {first}: {missed[first]}"
    return f"{RANDOM_SPLIT}s {', '.join(map(str, missed))}: under the first, {missed[first]}"
