"""What is hidden is hidden as A-S3 says, and the loss is that of a loop over targets."""

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from habitus.data.channel_sequence import NUM_TIME_BUCKETS, TIME_MASK, ChannelSequenceBatch
from habitus.data.vocabulary import MASK, MISSING, NUM_SPECIAL, UNKNOWN
from habitus.encoders import UserEncoder
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.errors import UsageError
from habitus.nn.experts_config import ExpertsConfig
from habitus.nn.routing import BALANCE, Z
from habitus.nn.sampled_softmax import draw_negatives, sampled_cross_entropy
from habitus.objectives import OBJECTIVES, Loss, Objective
from habitus.objectives.masked_channel import (
    DENSE_MASKED,
    GAP,
    MaskedChannelConfig,
    MaskedChannelPrediction,
    Masking,
    combine,
)
from habitus.random import torch_generator
from habitus.testing.objectives import ObjectiveContract
from tests.encoders.sequences import CONFIG, NUM_BINS, make_batch
from tests.nn.sharded import MASKED_USERS, masked_system, of_all

MASKED = MaskedChannelConfig(
    token_names=("service", "item_id"),
    dense_names=("price", "amount"),
    num_bins=(NUM_BINS, NUM_BINS),
    mask_share=0.5,
)
USERS = {0: 8, 1: 0, 2: 13, 3: 5}
NUM_CHANNELS = 5
"""Two of tokens, two dense ones, and the gap."""
INPUTS = ("tokens_TC", "dense_TF", "state_TF", "gap_T", "age_T", "offsets_U1")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def system(
    *, composed_above: int | None = None, **changes: Any
) -> tuple[ChannelTransformer, MaskedChannelPrediction]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = replace(CONFIG, dropout=0.0, composed_above=composed_above)
        encoder = ChannelTransformer(config)
        objective = MaskedChannelPrediction(replace(MASKED, **changes), encoder)
        for bias in objective.token_bias:
            torch.nn.init.normal_(bias)
    return encoder.eval(), objective.eval()


def many_events(num_events: int = 20_000) -> ChannelSequenceBatch:
    """Return events whose every value is one of a kind, so that a replacement shows."""
    own_T = torch.arange(num_events) + NUM_SPECIAL
    return ChannelSequenceBatch(
        tokens_TC=torch.stack([own_T, own_T], 1),
        dense_TF=torch.stack([own_T, own_T], 1).float(),
        state_TF=torch.zeros(num_events, 2, dtype=torch.long),
        bins_TF=torch.zeros(num_events, 2, dtype=torch.long),
        gap_T=own_T,
        age_T=own_T,
        offsets_U1=torch.tensor([0, num_events]),
    )


def near(count: Tensor | int, trials: Tensor | int, share: float) -> bool:
    """Return whether a binomial count is within five standard deviations of its mean."""
    deviation = math.sqrt(int(trials) * share * (1 - share))
    return abs(int(count) - int(trials) * share) < 5 * deviation


class TestMaskedChannelPrediction(ObjectiveContract):
    unreached = frozenset({"encoder.no_events"})
    masked = MASKED

    def make(self) -> tuple[UserEncoder, Objective]:
        encoder = ChannelTransformer(replace(CONFIG, dropout=0.0))
        return encoder, MaskedChannelPrediction(self.masked, encoder)

    def make_batch(self, users: Mapping[int, int]) -> ChannelSequenceBatch:
        return make_batch(users)


class TestSampledSoftmax(TestMaskedChannelPrediction):
    masked = replace(MASKED, sampled_above=4, num_negatives=16)


EXPERTS = ExpertsConfig(num_experts=4, attention="moe_qkv", attention_experts=2)


class TestExperts(TestMaskedChannelPrediction):
    def make(self) -> tuple[UserEncoder, Objective]:
        encoder = ChannelTransformer(replace(CONFIG, dropout=0.0, experts=EXPERTS))
        return encoder, MaskedChannelPrediction(self.masked, encoder)


