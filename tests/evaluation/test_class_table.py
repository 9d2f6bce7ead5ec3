"""The cells of a class task."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from habitus.comparisons.majority import Majority
from habitus.data.traces import Traces
from habitus.evaluation.bootstrap import resample_counts
from habitus.evaluation.class_asked import AskedClasses
from habitus.evaluation.class_predictions import ClassPrediction, guessed_macro_f1
from habitus.evaluation.class_table import ClassTable, class_statistic, scores
from habitus.evaluation.comparing import difference_entries, summary_entries
from habitus.metrics import accuracy, macro_f1, macro_f1_statistic
from habitus.random import numpy_generator
from tests.evaluation.class_world import HOW, asked_of, later, taste
from tests.evaluation.world import method, world

METHODS = [method("knows", "comparison"), method("guess", "control"), method("ours")]


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return world(tmp_path_factory.mktemp("world") / "traces")


def fit(y_B: np.ndarray, share: float, seed: int) -> ClassPrediction:
    """Say the right class with a share, another one or the same otherwise."""
    random = np.random.default_rng(seed)
    said_B = np.where(random.random(len(y_B)) < share, y_B, random.integers(3, size=len(y_B)))
    return ClassPrediction("multinomial", 0.7 * np.eye(3)[said_B] + 0.1, 0.5)


def table_of(asked: AskedClasses) -> ClassTable:
    y_B = asked.test.y_B
    even = ClassPrediction(None, np.full((len(y_B), 3), 1 / 3), None)
    fits = {
        "knows": [fit(y_B, 0.5, 0), fit(y_B, 0.5, 1)],
        "guess": [even, even],
        "ours": [fit(y_B, 0.8, 2), fit(y_B, 0.8, 3)],
    }
    return ClassTable(asked, fits, HOW)


@pytest.fixture(scope="module")
def tables(traces: Traces) -> list[ClassTable]:
    made = [table_of(asked_of(traces, one)) for one in (taste(), later())]
    for table in made:
        for one in METHODS:
            table.cell(one, {})
    return made


def test_a_cell_holds_both_metrics_with_their_seeds(tables: list[ClassTable]) -> None:
    table = tables[0]
    cell = table.cell(METHODS[2], {1: {"macro_f1": 0.5, "accuracy": 0.6}, 2: None})
    assert (cell["task"], cell["method"], cell["probe"]) == ("taste", "ours", "multinomial")
    assert cell["validation"] == {"multinomial": 0.5}
    assert cell["splits"] == {"1": {"macro_f1": 0.5, "accuracy": 0.6}, "2": None}
    y_B = table.asked.test.y_B
    said_SB = [f.probability_BC.argmax(axis=1) for f in table.fits["ours"]]
    for metric, values in (
        ("macro_f1", [macro_f1(y_B, said_B, range(3)) for said_B in said_SB]),
        ("accuracy", [accuracy(y_B, said_B) for said_B in said_SB]),
    ):
        found = cell["metrics"][metric]
        assert found["seeds"] == pytest.approx(values)
        assert found["value"] == pytest.approx(np.mean(values))
        assert found["low"] < found["value"] < found["high"]


def test_resamples_are_those_of_a_slow_loop(tables: list[ClassTable]) -> None:
    table = tables[0]
    y_B = table.asked.test.y_B
    counts_BR = resample_counts(y_B, 300, numpy_generator(HOW.seed, "bootstrap", "taste"))
    # each class keeps its size in every resample
    for c in range(3):
        assert (counts_BR[y_B == c].sum(axis=0) == (y_B == c).sum()).all()
    slow_R = []
    for counts_B in counts_BR.T[:20]:
        rows = np.repeat(np.arange(len(y_B)), counts_B)
        seeds = [
            f1_score(y_B[rows], f.probability_BC.argmax(axis=1)[rows], average="macro")
            for f in table.fits["ours"]
        ]
        slow_R.append(np.mean(seeds))
    np.testing.assert_allclose(table.main_R["ours"][:20], slow_R, rtol=1e-6)


def test_majority_scores_what_arithmetic_says(traces: Traces) -> None:
    asked = asked_of(traces, taste())
    made = ClassPrediction(None, Majority().classify(asked.handed()), None)
    commonest = np.bincount(asked.train.y_B).argmax()
    p = float((asked.test.y_B == commonest).mean())
    # recall 1 and precision p for one class of three, nothing for the others: 2p / (1 + p) / C
    assert scores(asked.test.y_B, made) == pytest.approx(
        {"macro_f1": 2 * p / (1 + p) / 3, "accuracy": p}
    )


def test_the_majority_of_the_papers_gender_task() -> None:
    # B-1: 344 of 447 test users are of the larger gender: 76.96 / 43.49.
    y_B = np.repeat([0, 1], [344, 103])
    made = ClassPrediction(None, np.tile([0.77, 0.23], (447, 1)), None)
    found = scores(y_B, made)
    assert found["accuracy"] == pytest.approx(0.7696, abs=5e-5)
    assert found["macro_f1"] == pytest.approx(0.4349, abs=5e-5)


def test_a_guess_is_right_one_time_in_c_and_its_interval_holds_its_value(
    tables: list[ClassTable],
) -> None:
    metrics = tables[0].cell(METHODS[1], {})["metrics"]
    assert metrics["accuracy"]["value"] == pytest.approx(1 / 3)
    f1 = metrics["macro_f1"]
    assert f1["low"] - 1e-9 <= f1["value"] <= f1["high"] + 1e-9
    # three classes of about 24 users: expected counts give 2 · 8 / (24 + 24) = 1/3
    assert f1["value"] == pytest.approx(1 / 3, abs=0.02)


def test_the_macro_f1_of_a_guess_is_that_of_its_draws() -> None:
    # two users, one of each class: 5/12 on average of the draws, while expected counts give 1/2
    made = ClassPrediction(None, np.full((2, 2), 0.5), None)
    y_B = np.array([0, 1])
    said_BC = np.full((2, 2), 0.5)
    assert macro_f1_statistic(y_B, said_BC)(np.ones((2, 1))) == pytest.approx([1 / 2])
    assert scores(y_B, made)["macro_f1"] == guessed_macro_f1(y_B, said_BC)
    assert scores(y_B, made)["macro_f1"] == pytest.approx(5 / 12, abs=0.04)


def test_only_guesses_are_drawn() -> None:
    y_B = np.array([0, 1, 2, 2])
    sure = np.eye(3)[[0, 1, 1, 2]]
    weights_BR = np.array([[1, 2], [1, 1], [1, 0], [1, 1]], float)
    got_R = class_statistic("macro_f1", y_B, sure)(weights_BR)
    want = [macro_f1(y_B, [0, 1, 1, 2], range(3), w_B) for w_B in weights_BR.T]
    np.testing.assert_allclose(got_R, want)


def test_strata_hold_their_users_and_score_where_every_class_is(tables: list[ClassTable]) -> None:
    for table in tables:
        strata = table.cell(METHODS[2], {})["strata"]
        # without a cutoff nobody is new
        assert set(strata) >= {"cold", "mid", "heavy"}
        assert ("new" in strata) == (table.name == "later")
        sizes = [strata[name]["num_users"] for name in ("cold", "mid", "heavy")]
        assert sum(sizes) == len(table.asked.test.y_B)
        for name, entry in strata.items():
            y_B = table.asked.test.y_B[table.strata[name]]
            few = np.bincount(y_B, minlength=3).min() < 5
            assert (entry["macro_f1"] is None) == few
        rows = np.flatnonzero(table.strata["mid"])
        values = [
            macro_f1(table.asked.test.y_B[rows], f.probability_BC[rows].argmax(axis=1), range(3))
            for f in table.fits["ours"]
        ]
        assert strata["mid"]["macro_f1"]["value"] == pytest.approx(np.mean(values))


def test_differences_and_means_work_as_for_other_tasks(tables: list[ClassTable]) -> None:
    entries = difference_entries(tables, METHODS)
    assert {e["metric"] for e in entries} == {"macro_f1"}
    against_guess = [e for e in entries if e["against"] == "guess"]
    assert [e["verdict"] for e in against_guess] == ["better", "better"]
    [ours] = [e for e in summary_entries(tables, METHODS, HOW, "knows") if e["method"] == "ours"]
    assert ours["value"] == pytest.approx(np.mean([t.main["ours"].value for t in tables]))
    assert ours["low"] < ours["value"] < ours["high"]
    assert ours["against"]["method"] == "knows"
