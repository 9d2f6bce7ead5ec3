"""Questions about who rates films of MovieLens-1M again.

Most users rate in the days after they join and never again; 156 in 1,000 of those who had joined by
2000-12-01 do so in the 90 days after it. The day lies where most have joined and the months after
it still hold ratings.
"""

from __future__ import annotations

from typing import Any

from habitus.data.split import Cutoffs
from habitus.tasks import task_from_config
from habitus.tasks.dated import DatedTask

FIRST_CUTOFF, TEST_CUTOFF, DAYS = "2000-06-01", "2000-12-01", 90
GENRES = ("Action", "Comedy", "Drama", "Horror")
"""First genres of films."""


def movielens_1m_tasks() -> list[DatedTask]:
    """Return five tasks: who stays away, and who rates films of one of four genres."""
    return [_dated(entry) for entry in [_inactive(), *_genres()]]


def _inactive() -> dict[str, Any]:
    return {
        "kind": "inactive",
        "name": "inactive",
        "question": f"Will the user rate nothing in the next {DAYS} days?",
        "horizon_days": DAYS,
    }


def _genres() -> list[dict[str, Any]]:
    return [
        {
            "kind": "has",
            "name": genre.lower(),
            "question": f"Will the user rate a film of genre {genre} in the next {DAYS} days?",
            "horizon_days": DAYS,
            "channel": "genre",
            "values": (genre,),
        }
        for genre in GENRES
    ]


def _dated(entry: dict[str, Any]) -> DatedTask:
    cutoffs = Cutoffs(first=FIRST_CUTOFF, test=TEST_CUTOFF, horizon_days=DAYS)
    return DatedTask(task=task_from_config(entry), cutoffs=cutoffs)
