"""A router is a softmax and a choice, and its losses are those of a loop over tokens."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from habitus.nn.routing import BALANCE, DEAD_SHARE, Router, Routing, Z, losses, statistics

WIDTH, EXPERTS, TOKENS = 6, 4, 50


def router(num_experts: int = EXPERTS, top_k: int = 1, **options: object) -> Router:
    torch.manual_seed(0)
    made = Router(WIDTH, num_experts, top_k, **options)  # type: ignore[arg-type]
    # Larger than the first weights are, so that tokens differ.
    made.weight_ED.data.normal_()
    return made


def tokens(num_tokens: int = TOKENS) -> Tensor:
    return torch.randn(num_tokens, WIDTH, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("top_k", [1, 2, 4])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("score", ["softmax", "sigmoid"])
def test_it_is_that_of_a_loop_over_tokens_and_groups(top_k: int, groups: int, score: str) -> None:
    made, x_TD = router(top_k=top_k, groups=groups, score=score), tokens()
    expert_TK, weight_TK, routing = made(x_TD)
    count = torch.zeros(groups * EXPERTS)
    mean, entropy, z = torch.zeros(groups * EXPERTS), 0.0, 0.0
    for t, x_D in enumerate(x_TD):
        for g in range(groups):
            own = slice(g * EXPERTS, (g + 1) * EXPERTS)
            logit = made.weight_ED[own].detach() @ x_D
            probability = logit.exp() / logit.exp().sum()
            if score == "softmax":
                z += float(logit.exp().sum().log() ** 2)
            else:
                probability = 1 / (1 + (-logit).exp())
            best = sorted(range(EXPERTS), key=lambda e: -float(probability[e]))[:top_k]
            mine = slice(g * top_k, (g + 1) * top_k)
            assert expert_TK[t, mine].tolist() == [g * EXPERTS + e for e in best]
            torch.testing.assert_close(weight_TK[t, mine].detach(), probability[best])
            count[expert_TK[t, mine]] += 1
            share = probability / probability.sum()
            mean[own] += share.detach()
            entropy -= float((share * share.log()).sum())
    rows = TOKENS * groups
    torch.testing.assert_close(routing.share_E, count / (rows * top_k))
    torch.testing.assert_close(routing.probability_E, mean / rows)
    assert routing.entropy.item() == pytest.approx(entropy / rows, rel=1e-5)
    assert routing.z.item() == pytest.approx(z / rows, rel=1e-5)
    # The mean over groups of E Σ f P with f and P that sum to 1 in each.
    f, p = (count / (TOKENS * top_k)).view(groups, -1), (mean / TOKENS).view(groups, -1)
    expected = (EXPERTS * (f * p).sum(1)).mean()
    assert routing.balance.item() == pytest.approx(expected.item(), rel=1e-5)
    assert routing.num_tokens == TOKENS


def test_balance_is_one_where_all_is_even_and_the_number_of_experts_where_it_is_not() -> None:
    made = router()
    # Each token is one direction, and each expert likes one of them much.
    made.weight_ED.data = 50 * torch.eye(WIDTH)[:EXPERTS]
    even = made(torch.eye(WIDTH)[:EXPERTS].repeat(5, 1)).routing
    assert even.balance.item() == pytest.approx(1.0, abs=1e-5)
    assert (even.max_load, even.num_dead) == (1.0, 0)
    one = made(torch.eye(WIDTH)[:1].repeat(20, 1)).routing
    assert one.balance.item() == pytest.approx(EXPERTS, abs=1e-5)
    assert (one.max_load, one.num_dead) == (EXPERTS, EXPERTS - 1)
    assert one.entropy.item() == pytest.approx(0.0, abs=1e-5)


def test_probabilities_alike_have_the_highest_entropy() -> None:
    made = router()
    made.weight_ED.data.zero_()
    routing = made(tokens()).routing
    assert routing.entropy.item() == pytest.approx(math.log(EXPERTS), rel=1e-6)
    # The denominator is a sum of four times e⁰.
    assert routing.z.item() == pytest.approx(math.log(EXPERTS) ** 2, rel=1e-6)


def test_the_first_weights_are_small() -> None:
    torch.manual_seed(0)
    made = Router(256, 64)
    # Variance 0.1 / 256; three standard errors of 16,384 draws.
    spread = (0.1 / 256) ** 0.5
    assert made.weight_ED.std().item() == pytest.approx(spread, rel=3 / (2 * 16_384) ** 0.5)
    routing = made(torch.randn(500, 256)).routing
    assert routing.entropy > 0.95 * math.log(64)


def test_the_balance_loss_moves_probability_away_from_the_busy_expert() -> None:
    made, x_TD = router(), tokens()
    # All tokens lean to the first expert.
    x_TD = normalize(x_TD) + 2 * normalize(made.weight_ED[:1].detach())
    before = made(x_TD).routing
    assert before.share_E.argmax() == 0
    optimizer = torch.optim.SGD(made.parameters(), lr=0.5)
    for _ in range(100):
        optimizer.zero_grad()
        torch.autograd.backward(made(x_TD).routing.balance)
        optimizer.step()
    after = made(x_TD).routing
    assert after.probability_E[0] < before.probability_E[0]
    assert after.balance < before.balance


def test_the_weight_carries_the_gradient_of_the_choice() -> None:
    made = router()
    torch.autograd.backward(made(tokens()).weight_TK.sum())
    assert made.weight_ED.grad is not None
    assert made.weight_ED.grad.any(1).all()


def test_renormalised_weights_sum_to_one_and_keep_their_proportions() -> None:
    plain, ours = router(top_k=2), router(top_k=2, renormalise=True)
    before_TK, after_TK = plain(tokens()).weight_TK, ours(tokens()).weight_TK
    torch.testing.assert_close(after_TK.sum(1), torch.ones(TOKENS))
    torch.testing.assert_close(
        after_TK[:, 0] / after_TK[:, 1], before_TK[:, 0] / before_TK[:, 1], rtol=1e-4, atol=0
    )


def test_a_bias_is_in_the_choice_and_not_in_the_weight() -> None:
    made, x_TD = router(has_bias=True), tokens()
    plain_TE = (x_TD @ made.weight_ED.T).softmax(1)
    assert made.bias_E is not None
    made.bias_E[2] = 10.0
    expert_TK, weight_TK, _ = made(x_TD)
    assert (expert_TK == 2).all()
    torch.testing.assert_close(weight_TK[:, 0], plain_TE[:, 2])


def test_a_bias_moves_against_the_load_by_hand() -> None:
    made = router(has_bias=True)
    assert made.bias_E is not None
    # Shares of .5, .25, .25, 0 around their mean of .25: down, as it is twice, up.
    made.rebalance(torch.tensor([0.5, 0.25, 0.25, 0.0]), 0.01)
    torch.testing.assert_close(made.bias_E, torch.tensor([-0.01, 0.0, 0.0, 0.01]))
    made.rebalance(torch.zeros(4), 0.01)
    torch.testing.assert_close(made.bias_E, torch.tensor([-0.01, 0.0, 0.0, 0.01]))


def test_a_bias_that_is_moved_again_and_again_evens_out_the_load() -> None:
    made = router(has_bias=True)
    x_TD = tokens(400) + 0.5 * made.weight_ED[1].detach()
    before = made(x_TD).routing.max_load
    for _ in range(300):
        made.rebalance(made(x_TD).routing.share_E, 5e-3)
    after = made(x_TD).routing.max_load
    assert before > 1.5
    assert after < 1.1


def test_a_forward_pass_moves_no_bias() -> None:
    made = router(has_bias=True).train()
    made(tokens())
    assert made.bias_E is not None
    assert not made.bias_E.any()
    assert "bias_E" in made.state_dict()
    assert "bias_E" not in router().state_dict()


def test_no_token_is_no_choice_and_no_loss() -> None:
    for options in ({}, {"top_k": 2, "renormalise": True}, {"score": "sigmoid", "groups": 2}):
        expert_TK, weight_TK, routing = router(**options)(tokens(0))
        assert expert_TK.shape == weight_TK.shape
        assert len(expert_TK) == 0
        assert (routing.balance, routing.z, routing.entropy, routing.num_tokens) == (0, 0, 0, 0)
        assert not routing.share_E.any()
        torch.autograd.backward(routing.balance)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("top_k", [1, 2])
def test_a_token_that_is_not_finite_is_found_and_changes_no_other(value: float, top_k: int) -> None:
    made, x_TD = router(top_k=top_k), tokens()
    clean = made(x_TD)
    broken_TD = x_TD.clone()
    broken_TD[7, 0] = value
    found = made(broken_TD)
    others = torch.arange(TOKENS) != 7
    assert torch.equal(found.expert_TK[others], clean.expert_TK[others])
    assert torch.equal(found.weight_TK[others], clean.weight_TK[others])
    assert ((found.expert_TK >= 0) & (found.expert_TK < EXPERTS)).all()
    assert not found.weight_TK[7].isfinite().all()
    assert not found.routing.z.isfinite()
    assert not found.routing.balance.isfinite()


def test_it_decides_in_32_bits_where_all_else_is_in_16() -> None:
    made, x_TD = router(), tokens()
    plain = made(x_TD)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = made(x_TD)
    assert found.weight_TK.dtype == torch.float32
    assert torch.equal(found.weight_TK, plain.weight_TK)


@pytest.mark.parametrize(
    ("num_experts", "top_k", "options", "sentence"),
    [
        (4, 0, {}, "got 0 of 4"),
        (4, 5, {}, "got 5 of 4"),
        (1, 1, {}, "got 1 of 1"),
        (4, 1, {"renormalise": True}, "top_k of 2"),
    ],
)
def test_choices_that_mean_nothing_are_refused(
    num_experts: int, top_k: int, options: dict[str, bool], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        Router(WIDTH, num_experts, top_k, **options)  # type: ignore[arg-type]


def made_routing(share: list[float], balance: float, z: float) -> Routing:
    share_E = torch.tensor(share)
    numbers = (torch.tensor(n) for n in (0.5, balance, z, 20))
    return Routing(share_E, share_E, *numbers)


def test_losses_are_means_over_routers_by_hand() -> None:
    routing = {"a": made_routing([1.0, 0.0], 2.0, 3.0), "b": made_routing([0.5, 0.5], 1.0, 5.0)}
    found = losses(routing)
    assert {name: (float(m), int(n)) for name, (m, n) in found.items()} == {
        BALANCE: (1.5, 20),
        Z: (4.0, 20),
    }
    assert losses({}) == {}


def test_statistics_are_named_by_place() -> None:
    found = statistics({"blocks.0.router": made_routing([0.9995, 0.0005], 2.0, 3.0)})
    assert DEAD_SHARE == 1e-3
    assert found["blocks.0.router.share"].tolist() == pytest.approx([0.9995, 0.0005])
    assert found["blocks.0.router.max_load"].item() == pytest.approx(1.999)
    assert found["blocks.0.router.num_dead"] == 1
    assert found["blocks.0.router.entropy"] == 0.5
    assert found[BALANCE] == 2.0
    assert statistics({}) == {}