def with_experts(experts: ExpertsConfig) -> tuple[ChannelTransformer, MaskedChannelPrediction]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = ChannelTransformer(replace(CONFIG, dropout=0.0, experts=experts))
        return encoder.eval(), MaskedChannelPrediction(MASKED, encoder).eval()


@pytest.mark.parametrize(
    ("changes", "balance_weight"),
    [
        ({}, 0.01),
        ({"balance_weight": 3.0}, 3.0),
        ({"balance": "bias"}, 0),
        ({"balance": "none"}, 0),
    ],
)
def test_losses_of_routers_are_added_with_their_weights(
    changes: dict[str, Any], balance_weight: float
) -> None:
    encoder, objective = with_experts(replace(EXPERTS, **changes))
    batch = make_batch(USERS)
    loss = objective(encoder, batch, generator())
    masked = objective.hide(batch, generator()).batch
    routing = encoder.encode_events(masked, encoder.layout(masked)).routing
    # Two blocks of three routers of attention and one of the feed-forward layer.
    assert len(routing) == 8
    balance = sum(float(one.balance.detach()) for one in routing.values()) / 8
    z = sum(float(one.z.detach()) for one in routing.values()) / 8
    assert loss.parts[BALANCE].item() == pytest.approx(balance, rel=1e-5)
    assert loss.parts[Z].item() == pytest.approx(z, rel=1e-5)
    assert loss.counts[BALANCE] == loss.counts[Z] == 26
    channels = {n: (loss.parts[n], loss.counts[n]) for n in loss.parts if "routing" not in n}
    expected = combine(channels).total + balance_weight * balance + 1e-3 * z
    assert loss.total.item() == pytest.approx(expected.item(), rel=1e-5)


def test_shares_go_with_the_loss_and_move_biases_alone() -> None:
    for experts, is_biased in ((EXPERTS, False), (replace(EXPERTS, balance="bias"), True)):
        encoder, objective = with_experts(experts)
        shares = objective(encoder, make_batch(USERS), generator()).shares
        assert shares["blocks.0.ffns.0.router"].sum().item() == pytest.approx(1.0)
        assert not any(share_E.requires_grad for share_E in shares.values())
        before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
        encoder.rebalance(shares)
        moved = [n for n, x in encoder.state_dict().items() if not torch.equal(x, before[n])]
        assert bool(moved) is is_biased
        assert all(name.endswith("bias_E") for name in moved)


def test_one_expert_has_no_loss_of_routers() -> None:
    encoder, objective = system()
    loss = objective(encoder, make_batch(USERS), generator())
    assert not [name for name in loss.parts if "routing" in name]
    assert loss.shares == {}


def test_validation_is_of_channels_alone() -> None:
    parts = {
        "a": (torch.tensor(2.0), torch.tensor(5)),
        BALANCE: (torch.tensor(9.0), torch.tensor(7)),
        Z: (torch.tensor(9.0), torch.tensor(7)),
    }
    loss = combine(parts)
    assert loss.total == 2.0
    assert list(loss.parts) == ["a", BALANCE, Z]


def test_the_shares_are_those_of_the_resolution() -> None:
    defaults = MaskedChannelConfig()
    assert (defaults.mask_share, defaults.all_channels_share) == (0.15, 0.5)
    assert (defaults.random_share, defaults.keep_share) == (0.1, 0.1)


def test_of_the_events_so_many_are_hidden_half_of_them_whole_but_for_the_gap() -> None:
    _, objective = system(mask_share=0.15)
    hidden_TK = objective.hide(many_events(), generator()).hidden_TK
    assert hidden_TK.shape == (20_000, NUM_CHANNELS)
    count_T = hidden_TK.sum(1)
    assert near((count_T > 0).sum(), 20_000, 0.15)
    # All channels but the gap, or one of all five: nothing in between.
    assert set(count_T.tolist()) == {0, 1, NUM_CHANNELS - 1}
    whole_T = count_T == NUM_CHANNELS - 1
    assert near(whole_T.sum(), (count_T > 0).sum(), 0.5)
    assert not hidden_TK[whole_T, -1].any()
    for channel in range(NUM_CHANNELS):
        alone = (hidden_TK[:, channel] & (count_T == 1)).sum()
        assert near(alone, (count_T == 1).sum(), 1 / NUM_CHANNELS)


