"""The right answers about synthetic people: what the best possible predictor would say.

The number of events of taste ``k`` in a window is Poisson with a mean that is known, and
``1 - exp(-mean)`` is the probability of at least one.

Shapes: U users, K tastes, I items, C classes.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from habitus.data.split import DAY
from habitus.datasets.population import Catalogue, Floats, Ints, People, SyntheticConfig
from habitus.datasets.traits import trait_probability


@dataclass(frozen=True)
class Truth:
    """The right answers: what is planted, and the probabilities that follow from it.

    Row ``u`` is row ``u`` of the traces. The probabilities know the future of each user (the drift
    and the day they leave), so no honest predictor beats them on average.
    """

    config: SyntheticConfig
    user_ids: pa.StringArray
    people: People
    catalogue: Catalogue

    def take(self, rows: Ints) -> Truth:
        """Return the truth about some users, in the order of ``rows``."""
        ids = self.user_ids.take(pa.array(rows))
        return dataclasses.replace(self, user_ids=ids, people=self.people.take(rows))

    def expected_events(self, cutoff: int, horizon: int) -> Floats:
        """Return the mean number of events of each taste in the window, ``(U, K)``."""
        p, drift = self.people, self.config.drift_time
        stop_U = np.minimum(p.end_U, cutoff + horizon)
        first = max(cutoff, self.config.start_time)
        before_U = np.clip(np.minimum(stop_U, drift) - first, 0, None) / DAY
        after_U = np.clip(stop_U - max(first, drift), 0, None) / DAY
        days_UK = before_U[:, None] * p.taste_UK + after_U[:, None] * p.later_taste_UK
        mean_UK: Floats = p.rate_U[:, None] * days_UK
        return mean_UK

    def probability_active(self, cutoff: int, horizon: int) -> Floats:
        """Return the probability of any event in ``[cutoff, cutoff + horizon)``, ``(U)``."""
        return _at_least_one(self.expected_events(cutoff, horizon).sum(axis=1))

    def probability_of_taste(
        self, taste: int, cutoff: int, horizon: int, *, share: float = 1.0
    ) -> Floats:
        """Return the probability of an event of a taste in the window, ``(U)``.

        Args:
            taste: the taste; its category is ``"taste-<k>"``.
            cutoff: seconds since 1970.
            horizon: seconds.
            share: of the events that count, such as ``config.purchase_share``.
        """
        return _at_least_one(share * self.expected_events(cutoff, horizon)[:, taste])

    def probability_of_coupon(self, cutoff: int, horizon: int) -> Floats:
        """Return the probability of the label "coupon_redeemed" in the window, ``(U)``."""
        share = self.config.purchase_share * self.config.coupon_share
        return self.probability_of_taste(0, cutoff, horizon, share=share)

    def next_item(self, time: int) -> Floats:
        """Return the probability of each item at an event of that time, ``(U, I)``."""
        p, items = self.people, self.catalogue
        taste_UK = p.taste_UK if time < self.config.drift_time else p.later_taste_UK
        return taste_UK[:, items.taste_I] * p.service_US[:, items.service_I] * items.share_I

    def trait_probability(self, name: str) -> Floats:
        """Return the probability of each class of a planted attribute, ``(U, C)``.

        Raises:
            UsageError: no attribute has that name.
        """
        return trait_probability(self.config, self.people, name)

    def bayes_accuracy(self, name: str) -> float:
        """Return the accuracy of always naming the likelier class of a planted attribute.

        Who knows tastes and communities to the last digit is right that often on average; nobody
        is more often.
        """
        return float(self.trait_probability(name).max(axis=1).mean())


def _at_least_one(mean_U: Floats) -> Floats:
    probability_U: Floats = -np.expm1(-mean_U)
    return probability_U
