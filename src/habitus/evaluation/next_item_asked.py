"""What is asked of whom about next items: user-disjoint parts, a catalogue, and stored negatives.

C19, A-C17. Nobody is in two parts. What is counted, such as popularity, is counted on train users,
and in dated traces before anybody is tested.

Shapes: B users of a part, I items of the catalogue, N negatives a user.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow.compute as pc

from habitus.data.columns import ITEM_ID, USER_ID
from habitus.data.snapshot import Snapshot
from habitus.data.split import Part, UserSplit
from habitus.data.traces import Rows, Traces
from habitus.errors import GuardError
from habitus.evaluation.candidates import Candidates
from habitus.probes.targets import Targets
from habitus.random import numpy_generator
from habitus.tasks.next_item import NextItem, NextItemConfig, Questions, some_users

SPLIT: Final = "split"
"""Attribute of a profile that names the part of a user, where a set has one."""
NUM_NEGATIVES: Final = 100
Parts = Mapping[Part, Rows]


@dataclass(frozen=True)
class AskedItems:
    """One service: its catalogue, and what each part of the users is asked."""

    config: NextItemConfig
    catalogue_I: Rows
    """Codes of the items that can be recommended, ascending."""
    seen: Snapshot
    """What may be counted: all that train users did before anybody is tested."""
    train: tuple[Questions, ...]
    """Of train users, further targets of theirs after the first."""
    valid: Questions
    test: Questions

    @property
    def name(self) -> str:
        """What tables call the question."""
        return self.config.name

    @cached_property
    def valid_targets(self) -> Targets:
        """What validation users are asked, as columns of the catalogue."""
        return self._targets(self.valid)

    @cached_property
    def test_targets(self) -> Targets:
        """What test users are asked, as columns of the catalogue."""
        return self._targets(self.test)

    def column_of(self, codes_B: Rows) -> Rows:
        """Return the columns of items of the catalogue."""
        return np.searchsorted(self.catalogue_I, codes_B)

    def candidates(self, num: int = NUM_NEGATIVES, seed: int = 0) -> Candidates:
        """Return uniform negatives of each test user, the same for every method.

        Neither the target nor an item of the history is among them, and none stands twice. Where
        the catalogue leaves somebody fewer than ``num``, everybody gets as many as that one.

        Raises:
            GuardError: somebody's history and target are the whole catalogue.
        """
        targets = self.test_targets
        least = int(targets.num_candidates_B.min()) - 1
        if least < 1:
            raise GuardError(
                f"{self.name}: a test user has no item left to draw negatives from, of "
                f"{targets.num_items}: ask on a service with more items"
            )
        column_BN = draw_columns(targets, min(num, least), seed)
        traces, history = self.test.history.traces, self.test.history
        return Candidates(
            kind="uniform",
            seed=seed,
            digest=traces.digest,
            users_U=history.users_U,
            targets_U=self.test.target_B,
            items_UN=self.catalogue_I[column_BN],
        )

    def _targets(self, questions: Questions) -> Targets:
        return Targets.of(questions.history, questions.target_B, self.catalogue_I, ITEM_ID)


def parts_of(traces: Traces, split: UserSplit | None = None) -> Parts:
    """Return the users of each part: as the source parts them, else by a hash of their ids.

    The hash is that of runs, so nobody is tested whom a run with the same split was trained on.
    Where the source names further groups, such as people on one service, these are train users:
    nobody is tested on them.
    """
    profiles = traces.table("profiles")
    if profiles is None or SPLIT not in profiles.column_names:
        split = split or UserSplit()
        return {part: split.rows(traces, part) for part in ("train", "valid", "test")}
    rows = traces.rows_of(profiles[USER_ID].to_pylist())
    found: dict[Part, Rows] = {
        part: np.sort(rows[pc.equal(profiles[SPLIT], part).to_numpy()])
        for part in ("valid", "test")
    }
    tested = np.concatenate(list(found.values()))
    return {"train": np.setdiff1d(np.arange(traces.num_users), tested), **found}


def ask_next_item(
    config: NextItemConfig,
    traces: Traces,
    parts: Parts | None = None,
    *,
    rounds: int = 1,
    max_train: int | None = None,
    seed: int = 0,
) -> AskedItems:
    """Return what is asked on one service.

    Args:
        config: which service, and where histories end.
        traces: whose users.
        parts: who is in which; None for :func:`parts_of`.
        rounds: targets of a train user, at most: the one a test user would be asked, and others.
        max_train: train users that are learned from, at most, drawn by chance; None for all. What
            is counted, is counted on all of them.
        seed: of that draw.

    Raises:
        GuardError: a part has nobody who can be asked.
    """
    parts, question = parts or parts_of(traces), NextItem(config, traces)
    first = question.ask(parts["train"], train=True)
    if max_train is not None and len(first.target_B) > max_train:
        chance = numpy_generator(seed, "next_item", "train")
        place_B = np.sort(chance.permutation(len(first.target_B))[:max_train])
        first = first._replace(
            history=some_users(first.history, place_B), target_B=first.target_B[place_B]
        )
    train = [first]
    for back in range(1, rounds):
        try:
            train.append(question.ask(first.history.users_U, back=back, train=True))
        except GuardError:
            break
    return AskedItems(
        config=config,
        catalogue_I=question.catalogue_I,
        seen=Snapshot(traces, config.cutoff, parts["train"]),
        train=tuple(train),
        valid=question.ask(parts["valid"]),
        test=question.ask(parts["test"]),
    )


def draw_columns(targets: Targets, num: int, seed: int) -> Rows:
    """Return ``num`` other candidates of each user, uniform without repeats, sorted, ``(B, N)``."""
    chance = numpy_generator(seed, "next_item", "negatives")
    column_BN = np.empty((targets.num_users, num), np.int64)
    for place_B in targets.blocks():
        key_BI = chance.random((len(place_B), targets.num_items), np.float32)
        user_L, item_L = targets.seen_of(place_B)
        key_BI[user_L, item_L] = 2
        key_BI[np.arange(len(place_B)), targets.target_B[place_B]] = 2
        # The num smallest of uniform keys are a draw without replacement.
        column_BN[place_B] = np.sort(np.argpartition(key_BI, num - 1, axis=1)[:, :num], axis=1)
    return column_BN