def test_hidden_values_are_masked_replaced_or_kept_eight_to_one_to_one() -> None:
    _, objective = system()
    batch = many_events()
    masking = objective.hide(batch, generator())
    masked = masking.batch
    states = {
        "tokens": (masked.tokens_TC, batch.tokens_TC, masked.tokens_TC == MASK),
        "dense": (masked.dense_TF, batch.dense_TF, masked.state_TF == DENSE_MASKED),
        "gap": (masked.gap_T[:, None], batch.gap_T[:, None], masked.gap_T[:, None] == TIME_MASK),
    }
    columns = {"tokens": slice(0, 2), "dense": slice(2, 4), "gap": slice(4, 5)}
    for name, (value, original, is_mask) in states.items():
        hidden = masking.hidden_TK[:, columns[name]]
        assert near(is_mask[hidden].sum(), hidden.sum(), 0.8), name
        kept = (value == original) & ~is_mask & hidden
        assert near(kept.sum(), hidden.sum(), 0.1), name
        # The rest is the value of some other event of the batch.
        other = value[hidden & ~is_mask & ~kept]
        assert near(len(other), hidden.sum(), 0.1), name
        assert set(other.tolist()) <= set(original.flatten().tolist())
    assert not masked.dense_TF[masked.state_TF == DENSE_MASKED].any()


def test_what_is_not_hidden_is_as_it_was() -> None:
    _, objective = system()
    batch = many_events(2_000)
    masking = objective.hide(batch, generator())
    shown_TK = ~masking.hidden_TK
    masked = masking.batch
    assert torch.equal(masked.tokens_TC[shown_TK[:, :2]], batch.tokens_TC[shown_TK[:, :2]])
    assert torch.equal(masked.dense_TF[shown_TK[:, 2:4]], batch.dense_TF[shown_TK[:, 2:4]])
    assert torch.equal(masked.state_TF[shown_TK[:, 2:4]], batch.state_TF[shown_TK[:, 2:4]])
    assert torch.equal(masked.gap_T[shown_TK[:, 4]], batch.gap_T[shown_TK[:, 4]])
    assert torch.equal(masked.age_T[shown_TK[:, 4]], batch.age_T[shown_TK[:, 4]])
    assert torch.equal(masked.bins_TF, batch.bins_TF)
    assert masked.offsets_U1 is batch.offsets_U1


def test_a_hidden_gap_hides_the_age_which_would_tell_it() -> None:
    _, objective = system()
    masking = objective.hide(many_events(2_000), generator())
    hidden_T = masking.hidden_TK[:, -1]
    assert hidden_T.any()
    # Also where the gap itself was kept or replaced.
    assert (masking.batch.age_T[hidden_T] == TIME_MASK).all()
    assert (masking.batch.gap_T[hidden_T] != TIME_MASK).any()


def test_a_value_from_another_event_brings_its_state_along() -> None:
    # Half of the values are missing: a 0 that says "present" would be a value nobody had.
    _, objective = system(mask_share=1.0, random_share=1.0, keep_share=0.0)
    batch = many_events(2_000)
    missing_TF = batch.dense_TF % 2 == 0
    batch = replace(
        batch,
        dense_TF=batch.dense_TF.masked_fill(missing_TF, 0.0),
        state_TF=missing_TF.long(),
        bins_TF=batch.bins_TF.masked_fill(missing_TF, -1),
    )
    masked = objective.hide(batch, generator()).batch
    assert ((masked.dense_TF == 0) == (masked.state_TF == 1)).all()


