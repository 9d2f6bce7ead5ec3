"""The best possible scores on sub-populations: of masked remedies, and of offers.

What decides an offer is the number ``n`` of remedies that speak for it. Who sees a history sees
some of them and has a probability for each of the others; ``n`` is then a sum of independent 0s and
1s, whose distribution is found exactly, event by event.

Shapes: U users, T events of a user, K offers.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from habitus.datasets.population import Floats
from habitus.datasets.subpopulations import (
    Histories,
    SubpopulationsConfig,
    make_maps,
    probability_of_answer,
    scores,
)

Knows = Literal["everything", "maps", "counts"]
"""``everything``: all remedies, told or not. ``maps``: what is told, and the map of each group: the
best that any predictor of the future can be. ``counts``: what is told, and half a chance for each
of the others: what adding up told remedies comes to, and no bound."""


def best_accuracy(config: SubpopulationsConfig) -> float:
    """Return how often the best predictor of a remedy from need and group is right.

    The map's remedy comes up by the map, or by chance: ``follow + (1 - follow) / V``.
    """
    return config.follow + (1 - config.follow) / config.num_values


def best_loss(config: SubpopulationsConfig) -> float:
    """Return the mean negative log probability of that predictor, nats."""
    own = best_accuracy(config)
    other = (1 - config.follow) / config.num_values
    rest = (config.num_values - 1) * other
    return float(-(own * np.log(own) + (rest * np.log(other) if rest else 0.0)))


def probability_of_yes(
    config: SubpopulationsConfig, histories: Histories, knows: Knows = "maps"
) -> Floats:
    """Return the probability that each user takes each offer, ``(U, K)``, to who knows so much."""
    if knows == "everything":
        return probability_of_answer(config, scores(config, histories.remedy_UT))
    favours_KV = make_maps(config).favours_KV
    per_offer = [
        _expected_answer(config, _for_UT(config, histories, favours_V, knows))
        for favours_V in favours_KV
    ]
    return np.stack(per_offer, axis=1)


def _for_UT(
    config: SubpopulationsConfig, histories: Histories, favours_V: np.ndarray, knows: Knows
) -> Floats:
    """Return the probability that each remedy speaks for an offer, ``(U, T)``."""
    chance = float(favours_V.mean())
    untold_UT = np.full(histories.need_UT.shape, chance)
    if knows == "maps":
        own_UT = make_maps(config).remedy_GV[histories.group_U[:, None], histories.need_UT]
        untold_UT = config.follow * favours_V[own_UT] + (1 - config.follow) * chance
    found_UT: Floats = np.where(histories.told_UT, favours_V[histories.remedy_UT], untold_UT)
    return found_UT


def _expected_answer(config: SubpopulationsConfig, for_UT: Floats) -> Floats:
    """Return the mean probability of yes over the number of remedies for an offer, ``(U)``."""
    num_users, num_events = for_UT.shape
    chance_UN = np.zeros((num_users, num_events + 1))
    chance_UN[:, 0] = 1.0
    for for_U in for_UT.T:
        moved_UN = chance_UN[:, :-1] * for_U[:, None]
        chance_UN *= (1 - for_U)[:, None]
        chance_UN[:, 1:] += moved_UN
    score_N = (2 * np.arange(num_events + 1) - num_events) / np.sqrt(num_events)
    found_U: Floats = chance_UN @ probability_of_answer(config, score_N)
    return found_U
