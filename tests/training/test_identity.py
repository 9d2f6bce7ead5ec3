import warnings

import pytest
import torch

from habitus.errors import UsageError
from habitus.training import TrainingConfig
from habitus.training.identity import (
    check_identity,
    circumstances,
    compare_circumstances,
    identity,
)

from .toy import toy_modules

CPU = torch.device("cpu")


def test_every_setting_is_in_it_under_a_flat_name() -> None:
    settings = identity(TrainingConfig(max_steps=3), *toy_modules(), data="abc")
    assert settings["training.max_steps"] == 3
    assert settings["training.betas"] == [0.9, 0.999]
    assert settings["encoder.name"] == settings["objective.name"] == "toy"
    assert settings["encoder.width"] == 8
    assert settings["objective.hidden_share"] == 0.3
    assert settings["data"] == "abc"


@pytest.mark.parametrize(
    ("saved", "now", "message"),
    [
        ({"a": 1}, {"a": 2}, "a = 1, this run has 2"),
        ({"a": 1}, {}, "a = 1, this run has 'nothing'"),
        ({}, {"a": 2}, "a = 'nothing', this run has 2"),
        ({"a": 1, "b.c": [1]}, {"a": 1, "b.c": [2]}, r"b\.c = \[1\], this run has \[2\]"),
    ],
)
def test_a_difference_is_named(
    saved: dict[str, object], now: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=f"the checkpoint in here was made with {message}"):
        check_identity(saved, now, "here")


def test_what_decides_nothing_may_change() -> None:
    check_identity({"training.log_every": 1, "a": 1}, {"training.log_every": 2, "a": 1}, "here")


def test_the_same_circumstances_are_silent() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare_circumstances(circumstances(CPU), circumstances(CPU))


def test_other_circumstances_are_told() -> None:
    saved = {**circumstances(CPU), "threads": 7, "torch": "1.0"}
    with pytest.warns(RuntimeWarning, match=r"torch 1\.0 → .*, threads 7 → \d"):
        compare_circumstances(saved, circumstances(CPU))
