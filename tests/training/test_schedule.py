import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from habitus.training import TrainingConfig
from habitus.training.config import ScheduleName
from habitus.training.schedule import ONECYCLE_START, cosine, onecycle, rise, schedule, wsd


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("steps", [7, 53, 333])
def test_onecycle_is_that_of_torch(steps: int, share: float) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9)
    torchs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=steps, pct_start=share, cycle_momentum=False
    )
    for step in range(steps):
        assert onecycle(step, steps, share) == pytest.approx(torchs.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        if step + 1 < steps:
            torchs.step()


def test_onecycle_begins_and_ends_low() -> None:
    # 0.5 * 100 - 1 = 49 is the step of the highest rate.
    assert onecycle(0, 100, 0.5) == pytest.approx(ONECYCLE_START)
    assert onecycle(49, 100, 0.5) == pytest.approx(1.0)
    assert onecycle(99, 100, 0.5) == pytest.approx(ONECYCLE_START / 1e4)
    # Where torch divides by zero, the first step is the highest.
    assert onecycle(0, 50, 0.02) == 1.0


def test_cosine_by_its_formula() -> None:
    # Two steps of warm-up leave 8; the wave is a quarter done after 2 of them.
    values = [cosine(step, 10, 2, end=0.1) for step in range(10)]
    assert values[:2] == [0.5, 1.0]
    assert values[3] == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi / 4)) / 2)
    assert values[5] == pytest.approx((1 + 0.1) / 2)
    assert values[9] == pytest.approx(0.1)


def test_wsd_is_flat_in_between() -> None:
    values = [wsd(step, 10, 2, 4, end=0.2) for step in range(10)]
    # The last four fall by (1 - 0.2) / 4 = 0.2 each.
    assert values == pytest.approx([0.5, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])


def test_wsd_without_cooldown_is_warmup_and_constant() -> None:
    assert [wsd(s, 5, 2, 0) for s in range(5)] == [rise(s, 2) for s in range(5)]


@given(
    st.sampled_from(["cosine", "onecycle", "constant", "wsd"]),
    st.integers(1, 60),
    st.floats(0, 0.8),
    st.floats(0, 1),
)
def test_every_schedule_stays_between_nothing_and_all(
    name: ScheduleName, steps: int, warmup_share: float, end: float
) -> None:
    config = TrainingConfig(
        max_steps=steps, schedule=name, warmup_share=warmup_share, min_lr_share=end
    )
    values = [schedule(config)(step) for step in range(steps)]
    assert all(0 <= value <= 1 for value in values)
    if name in ("cosine", "wsd") and round(warmup_share * steps) < steps:
        last_is_cooling = name == "cosine" or round(0.2 * steps) > 0
        assert not last_is_cooling or values[-1] == pytest.approx(end, abs=1e-9)
    if name == "constant":
        assert values == [rise(step, round(warmup_share * steps)) for step in range(steps)]


def test_the_share_of_warmup_is_of_all_steps() -> None:
    config = TrainingConfig(max_steps=200, warmup_share=0.02, schedule="constant")
    # 0.02 * 200 = 4 steps
    assert [schedule(config)(step) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
