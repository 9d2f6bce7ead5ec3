"""A device that is not there is told in a sentence, before any work is done."""

import pytest
import torch

from habitus.errors import UsageError
from habitus.training.device import usable_device


def test_the_processor_is_always_there() -> None:
    assert usable_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "", "mps:7"])
def test_a_device_that_is_not_there_is_a_usage_error_of_one_line(name: str) -> None:
    with pytest.raises(UsageError, match=f"device '{name}' cannot be used here") as caught:
        usable_device(name)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("use 'cpu'")
