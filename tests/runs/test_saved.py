"""A saved model stands in a table with its controls, if these are its traces."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from habitus.data.traces import Traces
from habitus.encoders.channel_transformer import ChannelTransformerConfig
from habitus.errors import UsageError
from habitus.representations.model import Model, load
from habitus.runs import Run
from habitus.runs.about import about_run
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
    without = saved_rows(other, [model], tmp_path / "cache")
    assert without.controls() == []
    assert rows.ours().notes == ()
    (note,) = without.ours().notes
    assert note.startswith("what pre-training adds is left out: “untrained encoder” can be built")
    assert traces.digest in note
    assert other.digest in note


def test_of_other_traces_a_warm_model_lacks_both_controls(
    traces: Traces, undisturbed: Pretrained, tmp_path: Path
) -> None:
    model = saved(undisturbed, tmp_path)
    model.about["run"] = small_run(warm_start=True).to_dict()
    model.about["data"] = {"digest": "other"}
    (note,) = saved_rows(traces, [model], tmp_path / "cache").ours().notes
    assert "“untrained encoder” and “warm start only” can be built only from" in note
    assert "(digest other)" in note


def test_a_model_of_other_making_has_none(traces: Traces, undisturbed: Pretrained) -> None:
    foreign = Model(undisturbed.model.encoder, undisturbed.model.encoding)
    rows = saved_rows(traces, [foreign], Path("nowhere"))
    assert rows.controls() == []
    (note,) = rows.ours().notes
    assert "the model does not say how it was pre-trained" in note
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


def untrained(traces: Traces, folder: Path, made: Run | None = None, **about: Any) -> Model:
    """A saved model of a run that says how it was made, and more."""
    made = made or small_run()
    model, _ = made.build(traces)
    model.about = about_run(traces, made, "masked_channel") | about
    model.save(folder, card="card")
    return load(folder)


def test_seeds_of_one_pretraining_stand_in_one_row(traces: Traces, tmp_path: Path) -> None:
    first, again = small_run(), small_run().with_seed(1)
    how = replace(again.training, num_threads=1, log_every=5, checkpoint_every_s=1.0)
    runs = [first, again, replace(again, training=how)]
    models = [untrained(traces, tmp_path / str(i), run) for i, run in enumerate(runs)]
    rows = saved_rows(traces, models, tmp_path / "cache")
    assert saved_entries(rows)["pretrain_seeds"] == [0, 1, 1]
    assert len(rows.controls()) == 1


WIDER = ChannelTransformerConfig(
    max_events=16, channel_dim=4, width=16, num_blocks=1, num_heads=2, hidden=16
)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (
            {"training": replace(small_run().training, max_steps=12)},
            r"run\.training\.max_steps \(6",
        ),
        ({"as_of": "2020-02-01"}, r"run\.as_of \('2020-03-01', '2020-02-01'\)"),
        ({"encoder": WIDER}, r"run\.encoder\.width \(8, 16\), encoder\.width \(8, 16\)"),
        ({"split": replace(small_run().split, seed=5)}, r"run\.split\.seed"),
        ({"preset": "large"}, r"run\.preset \('small', 'large'\)"),
    ],
)
def test_models_that_differ_in_more_than_the_seed_are_no_seeds(
    changes: dict[str, Any], named: str, traces: Traces, tmp_path: Path
) -> None:
    first, same = untrained(traces, tmp_path / "a"), untrained(traces, tmp_path / "b")
    other = untrained(traces, tmp_path / "c", small_run(**changes))
    for models in ([first, same, other], [other, same]):
        with pytest.raises(UsageError, match="to compare two models, evaluate each on its own"):
            saved_rows(traces, models, tmp_path / "cache")
    with pytest.raises(UsageError, match=f"a and .*c differ in {named}"):
        saved_rows(traces, [first, other], tmp_path / "cache")


def test_another_run_other_traces_and_other_making_are_told(traces: Traces, tmp_path: Path) -> None:
    model = untrained(traces, tmp_path / "a")
    run = small_run().to_dict() | {"name": "clue"}
    others: dict[str, dict[str, Any]] = {
        r"run\.name \('channel', 'clue'\)": {"run": run},
        r"traces \('\w+', 'other'\)": {"data": {"digest": "other"}},
        r"run\.name \('channel', None\), .* and \d+ more: several --model": {"run": None},
    }
    for place, (named, about) in enumerate(others.items()):
        other = untrained(traces, tmp_path / f"b{place}", **about)
        with pytest.raises(UsageError, match=named):
            saved_rows(traces, [model, other], tmp_path / "cache")
    foreign = [untrained(traces, tmp_path / f"c{i}", made=small_run(seed=i)) for i in (0, 1)]
    for one in foreign:
        one.about = {}
    assert saved_rows(traces, foreign, tmp_path / "cache").controls() == []