def test_nothing_and_everything_can_be_hidden() -> None:
    _, nothing = system(mask_share=0.0)
    assert not nothing.hide(many_events(500), generator()).hidden_TK.any()
    _, everything = system(mask_share=1.0, all_channels_share=1.0, random_share=0.0, keep_share=0.0)
    masked = everything.hide(many_events(500), generator()).batch
    assert (masked.tokens_TC == MASK).all()
    assert (masked.state_TF == DENSE_MASKED).all()


def test_what_is_hidden_is_a_function_of_the_generator() -> None:
    _, objective = system()
    one, same, other = (objective.hide(make_batch(USERS), generator(s)) for s in (1, 1, 2))
    assert torch.equal(one.hidden_TK, same.hidden_TK)
    assert torch.equal(one.batch.tokens_TC, same.batch.tokens_TC)
    assert not torch.equal(one.hidden_TK, other.hidden_TK)


def test_a_true_value_that_is_masked_reaches_the_loss_and_not_the_encoder() -> None:
    encoder, objective = system(mask_share=1.0, random_share=0.0, keep_share=0.0)
    batch = make_batch(USERS)
    hidden_TK = objective.hide(batch, generator()).hidden_TK
    hidden_T = hidden_TK[:, -1]
    other = replace(
        batch,
        tokens_TC=torch.where(hidden_TK[:, :2], (batch.tokens_TC - 2) % 3 + 3, batch.tokens_TC),
        dense_TF=torch.where(hidden_TK[:, 2:4], batch.dense_TF + 9, batch.dense_TF),
        state_TF=torch.where(hidden_TK[:, 2:4], 1 - batch.state_TF, batch.state_TF),
        bins_TF=torch.where(hidden_TK[:, 2:4], (batch.bins_TF + 1) % NUM_BINS, batch.bins_TF),
        gap_T=torch.where(hidden_T, (batch.gap_T + 1) % TIME_MASK, batch.gap_T),
        age_T=torch.where(hidden_T, (batch.age_T + 1) % TIME_MASK, batch.age_T),
    )
    here, there = (objective.hide(b, generator()).batch for b in (batch, other))
    for name in INPUTS:
        assert torch.equal(getattr(here, name), getattr(there, name)), name
    losses = [objective(encoder, b, generator()) for b in (batch, other)]
    for name in losses[0].parts:
        assert losses[0].parts[name] != losses[1].parts[name], name


def log_probability(logits: Tensor, target: int) -> float:
    return float(logits[target] - logits.exp().sum().log())


def plain_losses(
    encoder: ChannelTransformer,
    objective: MaskedChannelPrediction,
    batch: ChannelSequenceBatch,
    seed: int = 0,
) -> dict[str, list[float]]:
    """The slow twin: one event and one channel at a time."""
    chance = generator(seed)
    masking = objective.hide(batch, chance)
    h_TD = encoder.encode_events(masking.batch, encoder.layout(batch)).x_TD
    losses: dict[str, list[float]] = {}
    for c, (name, size) in enumerate(zip(MASKED.token_names, CONFIG.num_tokens, strict=True)):
        losses[name] = []
        table, bias = encoder.project.channel_table(c, size), objective.token_bias[c]
        is_sampled = size > objective.config.sampled_above
        negatives = torch.empty(0)
        if is_sampled:
            count = objective.config.num_negatives
            negatives = draw_negatives(count, size - NUM_SPECIAL, chance)
        for t in range(batch.num_events):
            target = int(batch.tokens_TC[t, c])
            if not masking.hidden_TK[t, c] or target == UNKNOWN:
                continue
            assert objective.token_query is not None
            query = objective.token_query(h_TD[t]).view(-1, CONFIG.channel_dim)[c]
            if not is_sampled:
                losses[name].append(-log_probability(table @ query + bias, target))
            elif target >= NUM_SPECIAL:
                known = (table[NUM_SPECIAL:], bias[NUM_SPECIAL:])
                place = torch.tensor([target - NUM_SPECIAL])
                loss_B = sampled_cross_entropy(query[None], *known, place, negatives)
                losses[name].append(float(loss_B))
    for f, name in enumerate(MASKED.dense_names):
        losses[name] = [
            -log_probability(objective.dense_heads[f](h_TD[t]), int(batch.bins_TF[t, f]))
            for t in range(batch.num_events)
            if masking.hidden_TK[t, 2 + f] and batch.bins_TF[t, f] >= 0
        ]
    losses[GAP] = [
        -log_probability(objective.gap_head(h_TD[t]), int(batch.gap_T[t]))
        for t in range(batch.num_events)
        if masking.hidden_TK[t, -1]
    ]
    return losses


