import pytest
import torch
from torch import nn

from habitus.training.ema import Ema


def weight(value: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor([value]))


def set_to(parameter: nn.Parameter, value: float) -> None:
    with torch.no_grad():
        parameter.fill_(value)


def test_by_hand() -> None:
    w = weight(0.0)
    ema = Ema([("w", w)], decay=0.5)
    set_to(w, 11.0)
    ema.update()
    # The first decay is min(0.5, 2 / 11): 0 + 9 / 11 * (11 - 0) = 9
    assert ema.average["w"].item() == pytest.approx(9.0)
    set_to(w, 21.0)
    ema.update()
    # The second is min(0.5, 3 / 12): 9 + 9 / 12 * (21 - 9) = 18
    assert ema.average["w"].item() == pytest.approx(18.0)


def test_the_decay_is_reached() -> None:
    w = weight(1.0)
    ema = Ema([("w", w)], decay=0.5)
    ema.num_updates = 100  # 102 / 111 is above 0.5
    set_to(w, 3.0)
    ema.update()
    assert ema.average["w"].item() == pytest.approx(0.5 * 1 + 0.5 * 3)


def test_no_decay_is_the_weight_itself() -> None:
    w = weight(1.0)
    ema = Ema([("w", w)], decay=0.0)
    set_to(w, 7.0)
    ema.update()
    assert ema.average["w"].item() == 7.0


def test_weights_come_back_also_after_an_error() -> None:
    w = weight(2.0)
    ema = Ema([("w", w)], decay=0.9)
    set_to(w, 5.0)

    def fail() -> None:
        with ema.applied():
            assert w.item() == 2.0
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert w.item() == 5.0


def test_writing_is_for_good() -> None:
    w = weight(2.0)
    ema = Ema([("w", w)], decay=0.9)
    set_to(w, 5.0)
    ema.write()
    assert w.item() == 2.0
    set_to(w, 6.0)
    assert ema.average["w"].item() == 2.0
