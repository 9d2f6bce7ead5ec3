import json
from pathlib import Path

import pytest
import torch
from torch import nn

from habitus.data.loader import Loader
from habitus.errors import UsageError
from habitus.training import TrainingConfig
from habitus.training.state import TrainingState, seed_dropout

from .toy import ToySource, toy_modules

CONFIG = TrainingConfig(max_steps=5, ema_decay=0.5)


def state(identity: str = "one") -> TrainingState:
    encoder, objective = toy_modules()
    modules = nn.ModuleDict({"encoder": encoder, "objective": objective})
    loader = Loader(ToySource(), seed=0, prefetch=0)
    return TrainingState(modules, loader, CONFIG, {"name": identity})


def test_a_checkpoint_holds_everything() -> None:
    here, there = state(), state()
    here.step = 3
    next(here.loader)
    here.meter.total.users = 7
    assert here.ema is not None
    assert there.ema is not None
    here.ema.num_updates = 2
    here.take_evaluation(0.5)
    checkpoint = here.to_checkpoint(log_bytes=11)
    there.load(checkpoint, Path("here"))
    again = there.to_checkpoint(log_bytes=11)
    times = {"seconds": 0.0}
    assert {**again.values, **times} == {**checkpoint.values, **times}
    assert json.loads(json.dumps(checkpoint.values)) == checkpoint.values
    assert there.loader.position == here.loader.position
    assert there.ema.num_updates == 2


def test_time_goes_on_where_it_was() -> None:
    here = state()
    checkpoint = here.to_checkpoint(0)
    checkpoint.values["seconds"] = 1_000.0
    here.load(checkpoint, "here")
    assert 1_000.0 <= here.seconds < 1_100.0


def test_the_best_evaluation_is_the_first_of_the_lowest() -> None:
    here = state()
    improved = []
    for here.step, loss in enumerate([3.0, 2.0, 2.0, 2.5], start=1):
        improved.append(here.take_evaluation(loss))
    assert improved == [True, True, False, False]
    assert (here.best_step, here.best_valid, here.evaluations_since_best) == (2, 2.0, 2)


def test_a_checkpoint_of_another_training_changes_nothing() -> None:
    here, other = state(), state("two")
    here.step = 3
    with torch.no_grad():
        here.modules.get_parameter("encoder.no_events").add_(1)
    before = {name: value.clone() for name, value in other.modules.state_dict().items()}
    with pytest.raises(UsageError, match="name = 'one', this run has 'two'"):
        other.load(here.to_checkpoint(0), "here")
    assert other.step == 0
    assert all(torch.equal(v, before[n]) for n, v in other.modules.state_dict().items())


def test_a_checkpoint_of_another_format_is_refused() -> None:
    here = state()
    checkpoint = here.to_checkpoint(0)
    checkpoint.values["format"] = 99
    with pytest.raises(UsageError, match="has format 99, this version of habitus reads 1"):
        here.load(checkpoint, "here")


def test_the_average_is_kept_where_there_is_one() -> None:
    here = state()
    assert here.ema is not None
    weight = here.modules.get_parameter("encoder.no_events")
    average = weight.detach().clone()
    with torch.no_grad():
        weight.add_(1)
    checkpoint = here.to_checkpoint(0)
    here.keep(checkpoint)
    assert torch.equal(weight, average)
    with torch.no_grad():
        weight.add_(1)
    here.keep(None)
    assert torch.equal(weight, average)


def test_dropout_repeats_with_its_seed() -> None:
    ones = torch.ones(50)
    with torch.random.fork_rng(devices=[]):
        draws = []
        for seed in (1, 2, 1):
            seed_dropout(seed, torch.device("cpu"))
            draws.append(nn.functional.dropout(ones, 0.5))
    assert torch.equal(draws[0], draws[2])
    assert not torch.equal(draws[0], draws[1])
