"""InfoNCE and its supervised form against loops over logarithms."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from habitus.objectives.info_nce import info_nce, supervised

SCALE = torch.tensor(3.0)


def unit(rows: int, seed: int) -> Tensor:
    z = torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed))
    return normalize(z, dim=1)


def chance(shape: tuple[int, int], share: float, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < share


def test_two_pairs_by_hand() -> None:
    # Cosines: 1 and 0 of the first, 0 and 1 of the second. -log(e³ / (e³ + e⁰)).
    eye = torch.eye(2)
    loss_B, right_B = info_nce(eye, eye, torch.zeros(2, 2, dtype=torch.bool), SCALE)
    assert loss_B.tolist() == pytest.approx([math.log1p(math.exp(-3))] * 2)
    assert right_B.tolist() == [1, 1]
    # The other way round each is wrong: -log(e⁰ / (e⁰ + e³)).
    loss_B, right_B = info_nce(eye, eye.flip(0), torch.zeros(2, 2, dtype=torch.bool), SCALE)
    assert loss_B.tolist() == pytest.approx([math.log1p(math.exp(3))] * 2)
    assert right_B.tolist() == [0, 0]


@pytest.mark.parametrize("candidates", [6, 11])
def test_hidden_keys_are_not_compared_and_ones_own_always_is(candidates: int) -> None:
    query_BD, key_CD = unit(6, 0), unit(candidates, 1)
    hidden_BC = chance((6, candidates), 0.4)
    hidden_BC[2, 2] = True
    before = hidden_BC.clone()
    loss_B, right_B = info_nce(query_BD, key_CD, hidden_BC, SCALE)
    assert torch.equal(hidden_BC, before)
    for b in range(6):
        logits = [
            3 * float(query_BD[b] @ key_CD[c])
            for c in range(candidates)
            if c == b or not hidden_BC[b, c]
        ]
        own = 3 * float(query_BD[b] @ key_CD[b])
        expected = -(own - math.log(sum(map(math.exp, logits))))
        assert loss_B[b].item() == pytest.approx(expected, rel=1e-5)
        assert right_B[b].item() == (own == max(logits))


def test_supervised_is_the_mean_over_those_that_share() -> None:
    z_PD, share_PP = unit(7, 0), chance((7, 7), 0.3, seed=2)
    share_PP = share_PP | share_PP.T
    share_PP[3], share_PP[:, 3] = False, False  # shares with nobody
    share_PP.fill_diagonal_(True)
    loss_P, right_P = supervised(z_PD, share_PP, SCALE)
    expected, right = [], []
    for p in range(7):
        friends = [q for q in range(7) if q != p and share_PP[p, q]]
        if not friends:
            continue
        logits = {q: 3 * float(z_PD[p] @ z_PD[q]) for q in range(7) if q != p}
        log_sum = math.log(sum(map(math.exp, logits.values())))
        expected.append(-sum(logits[q] - log_sum for q in friends) / len(friends))
        right.append(max(logits, key=lambda q: logits[q]) in friends)
    assert len(expected) < 7
    assert loss_P.tolist() == pytest.approx(expected, rel=1e-5)
    assert right_P.tolist() == right


def test_a_gradient_is_finite_where_something_is_hidden() -> None:
    z_PD = unit(5, 0).requires_grad_()
    share_PP = torch.eye(5, dtype=torch.bool)
    share_PP[0, 1] = share_PP[1, 0] = True
    hidden_PP = ~torch.eye(5, dtype=torch.bool)
    with torch.autograd.set_detect_anomaly(True, check_nan=True):
        torch.autograd.backward(supervised(z_PD, share_PP, SCALE)[0].sum())
        # All hidden but one's own: nothing to be told from, a loss of 0.
        loss_P, right_P = info_nce(z_PD, z_PD.detach(), hidden_PP, SCALE)
        torch.autograd.backward(loss_P.sum())
    assert loss_P.tolist() == [0] * 5
    assert right_P.tolist() == [1] * 5
    assert z_PD.grad is not None
    assert z_PD.grad.isfinite().all()


def test_nobody_is_no_error() -> None:
    nobody = torch.zeros(0, 4)
    for loss_B, right_B in (
        info_nce(nobody, nobody, torch.zeros(0, 0, dtype=torch.bool), SCALE),
        supervised(nobody, torch.zeros(0, 0, dtype=torch.bool), SCALE),
        supervised(unit(2, 0), torch.eye(2, dtype=torch.bool), SCALE),
    ):
        assert loss_B.shape == right_B.shape == (0,)
