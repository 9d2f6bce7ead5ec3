"""The probe ladder."""

from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.majority import Majority
from habitus.data.traces import Traces
from habitus.evaluation.asked import AskedTask, ask, labels_of, users_by_cutoff
from habitus.evaluation.features import comparison_method, over_seeds
from habitus.evaluation.predictions import Prediction, ProbeTrials, cached, predict
from habitus.evaluation.vectors import FeatureStore
from habitus.metrics import auroc
from habitus.probes import PROBES, Labelled, Probe
from tests.evaluation.world import Shares, aisle, method, parts, world


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return world(tmp_path_factory.mktemp("world") / "traces")


@pytest.fixture
def task(traces: Traces) -> AskedTask:
    return ask(aisle(), traces, parts(traces))


@pytest.fixture
def store(traces: Traces, task: AskedTask) -> FeatureStore:
    return FeatureStore(traces, users_by_cutoff([task]), None)


class Spy:
    """Stands before a probe and writes down what it was fitted on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fits: list[tuple[str, int, Labelled, Labelled]] = []
        for probe in set(PROBES.values()):
            self._watch(monkeypatch, probe)

    def _watch(self, monkeypatch: pytest.MonkeyPatch, probe: type[Probe]) -> None:
        fit = probe.fit

        def watched(this: Probe, train: Labelled, valid: Labelled, seed: int) -> Probe:
            self.fits.append((probe.name, seed, train, valid))
            return fit(this, train, valid, seed)

        monkeypatch.setattr(probe, "fit", watched)


def test_every_probe_is_tried_once_and_the_best_again(
    task: AskedTask, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy(monkeypatch)
    made = predict(task, method(), store, ProbeTrials(seeds=(3, 4, 5)))
    tried = [(name, seed) for name, seed, _, _ in spy.fits]
    assert tried[:2] == [("logistic", 3), ("gbdt", 3)]
    assert tried[2:] == [(made.probe, 4), (made.probe, 5)]
    assert made.scores_SB.shape == (3, len(task.test.y_B))
    assert made.validation[made.probe or ""] == max(made.validation.values())


def test_it_learns_what_is_there(task: AskedTask, store: FeatureStore) -> None:
    made = predict(task, method(), store, ProbeTrials(seeds=(0,)))
    assert auroc(task.test.y_B, made.scores_SB[0]) > 0.7


def test_a_seed_is_nine_tenths_of_the_users_with_all_their_rows(
    task: AskedTask, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy(monkeypatch)
    predict(task, method(), store, ProbeTrials(seeds=(0, 1)))
    users = np.concatenate([a.users_B for a in task.train])
    x_BD = np.concatenate([store.take(method(), a.cutoff, a.users_B) for a in task.train])
    seen = []
    for _, _, train, valid in spy.fits:
        # rows are told apart by their vectors, which hold the days since the last event
        rows = [np.flatnonzero((x_BD == x_D).all(1))[0] for x_D in train.x_BD]
        chosen = set(users[rows].tolist())
        assert len(chosen) == round(0.9 * len(set(users.tolist())))
        assert len(rows) == np.isin(users, list(chosen)).sum()
        assert len(valid.y_B) == len(labels_of(task.valid))
        seen.append(chosen)
    assert seen[0] == seen[1] != seen[2]


def test_all_methods_train_on_the_same_users(
    task: AskedTask, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy(monkeypatch)
    for name in ("one", "other"):
        predict(task, method(name), store, ProbeTrials(seeds=(0,)))
    labels = [train.y_B.tolist() for _, _, train, _ in spy.fits]
    assert labels == [labels[0]] * 4


def test_each_seed_reads_its_own_variant(task: AskedTask, store: FeatureStore) -> None:
    class Noise(Shares):
        def represent(self, snapshot: object) -> np.ndarray:
            return np.random.default_rng(0).standard_normal((snapshot.num_users, 3)).astype("f")  # type: ignore[attr-defined]

    trials = ProbeTrials(seeds=(0, 1))
    good, bad = method("good"), method("bad", made=Noise())
    made = predict(task, over_seeds([good, bad]), store, trials)
    alone = predict(task, good, store, trials)
    np.testing.assert_array_equal(made.scores_SB[0], alone.scores_SB[0])
    assert auroc(task.test.y_B, made.scores_SB[1]) < auroc(task.test.y_B, alone.scores_SB[1])


def test_majority_answers_without_a_probe(task: AskedTask, store: FeatureStore) -> None:
    majority = comparison_method(Majority(), "control", "x", "key")
    made = predict(task, majority, store, ProbeTrials())
    assert made.probe is None
    expected = np.full((1, len(task.test.y_B)), labels_of(task.train).mean())
    np.testing.assert_allclose(made.scores_SB, expected, rtol=1e-6)


def test_what_is_kept_is_read_back_and_not_made_again(tmp_path: Path) -> None:
    made = Prediction("gbdt", np.array([[0.25, 1 / 3]]), {"gbdt": 0.75})
    file = tmp_path / "kept" / "x.json"

    def never() -> Prediction:
        raise AssertionError("it was there")

    for again in (cached(file, lambda: made), cached(file, never)):
        assert (again.probe, again.validation) == (made.probe, made.validation)
        np.testing.assert_array_equal(again.scores_SB, made.scores_SB)
    assert [f.name for f in file.parent.iterdir()] == ["x.json"]


def test_nothing_is_kept_where_nobody_asks_for_it() -> None:
    made = Prediction(None, np.zeros((1, 1)), {})
    assert cached(None, lambda: made) is made
