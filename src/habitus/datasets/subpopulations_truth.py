"""The best possible scores on sub-populations: of masked remedies, and of offers.

What decides an offer is the number ``n`` of needs whose remedy by the map speaks for it. Who knows
the maps reads ``n`` from needs and group. Who does not has, from each remedy that was taken, a
probability that the map's speaks for the offer; ``n`` is then a sum of independent 0s and 1s, whose
distribution is found event by event.

Shapes: U users, T events of a user, R remedies, K offers.
"""

from __future__ import annotations

import numpy as np

from habitus.datasets.population import Floats
from habitus.datasets.subpopulations import (
    Histories,
    SubpopulationsConfig,
    make_maps,
    probability_of_answer,
)


def best_accuracy(config: SubpopulationsConfig) -> float:
    """Return how often the best predictor of a remedy from need and group is right.

    The map's remedy comes up by the map, or by chance: ``follow + (1 - follow) / R``.
    """
    return config.follow + (1 - config.follow) / config.num_remedies


def best_loss(config: SubpopulationsConfig) -> float:
    """Return the mean negative log probability of that predictor, nats."""
    own = best_accuracy(config)
    other = (1 - config.follow) / config.num_remedies
    rest = (config.num_remedies - 1) * other
    return float(-(own * np.log(own) + (rest * np.log(other) if rest else 0.0)))


def probability_by_maps(histories: Histories) -> Floats:
    """Return the probability that each user takes each offer, ``(U, K)``, to who knows the maps.

    It is the one that answers are drawn by: no predictor is better on average.
    """
    return histories.chance_UK


def probability_by_counts(config: SubpopulationsConfig, histories: Histories) -> Floats:
    """Return the same to who knows no map and takes remedies as they come, ``(U, K)``.

    The map's remedy speaks for an offer with probability ``follow + (1 - follow) / 2`` where the
    one that was taken does. It is what adding up remedies comes to, and no bound: it leaves out
    that needs of a group all differ.
    """
    per_offer = []
    for favours_R in make_maps(config).favours_KR:
        same = config.follow + (1 - config.follow) / 2
        for_UT = np.where(favours_R[histories.remedy_UT], same, 1 - same)
        per_offer.append(_expected_answer(config, for_UT))
    return np.stack(per_offer, axis=1)


def _expected_answer(config: SubpopulationsConfig, for_UT: Floats) -> Floats:
    """Return the mean probability of yes over the number of needs for an offer, ``(U)``."""
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
