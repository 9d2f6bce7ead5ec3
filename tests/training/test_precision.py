from typing import Any

import pytest
import torch

from habitus.errors import UsageError
from habitus.training.precision import choose_precision, forward_precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("asked", "device", "gpu_has_bf16", "answer"),
    [
        ("auto", CPU, False, "fp32"),
        ("fp32", CPU, False, "fp32"),
        ("bf16", CPU, False, "bf16"),
        ("auto", CUDA, True, "bf16"),
        ("auto", CUDA, False, "fp32"),
        ("fp32", CUDA, True, "fp32"),
        ("bf16", CUDA, True, "bf16"),
    ],
)
def test_auto_asks_the_device(
    monkeypatch: pytest.MonkeyPatch,
    asked: Any,
    device: torch.device,
    gpu_has_bf16: bool,
    answer: str,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: gpu_has_bf16)
    assert choose_precision(asked, device) == answer


def test_bf16_is_refused_where_it_is_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    with pytest.raises(UsageError, match="'bf16' is not supported by cuda: use 'fp32' or 'auto'"):
        choose_precision("bf16", CUDA)


def test_only_the_forward_pass_is_in_bf16() -> None:
    layer, x_BD = torch.nn.Linear(3, 3), torch.randn(2, 3)
    with forward_precision("bf16", CPU):
        out_BD = layer(x_BD)
    assert out_BD.dtype == torch.bfloat16
    out_BD.sum().backward()
    assert layer.weight.dtype == torch.float32
    assert layer.weight.grad is not None
    assert layer.weight.grad.dtype == torch.float32


def test_fp32_is_left_alone() -> None:
    layer, x_BD = torch.nn.Linear(3, 3), torch.randn(2, 3)
    with forward_precision("auto", CPU):
        assert torch.equal(layer(x_BD), layer(x_BD.clone()))
        assert layer(x_BD).dtype == torch.float32