@pytest.mark.parametrize("composed_above", [None, 7])
@pytest.mark.parametrize("sampled_above", [4_096, 7, 4])
def test_the_loss_is_that_of_a_loop_over_events_and_channels(
    sampled_above: int, composed_above: int | None
) -> None:
    # The vocabularies have 6 and 9 tokens: none, the second, or both are sampled; the second may
    # have rows that are composed.
    encoder, objective = system(
        composed_above=composed_above, sampled_above=sampled_above, num_negatives=5
    )
    assert (1 in encoder.project.places.composed) == (composed_above == 7)
    batch = make_batch(USERS)
    assert {MISSING, UNKNOWN, MASK + 1} <= set(batch.tokens_TC.flatten().tolist())
    loss = objective(encoder, batch, generator())
    with torch.no_grad():
        plain = plain_losses(encoder, objective, batch)
    assert list(loss.parts) == list(plain)
    for name, values in plain.items():
        assert int(loss.counts[name]) == len(values) > 0
        assert loss.parts[name].item() == pytest.approx(sum(values) / len(values), rel=1e-5)
    means = [sum(values) / len(values) for values in plain.values()]
    assert loss.total.item() == pytest.approx(sum(means) / len(means), rel=1e-5)


def test_a_channel_without_a_target_counts_nothing() -> None:
    encoder, objective = system()
    batch = make_batch(USERS)
    # One channel is always missing, one is unknown to the vocabulary.
    tokens_TC = batch.tokens_TC.clone()
    tokens_TC[:, 1] = UNKNOWN
    bins_TF = batch.bins_TF.clone()
    bins_TF[:, 0] = -1
    loss = objective(encoder, replace(batch, tokens_TC=tokens_TC, bins_TF=bins_TF), generator())
    absent = {name for name, count in loss.counts.items() if count == 0}
    assert absent == {"item_id", "price"}
    others = [float(part) for name, part in loss.parts.items() if name not in absent]
    assert loss.total.item() == pytest.approx(sum(others) / 3, rel=1e-6)
    torch.autograd.backward(loss.total)
    for parameter in objective.parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all()


def test_a_missing_value_is_a_target_unless_the_softmax_is_sampled() -> None:
    batch = make_batch(USERS)
    batch = replace(batch, tokens_TC=torch.full_like(batch.tokens_TC, MISSING))
    for sampled_above, is_target in ((4_096, True), (4, False)):
        encoder, objective = system(sampled_above=sampled_above)
        loss = objective(encoder, batch, generator())
        assert (int(loss.counts["item_id"]) > 0) == is_target


def test_a_batch_in_which_no_event_is_hidden_is_no_error() -> None:
    encoder, objective = system(mask_share=0.0)
    loss = objective(encoder, make_batch(USERS), generator())
    assert loss.total.item() == 0.0
    assert all(count == 0 for count in loss.counts.values())
    torch.autograd.backward(loss.total)


