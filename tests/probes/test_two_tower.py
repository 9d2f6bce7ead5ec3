"""Two towers against plain arithmetic, and on tastes that are planted."""

from __future__ import annotations

import copy
import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from habitus.errors import DataError, GuardError, UsageError
from habitus.metrics import gains
from habitus.probes.targets import Targets
from habitus.probes.two_tower import (
    Pairs,
    Scale,
    TwoTower,
    TwoTowerConfig,
    draw_negatives,
    mixed_softmax,
    pair_loss,
    perceptron,
)
from habitus.random import numpy_generator, torch_generator

Floats = npt.NDArray[np.float32]
SMALL = TwoTowerConfig(hidden=(16,), out_dim=8, batch_size=64, max_epochs=12, learning_rate=1e-2)
NUM_ITEMS = 40


def planted(num: int, seed: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return users whose taste is an angle, and the item nearest to it, give or take one."""
    generator = numpy_generator(seed, "tastes")
    angle_B = generator.uniform(0, 2 * np.pi, num)
    x_B2 = np.stack([np.cos(angle_B), np.sin(angle_B)], 1).astype(np.float32)
    near_B = np.round(angle_B / (2 * np.pi) * NUM_ITEMS) + generator.integers(-1, 2, num)
    return x_B2, near_B.astype(np.int64) % NUM_ITEMS


def items() -> Floats:
    angle_I = 2 * np.pi * np.arange(NUM_ITEMS) / NUM_ITEMS
    return np.stack([np.cos(angle_I), np.sin(angle_I), np.ones(NUM_ITEMS)], 1).astype(np.float32)


def asked(num: int, seed: int) -> tuple[Floats, Targets]:
    x_B2, target_B = planted(num, seed)
    nobody = np.zeros(num + 1, np.int64)
    return x_B2, Targets(target_B, nobody, np.zeros(0, np.int64), NUM_ITEMS)


def fitted(config: TwoTowerConfig = SMALL, seed: int = 0, num: int = 1_000) -> TwoTower:
    return TwoTower(config).fit(items(), Pairs(*planted(num, 1)), asked(200, 2), seed)


def ndcg(towers: TwoTower) -> float:
    x_B2, targets = asked(400, 3)
    better_B, tied_B = targets.all_places(lambda place_B: towers.scores(x_B2[place_B]))
    return float(gains(better_B, tied_B, 10).mean())


@pytest.mark.parametrize("loss", ["bce", "softmax"])
def test_it_finds_what_is_planted(loss: str) -> None:
    towers = fitted(TwoTowerConfig(**{**SMALL.to_dict(), "hidden": (16,), "loss": loss}))
    # Three neighbours in any order: (1 + 1 / log2 3 + 1 / 2) / 3 = .71; by chance .11.
    assert ndcg(towers) > 0.6


def test_equal_seeds_give_equal_scores_and_others_others() -> None:
    x_B2 = planted(5, 9)[0]
    one, same, other = (fitted(seed=seed).scores(x_B2) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-3


def test_the_generator_of_the_caller_is_left_alone() -> None:
    before = torch.get_rng_state()
    fitted(num=100)
    assert torch.equal(torch.get_rng_state(), before)


def test_towers_have_the_sizes_of_the_paper() -> None:
    config = TwoTowerConfig(max_epochs=1)
    towers = fitted(config, num=50)
    widths = [
        [(m.in_features, m.out_features) for m in tower if isinstance(m, torch.nn.Linear)]
        for tower in (towers._user_tower, towers._item_tower)
    ]
    rest = [(512, 256), (256, 128), (128, 64)]
    assert widths == [[(2, 512), *rest], [(3, 512), *rest]]
    # Weights and biases; the paper's Table 1 says 0.5 M for 2,160 wide users.
    shared = 512 * 256 + 256 + 256 * 128 + 128 + 128 * 64 + 64
    assert towers.num_weights == 2 * shared + (2 + 3) * 512 + 2 * 512


def test_the_pair_loss_is_that_of_each_pair_alone() -> None:
    logit_BM = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]])
    each = [
        -logsigmoid(value if column == 0 else -value)
        for row in logit_BM
        for column, value in enumerate(row)
    ]
    torch.testing.assert_close(pair_loss(logit_BM), torch.stack(each).mean())


def test_the_softmax_equals_a_loop_over_users() -> None:
    logit_BJ = torch.randn(4, 7, generator=torch_generator(0, "softmax"))
    item_J = torch.tensor([0, 2, 0, 3, 2, 5, 1])
    expected_J = torch.tensor([0.4, 0.1, 0.4, 0.2, 0.1, 0.3, 0.7])
    losses = []
    for b in range(4):
        # Candidates are everybody's targets and the uniform ones, but for another's equal item.
        kept = [j for j in range(7) if j == b or item_J[j] != item_J[b]]
        weights = [math.exp(logit_BJ[b, j]) / (1 if j == b else float(expected_J[j])) for j in kept]
        losses.append(-math.log(math.exp(logit_BJ[b, b]) / sum(weights)))
    found = mixed_softmax(logit_BJ, item_J, expected_J)
    assert float(found) == pytest.approx(sum(losses) / 4, rel=1e-5)


def test_the_corrected_softmax_estimates_the_softmax_over_all_items() -> None:
    # Of one user with 50 items, many draws of a batch of 300 targets and 200 uniform items.
    chance = torch_generator(0, "estimate")
    logit_I, share_I = torch.randn(50, generator=chance), torch.rand(50, generator=chance)
    share_I = share_I / share_I.sum()
    others = torch.multinomial(share_I, 299, replacement=True, generator=chance)
    uniform = torch.randint(50, (200,), generator=chance)
    item_J = torch.cat([torch.tensor([7]), others, uniform])
    expected_J = (300 * share_I + 200 / 50)[item_J]
    found = mixed_softmax(logit_I[item_J][None], item_J, expected_J)
    assert float(found) == pytest.approx(float(-logit_I.log_softmax(0)[7]), abs=0.1)


def test_negatives_are_uniform_over_the_other_items() -> None:
    target_B = torch.tensor([0, 3, 1]).repeat(4_000)
    drawn_BN = draw_negatives(target_B, 4, 4, torch_generator(0, "drawn"))
    assert not (drawn_BN == target_B[:, None]).any()
    for target in (0, 3, 1):
        counts_I = torch.bincount(drawn_BN[target_B == target].flatten(), minlength=4)
        share_I = counts_I / counts_I.sum()
        # 16,000 draws: a deviation of .0037; four of them.
        assert (share_I[[i for i in range(4) if i != target]] - 1 / 3).abs().max() < 0.015


def plain_gradients(towers: TwoTower, x_BD: Tensor, item_BM: Tensor) -> list[Tensor]:
    """Return the gradients when each pair passes through both towers by itself."""
    user, item = copy.deepcopy(towers._user_tower), copy.deepcopy(towers._item_tower)
    user.zero_grad()
    item.zero_grad()
    losses = []
    for x_D, items_M in zip(x_BD, item_BM, strict=True):
        for m, i in enumerate(items_M):
            logit = user(x_D) @ item(towers._items_IE[i])
            losses.append(-logsigmoid(logit if m == 0 else -logit))
    torch.autograd.backward(torch.stack(losses).mean())
    return [p.grad for p in [*user.parameters(), *item.parameters()] if p.grad is not None]


def test_one_step_equals_a_loop_over_pairs() -> None:
    towers = fitted(num=100)
    x_BD = torch.randn(6, 2, generator=torch_generator(0, "users"))
    target_B = torch.tensor([3, 5, 3, 0, 9, 9])
    # The same draws as an epoch of one batch makes them.
    chance = torch_generator(0, "epoch")
    order_B = torch.randperm(6, generator=chance)
    negative_BN = draw_negatives(target_B[order_B], NUM_ITEMS, 4, chance)
    item_BM = torch.cat([target_B[order_B, None], negative_BN], 1)
    expected = plain_gradients(towers, x_BD[order_B], item_BM)
    modules = torch.nn.ModuleList([towers._user_tower, towers._item_tower])
    optimizer = torch.optim.SGD(modules.parameters(), lr=0.0)
    towers._epoch(optimizer, x_BD, target_B, torch_generator(0, "epoch"))
    for parameter, gradient in zip(modules.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-6, rtol=1e-5)


def test_it_stops_when_it_no_longer_improves_and_keeps_its_best_epoch() -> None:
    x_B2, targets = asked(60, 2)
    config = TwoTowerConfig(hidden=(16,), out_dim=8, max_epochs=50, patience=2, learning_rate=0.1)
    towers = TwoTower(config).fit(items(), Pairs(*planted(300, 1)), (x_B2, targets), 0)
    assert 3 <= towers.num_epochs < 50
    better_B, tied_B = targets.all_places(lambda place_B: towers.scores(x_B2[place_B]))
    # The last two epochs were worse, so weights that were not put back would be found out.
    assert float(gains(better_B, tied_B, 10).mean()) == towers.valid_score
    longer = TwoTower(TwoTowerConfig(**{**config.to_dict(), "hidden": (16,), "patience": 50}))
    longer.fit(items(), Pairs(*planted(300, 1)), (x_B2, targets), 0)
    assert longer.num_epochs == 50
    assert longer.valid_score >= towers.valid_score
    assert towers.seconds_per_epoch > 0


def test_the_scale_keeps_what_is_large_large() -> None:
    x_B2 = np.array([[0.0, 10.0], [2.0, 14.0]], np.float32)
    # Deviations from the means 1 and 12 are 1 and 2; the root of their mean square is √2.5.
    expected = np.array([[-1, -2], [1, 2]]) / np.sqrt(2.5)
    np.testing.assert_allclose(Scale.fit(x_B2)(x_B2), expected, rtol=1e-6)
    assert (
        Scale.fit(np.ones((3, 2), np.float32))(np.ones((3, 2), np.float32)).tolist() == [[0, 0]] * 3
    )
    assert Scale.fit(x_B2)(np.full((1, 2), 1e6, np.float32)).tolist() == [[10, 10]]


def test_each_number_may_have_a_scale_of_its_own() -> None:
    x_B3 = np.array([[1, 100, 7], [3, 300, 7], [2, 200, 7]], np.float32)
    # Deviations of 1 2 3 and of 100 200 300: √(2/3) and 100 · √(2/3); a constant number is zeros.
    unit = 1.5**0.5
    expected = [[-unit, -unit, 0], [unit, unit, 0], [0, 0, 0]]
    np.testing.assert_allclose(Scale.fit(x_B3, "each")(x_B3), expected, rtol=1e-6)
    whole = Scale.fit(x_B3)(x_B3)
    assert abs(whole[0, 1]) > 50 * abs(whole[0, 0])


def test_first_weights_are_those_of_torch_in_law() -> None:
    first = perceptron((400, 300, 8), torch_generator(0, "x"))[0]
    assert isinstance(first, torch.nn.Linear)
    # Uniform within ± 1 / √400: a deviation of .05 / √3.
    assert first.weight.detach().abs().max() <= 0.05
    assert float(first.weight.detach().std()) == pytest.approx(0.05 / 3**0.5, rel=0.01)


def test_what_cannot_be_learned_is_said() -> None:
    pairs, valid = Pairs(*planted(20, 1)), asked(20, 2)
    with pytest.raises(GuardError, match="two items or more to choose from, got 1"):
        TwoTower(SMALL).fit(items()[:1], pairs, valid, 0)
    with pytest.raises(GuardError, match="need train users and validation users"):
        TwoTower(SMALL).fit(items(), Pairs(pairs.x_BD[:0], pairs.target_B[:0]), valid, 0)
    broken = pairs.x_BD.copy()
    broken[7, 1] = np.nan
    with pytest.raises(DataError, match=r"the vector of a user is not finite \(row 7\)"):
        TwoTower(SMALL).fit(items(), Pairs(broken, pairs.target_B), valid, 0)
    with pytest.raises(UsageError, match="patience must be at least 1, got 0"):
        TwoTowerConfig(patience=0)
    with pytest.raises(UsageError, match="hidden must be widths"):
        TwoTowerConfig(hidden=(4, 0))
