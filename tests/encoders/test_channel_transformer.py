"""The channel encoder keeps the promise of every encoder, and reads all that its batch says."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from habitus.config import Config
from habitus.data.channel_sequence import NUM_TIME_BUCKETS, ChannelSequenceBatch
from habitus.encoders import ENCODERS, UserEncoder
from habitus.encoders.channel_transformer import ChannelTransformer, ChannelTransformerConfig
from habitus.errors import UsageError
from habitus.nn import expert_products
from habitus.nn.experts import parameter_counts
from habitus.nn.experts_config import ExpertsConfig
from habitus.nn.routing import Router, statistics
from habitus.testing.encoders import EncoderContract, assert_near
from tests.encoders.sequences import CONFIG, make_batch


def encoder(**changes: Any) -> ChannelTransformer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ChannelTransformer(replace(CONFIG, **changes)).eval()


class TestChannelTransformer(EncoderContract):
    encoder: ClassVar[type[UserEncoder]] = ChannelTransformer
    config: ClassVar[Config] = CONFIG

    def make_batch(self, users: Mapping[int, int]) -> ChannelSequenceBatch:
        return make_batch(users)


class TestTwoFeedForwardLayersAndBothPools(TestChannelTransformer):
    config = replace(CONFIG, num_ffn=2, pooling="max_mean")


class TestPooledChannels(TestChannelTransformer):
    config = replace(CONFIG, pool_channels=True, pooling="max_sum")


class TestMeanPooling(TestChannelTransformer):
    config = replace(CONFIG, pooling="mean")


class TestWithoutDenseChannels(TestChannelTransformer):
    config = replace(CONFIG, num_dense=0)
    unreached = frozenset({"project.direction_FE"})

    def make_batch(self, users: Mapping[int, int]) -> ChannelSequenceBatch:
        batch = make_batch(users)
        none = {name: getattr(batch, name)[:, :0] for name in ("dense_TF", "state_TF", "bins_TF")}
        return replace(batch, **none)


EXPERTS = {
    "switch": ExpertsConfig(num_experts=4),
    "fine-grained": ExpertsConfig(num_experts=4, split=2, shared=1),
    "renormalised, by a bias": ExpertsConfig(
        num_experts=4, top_k=2, renormalise=True, balance="bias"
    ),
    "paper": ExpertsConfig(num_experts=4, attention="moe_qkv", attention_experts=2),
    "switchhead": ExpertsConfig(attention="switchhead", attention_experts=3, attention_top_k=2),
}
with_experts = pytest.mark.parametrize("experts", EXPERTS.values(), ids=EXPERTS)


class TestSwitch(TestChannelTransformer):
    config = replace(CONFIG, num_ffn=2, experts=EXPERTS["switch"])


class TestFineGrained(TestChannelTransformer):
    config = replace(CONFIG, experts=EXPERTS["fine-grained"])


class TestRenormalisedByABias(TestChannelTransformer):
    config = replace(CONFIG, experts=EXPERTS["renormalised, by a bias"])


class TestPaper(TestChannelTransformer):
    config = replace(CONFIG, experts=EXPERTS["paper"])


class TestEq5AsPrinted(TestChannelTransformer):
    config = replace(CONFIG, experts=replace(EXPERTS["paper"], attention="scalar_gate"))


class TestSwitchHead(TestChannelTransformer):
    config = replace(CONFIG, experts=EXPERTS["switchhead"])


class TestAddedChannels(TestChannelTransformer):
    config = replace(CONFIG, projection="sum", channel_dim=8, pool_channels=True)


class TestComposedChannels(TestChannelTransformer):
    config = replace(CONFIG, composed_above=7, pool_channels=True)


class TestPeriodicDenseChannels(TestChannelTransformer):
    config = replace(CONFIG, dense_embedding="periodic", num_frequencies=4)


class TestChannelsInEveryBlock(TestChannelTransformer):
    config = replace(CONFIG, mfp_per_block=True, num_blocks=3)


@pytest.mark.parametrize(
    "changes",
    [{"mfp_per_block": True, "num_blocks": 3}, {"dense_embedding": "periodic"}],
)
def test_operations_of_other_projections_are_those_that_pytorch_counts(
    changes: dict[str, Any],
) -> None:
    module, batch = encoder(**changes), make_batch({0: 6, 1: 6})
    with (
        torch.no_grad(),
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        module(batch)
    assert module.forward_flops(batch) == (counter.get_total_flops(),) * 2


def test_one_expert_is_the_dense_encoder_bit_by_bit() -> None:
    dense, batch = encoder(), make_batch({0: 3, 1: 0, 2: 5})
    one = encoder(experts=ExpertsConfig(balance_weight=5.0, attention="switchhead"))
    assert {n: t.shape for n, t in one.state_dict().items()} == {
        n: t.shape for n, t in dense.state_dict().items()
    }
    assert torch.equal(one(batch).z_UD, dense(batch).z_UD)
    assert one(batch).aux == {}
    assert one.encode_events(batch, one.layout(batch)).routing == {}


def test_a_config_from_before_there_were_experts_is_read() -> None:
    old = CONFIG.to_dict()
    del old["experts"]
    assert ChannelTransformerConfig.from_dict(old) == CONFIG


@with_experts
@pytest.mark.parametrize("users", [{0: 3, 1: 0, 2: 5}, {0: 0}])
def test_what_routers_did_is_returned_by_their_paths(
    experts: ExpertsConfig, users: Mapping[int, int]
) -> None:
    module, batch = encoder(experts=experts), make_batch(users)
    routers = [path for path, m in module.named_modules() if isinstance(m, Router)]
    routing = module.encode_events(batch, module.layout(batch)).routing
    assert sorted(routing) == sorted(routers)
    aux = module(batch).aux
    assert aux.keys() == statistics(routing).keys()
    for path in routers:
        share_E = aux[f"{path}.share"]
        assert share_E.sum().item() == pytest.approx(float(batch.num_events > 0))
        assert not share_E.requires_grad
    # A head that learns beside the encoder adds them to its loss.
    assert aux["routing.balance"].requires_grad
    assert aux["routing.z"].isfinite()


def test_biases_move_only_when_they_are_told_to() -> None:
    module, batch = encoder(experts=EXPERTS["renormalised, by a bias"]), make_batch({0: 9})
    routing = module.encode_events(batch, module.layout(batch)).routing
    path = "blocks.1.ffns.0.router"
    router = module.get_submodule(path)
    assert isinstance(router, Router)
    assert router.bias_E is not None
    assert not router.bias_E.any()
    share_E = routing[path].share_E
    module.rebalance({path: share_E})
    torch.testing.assert_close(router.bias_E, 1e-3 * (0.25 - share_E).sign())
    assert "blocks.1.ffns.0.router.bias_E" in module.state_dict()


@with_experts
def test_operations_with_experts_are_those_that_pytorch_counts(
    experts: ExpertsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # PyTorch counts products of one expert each, not grouped ones.
    monkeypatch.setattr(expert_products, "MEASURED", {})
    module, batch = encoder(num_ffn=2, experts=experts), make_batch({0: 6, 1: 6})
    with (
        torch.no_grad(),
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        module(batch)
    assert module.forward_flops(batch) == (counter.get_total_flops(),) * 2


def test_equal_operations_have_as_many_active_weights_but_for_routers_and_biases() -> None:
    counts = {
        n: parameter_counts(encoder(experts=ExpertsConfig(num_experts=n))) for n in (1, 4, 16)
    }
    dense = counts[1]
    assert dense.total == dense.active + dense.embedding
    for n in (4, 16):
        # Two blocks: a router of 8 · n; n - 1 more experts of 2 · 8 · 16; no biases of 16 + 8.
        assert counts[n].active == dense.active + 2 * (8 * n - 24)
        assert counts[n].total == dense.total + 2 * (8 * n + (n - 1) * 256 - 24)
        assert counts[n].embedding == dense.embedding
    # 6 + 9 tokens, gap and age, 12 places, 2 · 3 states of dense channels; 4 wide.
    assert dense.embedding == 4 * (6 + 9 + 2 * NUM_TIME_BUCKETS + 12 + 6)


@pytest.mark.parametrize("pool_channels", [False, True])
def test_a_user_without_events_has_the_learned_vector(pool_channels: bool) -> None:
    module = encoder(pool_channels=pool_channels)
    for users in ({0: 0}, {0: 3, 1: 0}, {0: 0, 1: 0}):
        out = module(make_batch(users))
        assert torch.equal(out.z_UD[~out.mask_U], module.no_events.expand((~out.mask_U).sum(), -1))


def test_no_user_is_no_row() -> None:
    nothing = replace(make_batch({0: 0}), offsets_U1=torch.zeros(1, dtype=torch.long))
    out = encoder()(nothing)
    assert out.z_UD.shape == (0, 8)
    assert out.mask_U.shape == (0,)


def test_pooled_channels_stand_beside_the_pooled_states() -> None:
    users = {0: 3, 1: 0, 2: 5}
    module, batch = encoder(pool_channels=True, pooling="max"), make_batch(users)
    z_UD = module(batch).z_UD
    # 8 for the states, 2 channels of 4 for what the events hold, gap and age of 4 for when.
    assert z_UD.shape == (3, 24)
    assert module.representation_dim == 24
    same = encoder(pooling="max")
    same.load_state_dict({**module.state_dict(), "no_events": module.no_events[:8]})
    assert_near(z_UD[:, :8], same(batch).z_UD)
    for c, size in enumerate(CONFIG.num_tokens):
        table = module.project.channel_table(c, size)
        for user, start, stop in ((0, 0, 3), (2, 3, 8)):
            expected_E = table[batch.tokens_TC[start:stop, c]].max(0).values
            assert_near(z_UD[user, 8 + 4 * c : 12 + 4 * c], expected_E)
    assert encoder(pool_channels=True, pooling="max_sum").representation_dim == 48


def test_states_of_events_are_those_of_each_user_alone() -> None:
    module, users = encoder(), {0: 3, 1: 0, 2: 7, 3: 1}
    batch = make_batch(users)
    together = torch.split(
        module.encode_events(batch, module.layout(batch)).x_TD, [*users.values()]
    )
    for (name, length), mine_LD in zip(users.items(), together, strict=True):
        alone = make_batch({name: length})
        assert_near(mine_LD, module.encode_events(alone, module.layout(alone)).x_TD)


def test_states_of_no_events_are_an_empty_tensor() -> None:
    module, batch = encoder(), make_batch({0: 0, 1: 0})
    assert module.encode_events(batch, module.layout(batch)).x_TD.shape == (0, 8)


@pytest.mark.parametrize("name", ["tokens_TC", "dense_TF", "state_TF", "gap_T", "age_T"])
def test_every_input_is_read(name: str) -> None:
    module, batch = encoder(pooling="mean"), make_batch({0: 5})
    value = getattr(batch, name)
    size = {"tokens_TC": 6, "state_TF": 3, "dense_TF": None}.get(name, NUM_TIME_BUCKETS)
    other = value + 1 if size is None else (value + 1) % size
    assert (module(batch).z_UD != module(replace(batch, **{name: other})).z_UD).any()


def test_bins_are_targets_and_never_read() -> None:
    module, batch = encoder(), make_batch({0: 5, 1: 2})
    other = replace(batch, bins_TF=batch.bins_TF + 1)
    assert torch.equal(module(batch).z_UD, module(other).z_UD)


def test_the_place_is_counted_from_the_end_and_stops_at_the_longest() -> None:
    module, batch = encoder(max_events=3), make_batch({0: 5, 1: 0, 2: 2})
    place_T = module._place_from_end(batch, module.layout(batch))
    assert place_T.tolist() == [2, 2, 2, 1, 0, 1, 0]


def test_the_order_of_events_matters_because_of_their_place() -> None:
    module, batch = encoder(pooling="mean"), make_batch({0: 5})
    names = ("tokens_TC", "dense_TF", "state_TF", "bins_TF", "gap_T", "age_T")
    backwards = replace(batch, **{name: getattr(batch, name).flip(0) for name in names})
    assert not torch.allclose(module(batch).z_UD, module(backwards).z_UD, atol=1e-4)


@pytest.mark.parametrize("num_ffn", [1, 2])
def test_operations_are_those_that_pytorch_counts_where_nothing_is_padded(num_ffn: int) -> None:
    module, batch = encoder(num_ffn=num_ffn), make_batch({0: 6, 1: 6, 2: 6})
    # Only the plain kernel of attention is counted on a CPU.
    with (
        torch.no_grad(),
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        module(batch)
    assert module.forward_flops(batch) == (counter.get_total_flops(),) * 2


def test_padding_costs_attention_only() -> None:
    true, executed = encoder().forward_flops(make_batch({0: 2, 1: 6}))
    # Two blocks, 4 Σ L² D: true 4 + 36, executed 2 users · 36.
    assert executed - true == 2 * 4 * (72 - 40) * 8


def test_it_is_registered() -> None:
    assert ENCODERS[ChannelTransformer.name] is ChannelTransformer


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"width": 0}, "width must be at least 1, got 0"),
        ({"num_heads": 3}, "num_heads must divide width 8, got 3"),
        ({"max_events": 0}, "max_events"),
        ({"num_ffn": -1}, "num_ffn"),
        ({"dropout": 1.5}, "dropout"),
        ({"experts": {"num_experts": 4, "split": 3}}, "experts.split must divide hidden 16, got 3"),
        ({"experts": {"num_expert": 4}}, "did you mean 'num_experts'"),
        ({"projection": "sum"}, "set channel_dim to width 8, got 4"),
        ({"num_frequencies": 0}, "num_frequencies must be at least 1, got 0"),
        ({"pooling": "median"}, "must be one of 'max', 'mean'"),
    ],
)
def test_sizes_that_mean_nothing_are_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        ChannelTransformerConfig.from_dict({**CONFIG.to_dict(), **values})