def test_combining_by_hand() -> None:
    def part(mean: float, count: int) -> tuple[Tensor, Tensor]:
        return torch.tensor(mean), torch.tensor(count)

    loss: Loss = combine({"a": part(2.0, 5), "b": part(0.0, 0), "c": part(4.0, 1)})
    # The mean of 2 and 4, however many targets each has; b is absent.
    assert loss.total == 3.0
    assert list(loss.parts) == ["a", "b", "c"]
    assert combine({"a": part(0.0, 0)}).total == 0.0


def test_output_weights_are_the_rows_of_the_input_table() -> None:
    encoder, objective = system(mask_share=1.0, all_channels_share=1.0)
    batch = make_batch({2: 13})
    batch = replace(batch, tokens_TC=torch.full_like(batch.tokens_TC, UNKNOWN + 2))
    torch.autograd.backward(objective(encoder, batch, generator()).total)
    grad = encoder.project.table.weight.grad
    assert grad is not None
    # Rows that no event holds get a gradient as wrong answers of the softmax.
    assert grad[: sum(CONFIG.num_tokens)].any(1).all()


def test_operations_by_hand() -> None:
    encoder, objective = system(mask_share=0.5, sampled_above=7)
    batch = make_batch(USERS)
    true, executed = objective.forward_flops(encoder, batch)
    inside_true, inside_executed = encoder.forward_flops(batch)
    # 26 events, half of them with a target: queries 2·13·8·(2·4); logits of vocabularies of 6 and
    # of 9, cut to 7, at half of those events: 2·6.5·4·(6 + 7); bins and gap 2·13·8·(4 + 4 + 122).
    ours = 2 * 13 * 8 * 8 + 2 * 6.5 * 4 * 13 + 2 * 13 * 8 * (8 + NUM_TIME_BUCKETS)
    assert true - inside_true == pytest.approx(ours)
    assert executed - inside_executed == pytest.approx(ours)


def test_it_is_registered() -> None:
    assert OBJECTIVES[MaskedChannelPrediction.name] is MaskedChannelPrediction


@pytest.mark.parametrize(
    "values",
    [{"mask_share": 1.1}, {"keep_share": -0.1}, {"random_share": 0.6, "keep_share": 0.5}],
)
def test_shares_that_mean_nothing_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="share"):
        MaskedChannelConfig.from_dict(values)


def joined(batches: list[ChannelSequenceBatch]) -> ChannelSequenceBatch:
    """Return the users of several batches as one."""
    names = [field.name for field in fields(ChannelSequenceBatch) if field.name != "offsets_U1"]
    lengths = torch.cat([batch.offsets_U1.diff() for batch in batches])
    return ChannelSequenceBatch(
        **{name: torch.cat([getattr(batch, name) for batch in batches]) for name in names},
        offsets_U1=torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)]),
    )


@pytest.mark.parametrize("world", [2, 3])
def test_targets_are_those_of_all_processes(world: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_all(world, "masked")
    encoder, objective = masked_system()
    batches = [make_batch(MASKED_USERS[rank]) for rank in range(world)]
    masks = [objective.hide(b, torch_generator(r, "mask")) for r, b in enumerate(batches)]
    hidden = Masking(joined([m.batch for m in masks]), torch.cat([m.hidden_TK for m in masks]))
    monkeypatch.setattr(objective, "hide", lambda *_: hidden)
    loss = objective(encoder, joined(batches), generator())
    torch.autograd.backward(loss.total)
    weights = torch.nn.ModuleDict({"encoder": encoder, "objective": objective})
    for tensors in found:
        torch.testing.assert_close(tensors["total"][0], loss.total.detach(), atol=1e-5, rtol=1e-5)
        for name, count in loss.counts.items():
            assert tensors[f"count {name}"].item() == count.item() > 0
        for name, weight in weights.named_parameters():
            if weight.grad is not None:
                torch.testing.assert_close(tensors[name], weight.grad, atol=1e-5, rtol=1e-5)
    # Somebody lacks a target that another one has, or the mean of means would do.
    counts = torch.stack([m.hidden_TK.sum(0) for m in masks])
    assert (counts[0] * 2 < counts[1]).all()
