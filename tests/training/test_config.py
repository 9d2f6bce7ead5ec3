import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.errors import UsageError
from habitus.training import TrainingConfig


def test_round_trip() -> None:
    config = TrainingConfig(max_steps=7, betas=(0.9, 0.98), ema_decay=0.99, schedule="wsd")
    assert TrainingConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("max_steps", 0, "max_steps must be at least 1, got 0"),
        ("learning_rate", 0.0, "learning_rate must be above 0, got 0.0"),
        ("learning_rate", math.nan, "learning_rate must be above 0, got nan"),
        ("clip_norm", -1.0, "clip_norm must be above 0, got -1.0"),
        ("weight_decay", -0.1, "weight_decay must be at least 0, got -0.1"),
        ("warmup_share", 1.5, "warmup_share must be at least 0 and at most 1, got 1.5"),
        ("ema_decay", 2.0, "ema_decay must be at least 0 and at most 1, got 2.0"),
        ("accumulate", 0, "accumulate must be at least 1, got 0"),
        ("patience", 0, "patience must be at least 1, got 0"),
        ("num_threads", 0, "num_threads must be at least 1, got 0"),
        ("betas", (0.9, 1.0), r"betas must be in \[0, 1\), got \(0.9, 1.0\)"),
        ("schedule", "linear", "schedule must be one of 'cosine', 'onecycle', 'constant', 'wsd'"),
        ("precision", "fp16", "precision must be one of 'auto', 'fp32', 'bf16'"),
        ("learning_rat", 1.0, "did you mean 'learning_rate'"),
    ],
)
def test_a_wrong_value_is_named(key: str, value: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TrainingConfig.from_dict({"max_steps": 5, key: value})


@given(st.floats(0, 1), st.floats(0, 1))
def test_wsd_needs_room_for_warmup_and_cooldown(warmup: float, cooldown: float) -> None:
    values = {"max_steps": 5, "warmup_share": warmup, "cooldown_share": cooldown}
    TrainingConfig.from_dict({**values, "schedule": "cosine"})
    if warmup + cooldown <= 1:
        TrainingConfig.from_dict({**values, "schedule": "wsd"})
        return
    with pytest.raises(UsageError, match=r"warmup_share \+ cooldown_share must be at most 1"):
        TrainingConfig.from_dict({**values, "schedule": "wsd"})
