"""A saved model stands in a table with its controls, if these are its traces."""

from pathlib import Path

from habitus.data.traces import Traces
from habitus.representations.model import Model, load
from habitus.runs.pretrain import Pretrained
from habitus.runs.saved import run_of, saved_entries, saved_rows
from tests.small import small_events, small_run, small_traces


def saved(made: Pretrained, folder: Path) -> Model:
    made.model.save(folder / "model", card="card", overwrite=True)
    return load(folder / "model")


def test_controls_are_built_from_the_traces_of_the_training(
    traces: Traces, undisturbed: Pretrained, tmp_path: Path
) -> None:
    model = saved(undisturbed, tmp_path)
    rows = saved_rows(traces, [model], tmp_path / "cache")
    assert [method.name for method in rows.controls()] == ["untrained"]
    events = small_events()
    del events[next(iter(events))]
    other = small_traces(tmp_path / "other", events)
    assert saved_rows(other, [model], tmp_path / "cache").controls() == []


def test_a_model_of_other_making_has_none(traces: Traces, undisturbed: Pretrained) -> None:
    foreign = Model(undisturbed.model.encoder, undisturbed.model.encoding)
    rows = saved_rows(traces, [foreign], Path("nowhere"))
    assert rows.controls() == []
    assert set(saved_entries(rows)) == {"encoding"}
    assert run_of({}) is None


def test_training_curves_and_config_come_with_the_model(
    traces: Traces, undisturbed: Pretrained, tmp_path: Path
) -> None:
    entries = saved_entries(saved_rows(traces, [saved(undisturbed, tmp_path)], tmp_path))
    assert entries["pretraining"]["curves"]["valid_step"] == [2, 4, 6]
    assert entries["config"]["name"] == "channel"
    assert entries["pretrain_seeds"] == [0]
    assert run_of(entries["config"]) == small_run()
