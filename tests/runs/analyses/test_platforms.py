"""Two platforms of one set: the same users, each with a part of the events."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.platforms import PLATFORMS, platforms_of
from habitus.runs.demo_pasum import POSTS

PlanOf = Callable[..., AnalysisPlan]


def per_user(traces: Traces, value: str) -> np.ndarray:
    """Return how many events of a service each user has, in a plain loop."""
    names = [None, *traces.dictionary("service").to_pylist()]
    said_L = [names[code] for code in traces.column("service")]
    ends = zip(traces.offsets_U1[:-1], traces.offsets_U1[1:], strict=True)
    return np.array([said_L[a:b].count(value) for a, b in ends])


def test_each_platform_has_its_events_of_the_users_on_both(plan_of: PlanOf, world: Traces) -> None:
    platforms, home, away = platforms_of(plan_of())
    one, other = per_user(world, platforms.home), per_user(world, platforms.away)
    both = (one > 0) & (other > 0)
    assert 0 < both.sum() < world.num_users
    kept = [i for i, there in zip(world.user_ids.to_pylist(), both, strict=True) if there]
    assert home.user_ids.to_pylist() == away.user_ids.to_pylist() == kept
    assert np.diff(home.offsets_U1).tolist() == one[both].tolist()
    assert np.diff(away.offsets_U1).tolist() == other[both].tolist()
    assert per_user(home, platforms.away).sum() == 0 == per_user(away, platforms.home).sum()


def test_they_are_written_once(plan_of: PlanOf) -> None:
    first, again = (platforms_of(plan_of())[1] for _ in range(2))
    assert first.path == again.path


def test_a_set_of_one_platform_cannot_move(plan_of: PlanOf) -> None:
    with pytest.raises(
        UsageError, match=r"debate_forum is one platform: .* synthetic_posts, legis"
    ):
        platforms_of(plan_of(data="debate_forum", task=None))


def test_platforms_are_of_sets_with_posts() -> None:
    assert set(PLATFORMS) <= set(POSTS)
