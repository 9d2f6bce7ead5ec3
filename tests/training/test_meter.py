from dataclasses import dataclass
from typing import Any, Self

import pytest
import torch

from habitus.training.meter import Meter, Sums, peak_memory_bytes


@dataclass
class Counts:
    """A batch that is nothing but its sizes."""

    num_users: int
    num_events: int
    padded_events: int

    def to(self, device: Any) -> Self:
        return self


def step() -> Sums:
    sums = Sums(steps=1, seconds=0.5, loss=3.0, parts={"a": 8.0}, counts={"a": 4.0})
    sums.add_batch(Counts(2, 30, 40), (100.0, 150.0))
    return sums


def test_a_training_step_is_three_forward_passes() -> None:
    assert (step().flops_true, step().flops_executed) == (300.0, 450.0)


def test_padding_is_the_places_without_an_event() -> None:
    assert step().padding_share == pytest.approx(10 / 40)
    assert Sums().padding_share == 0.0


def test_rates_are_per_second() -> None:
    # 2 users and 30 events in half a second
    assert step().rates() == {"users_per_second": 4.0, "events_per_second": 60.0}


def test_a_part_is_the_mean_over_all_its_targets() -> None:
    sums = step()  # 4 targets with mean 2
    sums.add(Sums(parts={"a": 1.0, "b": 0.0}, counts={"a": 1.0, "b": 0.0}))
    # (4 * 2 + 1 * 1) / 5, and not the mean of 2 and 1
    assert sums.part_means == {"a": pytest.approx(9 / 5), "b": None}


def test_the_window_and_the_total_add_up() -> None:
    meter = Meter()
    meter.add(step())
    meter.window = Sums()
    meter.add(step())
    assert meter.window == step()
    assert (meter.total.steps, meter.total.users, meter.total.seconds) == (2, 4, 1.0)


def test_state_survives_a_round_trip() -> None:
    meter, other = Meter(), Meter()
    meter.add(step())
    meter.look_at_memory(torch.device("cpu"))
    other.load_state_dict(meter.state_dict())
    assert other.state_dict() == meter.state_dict()
    other.add(step())
    assert meter.total == step()


def test_memory_is_that_of_the_process() -> None:
    before = peak_memory_bytes(torch.device("cpu"))
    held = torch.ones(40_000_000)  # 160 MB
    assert peak_memory_bytes(torch.device("cpu")) >= before
    assert before > 50e6
    assert peak_memory_bytes(torch.device("cpu")) > held.nbytes


def test_the_peak_never_falls() -> None:
    meter = Meter()
    meter.peak_memory_bytes = 10**15
    assert meter.look_at_memory(torch.device("cpu")) == 10**15
