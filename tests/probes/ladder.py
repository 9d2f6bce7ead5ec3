"""What every probe promises, as tests to inherit."""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from habitus.errors import DataError
from habitus.metrics import auroc
from habitus.probes import PROBES, Labelled, Probe
from tests.probes.planted import planted


class ProbeContract:
    """Inherit and name the probe; the class is not called ``Test...``."""

    name: ClassVar[str]

    def build(self) -> Probe:
        return PROBES[self.name]()

    def test_it_finds_what_is_planted(self) -> None:
        probe = self.build().fit(planted(1500), planted(400, seed=1), seed=0)
        test = planted(600, seed=2)
        # the planted log-odds themselves are the best there is
        best = auroc(test.y_B, test.x_BD[:, 0])
        assert auroc(test.y_B, probe.predict(test.x_BD)) > best - 0.03

    def test_it_gives_probabilities(self) -> None:
        test = planted(1000, seed=2)
        predicted_B = self.build().fit(planted(1500), planted(400, seed=1), 0).predict(test.x_BD)
        assert predicted_B.shape == (1000,)
        assert predicted_B.dtype == np.float64
        assert 0 <= predicted_B.min() < predicted_B.max() <= 1
        assert predicted_B.mean() == pytest.approx(test.y_B.mean(), abs=0.05)

    def test_noise_scores_chance(self) -> None:
        random = np.random.default_rng(3)
        train, valid, test = (planted(size, seed=size) for size in (1200, 400, 2000))
        noise = [Labelled(rows.x_BD, random.permutation(rows.y_B)) for rows in (train, valid, test)]
        probe = self.build().fit(noise[0], noise[1], 0)
        # standard error of AUROC by chance with about 650 yes of 2000: .014
        assert abs(auroc(noise[2].y_B, probe.predict(noise[2].x_BD)) - 0.5) < 4 * 0.014

    def test_equal_seeds_give_equal_answers(self) -> None:
        train, valid, test = planted(300), planted(100, seed=1), planted(50, seed=2)
        one, other = (self.build().fit(train, valid, seed=7).predict(test.x_BD) for _ in range(2))
        np.testing.assert_array_equal(one, other)

    def test_features_beyond_the_limit_are_screened(self) -> None:
        build: Any = type(self.build())
        config: Any = self.build().config
        probe = build(replace(config, max_features=1))
        probe.fit(planted(1500), planted(400, seed=1), 0)
        test = planted(300, seed=2)
        only_the_first_BD = test.x_BD * np.array([1, 0, 0, 0, 0], np.float32)
        np.testing.assert_array_equal(probe.predict(test.x_BD), probe.predict(only_the_first_BD))

    def test_one_answer_is_an_error(self) -> None:
        train = planted(50)
        with pytest.raises(DataError, match="both answers"):
            self.build().fit(Labelled(train.x_BD, np.zeros(50)), planted(20), 0)

    def test_its_config_survives_a_round_trip(self) -> None:
        config = self.build().config
        assert type(config).from_dict(config.to_dict()) == config
