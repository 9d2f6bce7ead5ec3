"""Item texts, packed and each encoded once, are the padded encoder of PyTorch's own layers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from habitus.config import Config
from habitus.data.item_sequence import ItemSequenceBatch
from habitus.encoders import ENCODERS, UserEncoder, item_text
from habitus.encoders.item_text import ItemTextEncoder, shorten
from habitus.errors import UsageError
from habitus.nn.stages import run
from habitus.testing.encoders import EncoderContract, assert_near
from tests.encoders.item_batches import (
    CONFIG,
    history,
    history_batch,
    item_batch,
    make_batch,
    tokens_of,
)
from tests.encoders.item_twin import PaddedItemText, PaddedTransformer, padded_tokens

items = st.lists(st.integers(0, 9), max_size=5)
users = st.lists(st.fixed_dictionaries({0: items, 1: items}), min_size=1, max_size=4)


def encoder(**changes: Any) -> ItemTextEncoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = ItemTextEncoder(replace(CONFIG, **changes)).eval()
        # The first weights are so small that mistakes would be, too.
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
    return module


def slots(module: ItemTextEncoder, batch: ItemSequenceBatch, size: int = 0) -> Tensor:
    return run(module.stages(batch, size))


class TestItemText(EncoderContract):
    encoder: ClassVar[type[UserEncoder]] = ItemTextEncoder
    config: ClassVar[Config] = CONFIG

    def make_batch(self, users: Mapping[int, int]) -> ItemSequenceBatch:
        return make_batch(users)


class TestNarrowSlots(TestItemText):
    config = replace(CONFIG, out_dim=7)


class TestAgesAndLearnedSlots(TestItemText):
    config = replace(CONFIG, ages=True, missing="learned")

    def make_batch(self, users: Mapping[int, int]) -> ItemSequenceBatch:
        # Two is on one service only.
        histories = {name: history(name, length) for name, length in users.items()}
        return history_batch(
            [{0: [*h[0], *h[1]]} if name == 2 else h for name, h in histories.items()]
        )


class TestSetsOfItems(TestItemText):
    config = replace(CONFIG, positions="none", service_layers=0)


class TestWeighedTokens(TestItemText):
    config = replace(CONFIG, weighted=True, normed=False)


class TestBags(TestItemText):
    config = replace(
        CONFIG,
        weighted=True,
        normed=False,
        positions="none",
        item_layers=0,
        service_layers=0,
        out_dim=7,
    )


class TestOneTransformer(TestItemText):
    config = replace(CONFIG, single=True, service_layers=0, max_sequence=30)


@given(users)
@settings(deadline=None, max_examples=25)
def test_slots_and_gradients_are_those_of_the_padded_twin(histories: list[Any]) -> None:
    batch = history_batch(histories)
    if not batch.num_slots:
        return
    ours = encoder(max_items=3)
    twin = PaddedItemText(ours).eval()
    z_GD, expected_GD = slots(ours, batch), twin(padded_tokens(batch))
    assert_near(z_GD, expected_GD)
    weight_GD = torch.randn(z_GD.shape, generator=torch.Generator().manual_seed(1))
    for out_GD in (z_GD, expected_GD):
        torch.autograd.backward((out_GD * weight_GD).sum())
    for theirs, mine in twin.pairs(ours):
        assert theirs.grad is not None
        assert mine.grad is not None
        assert_near(mine.grad, theirs.grad)


def test_each_distinct_text_passes_once() -> None:
    module = encoder()
    # Item 4 on service 0: three times; on service 1 it is another text.
    batch = history_batch([{0: [4, 5, 4], 1: [4]}, {0: [4]}, {}])
    seen: list[int] = []
    module.item_transformer.register_forward_hook(lambda *called: seen.append(len(called[2])))
    module(batch)
    assert seen == [3]
    assert batch.num_events == 5


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("size", [1, 7, 30, 1_000])
def test_in_parts_or_at_once_is_the_same(size: int, single: bool) -> None:
    module = encoder(single=single, service_layers=0 if single else 1)
    batch = make_batch({0: 9, 1: 0, 2: 5, 3: 1})
    whole_GD = slots(module, batch)
    assert_near(slots(module, batch, size), whole_GD)
    other = encoder(single=single, service_layers=0 if single else 1, tokens_per_step=size)
    assert_near(slots(other, batch), whole_GD)
    # 15 items, of 9 tokens at most.
    assert (len(module.stages(batch, size)[-1]) == 1) == (size >= (15 * 9 if single else 15))


def test_without_gradients_a_batch_may_be_large(monkeypatch: pytest.MonkeyPatch) -> None:
    module, batch = encoder(), make_batch({0: 9, 1: 0, 2: 5, 3: 1})
    expected_UD = module(batch).z_UD
    made: list[int] = []
    module.item_transformer.register_forward_hook(lambda *called: made.append(len(called[1][0])))
    monkeypatch.setattr(item_text, "TOKENS_OF_PART", 20)
    with torch.no_grad():
        assert_near(module(batch).z_UD, expected_UD)
    assert max(made) <= 20 < sum(made) == batch.num_tokens


def test_slots_of_a_user_stand_side_by_side_and_missing_ones_are_zeros() -> None:
    module = encoder(num_services=3)
    batch = history_batch([{0: [1, 2], 2: [3]}, {}, {1: [2]}])
    out = module(batch)
    z_UKD = out.z_UD.view(3, 3, 8)
    place = {(0, 2): slots(module, item_batch([(0, 2, [3])], 1))[0]}
    place[0, 0] = slots(module, item_batch([(0, 0, [1, 2])], 1))[0]
    place[2, 1] = slots(module, item_batch([(0, 1, [2])], 1))[0]
    for (user, service), z_D in place.items():
        assert_near(z_UKD[user, service], z_D)
    for user, service in ((0, 1), (2, 0), (2, 2)):
        assert not z_UKD[user, service].any()
    assert torch.equal(out.z_UD[1], module.null_user)
    expected = [[True, False, True], [False, False, False], [False, True, False]]
    assert out.aux["present_UK"].tolist() == expected
    assert out.mask_U.tolist() == [True, False, True]


def test_missing_slots_can_be_learned() -> None:
    module = encoder(missing="learned")
    assert module.missing_KE is not None
    z_UD = module(history_batch([{1: [2]}, {}])).z_UD
    assert torch.equal(z_UD[0, :8], module.missing_KE[0])
    assert torch.equal(z_UD[1], module.null_user)
    assert encoder().missing_KE is None


def test_each_service_has_a_linear_layer_of_its_own() -> None:
    wide, narrow = encoder(), encoder(out_dim=7)
    narrow.load_state_dict({**narrow.state_dict(), **_without_null(wide)})
    batch = history_batch([{0: [1, 2], 1: [3, 4, 5]}])
    assert (narrow.slot_dim, narrow.representation_dim) == (3, 6)  # 7 // 2, twice
    assert narrow.reduce is not None
    weight_KED, bias_KE = narrow.reduce.weight.view(2, 3, 8), narrow.reduce.bias.view(2, 3)
    z_KD, found_KE = wide(batch).z_UD.view(2, 8), narrow(batch).z_UD.view(2, 3)
    for service in range(2):
        assert_near(found_KE[service], weight_KED[service] @ z_KD[service] + bias_KE[service])


def _without_null(module: ItemTextEncoder) -> dict[str, Tensor]:
    return {name: value for name, value in module.state_dict().items() if name != "null_user"}


def test_two_halves_on_one_service_are_two_slots() -> None:
    module = encoder()
    batch = item_batch([(0, 1, [1, 2]), (0, 1, [3]), (1, 1, [1, 2])], 2)
    z_GD = slots(module, batch)
    assert batch.slot_user_G.tolist() == [0, 0, 1]
    assert_near(z_GD[1], z_GD[2])
    assert not torch.allclose(z_GD[0], z_GD[1], atol=1e-3)


def test_items_count_from_the_latest() -> None:
    module = encoder(max_items=2)
    assert module.service_transformer is not None
    positions = module.service_transformer.positions
    assert positions is not None
    before = slots(module, item_batch([(0, 0, [1, 2])], 1))
    with torch.no_grad():
        positions.weight[0, :4] += 1.0  # what the latest alone has
    latest = slots(module, item_batch([(0, 0, [2])], 1))
    with torch.no_grad():
        positions.weight[1, :4] += 1.0  # all older ones
    assert torch.equal(latest, slots(module, item_batch([(0, 0, [2])], 1)))
    assert not torch.allclose(before, slots(module, item_batch([(0, 0, [1, 2])], 1)), atol=1e-3)


@pytest.mark.parametrize("single", [False, True])
def test_order_matters_with_positions_only(single: bool) -> None:
    layers = {"single": single, "service_layers": 0 if single else 1}
    there, back = item_batch([(0, 0, [1, 2, 3])], 1), item_batch([(0, 0, [3, 2, 1])], 1)
    seeing, blind = encoder(**layers), encoder(**layers, positions="none")
    assert not torch.allclose(slots(seeing, there), slots(seeing, back), atol=1e-3)
    assert_near(slots(blind, there), slots(blind, back))


def test_one_transformer_reads_the_latest_tokens_of_all_items() -> None:
    module = encoder(single=True, service_layers=0, max_sequence=11)
    words = [w for item in (6, 4, 3) for w in tokens_of(1, item)]
    assert len(words) == 9 + 7 + 6
    twin = PaddedTransformer(module.item_transformer).eval()
    x_1LD = module.tokens(torch.tensor([words[-11:]]))
    expected_D = twin(x_1LD, torch.ones(1, 11, dtype=torch.bool), torch.arange(11).flip(0)[None])[0]
    # Beside shorter and longer ones, which change its place.
    batch = item_batch([(0, 0, [1]), (1, 1, [6, 4, 3]), (2, 0, [0, 1, 0]), (3, 0, [5, 1, 2, 2])], 4)
    z_GD = slots(module, batch)
    (mine,) = (batch.slot_user_G == 1).nonzero().flatten().tolist()
    assert_near(z_GD[mine], expected_D)
    assert_near(slots(module, batch, 1), z_GD)


def test_ages_are_octaves_and_need_dates() -> None:
    module, batch = encoder(ages=True), make_batch({0: 5})

    def aged(seconds: int) -> Tensor:
        return slots(module, replace(batch, time_S=torch.full((5,), seconds)))

    # 8 and 15 are of the octave 2³, 16 is not.
    assert torch.equal(aged(7), aged(14))
    assert not torch.allclose(aged(14), aged(15), atol=1e-3)
    assert torch.equal(aged(2**39), aged(2**60))
    with pytest.raises(UsageError, match="ages need dates"):
        slots(module, replace(batch, time_S=None))


@pytest.mark.parametrize("changes", [{}, {"out_dim": 6}, {"single": True, "service_layers": 0}])
def test_operations_are_those_that_pytorch_counts_where_nothing_is_padded(changes: Any) -> None:
    module = encoder(**changes, dropout=0.0)
    # Texts of 4 tokens (item 1), three items a slot, one of them for all.
    batch = item_batch([(0, 0, [1, 1, 1]), (1, 0, [1, 1, 1]), (1, 1, [1, 1, 1])], 2)
    # Only the plain kernel of attention is counted on a CPU.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        module(batch)
    assert module.forward_flops(batch) == (counter.get_total_flops(),) * 2


def test_operations_by_hand() -> None:
    # Texts of 3, 3 and 5 tokens (items 0, 7, 2), each once; slots of 1 and 4 items.
    batch = item_batch([(0, 0, [0]), (1, 0, [0, 7, 2, 0])], 2, padding_share=0.5)
    assert batch.text_ptr_I1.tolist() == [0, 3, 6, 11]
    assert batch.text_group_H1.tolist() == [0, 3]
    assert batch.slot_group_H1.tolist() == [0, 2]
    true, executed = encoder().forward_flops(batch)
    # 24 D² a token, 4 D a cell of attention: two blocks over tokens, one over items.
    dense = 24 * 64 * (2 * 11 + 5)
    assert true == dense + 4 * 8 * (2 * (9 + 9 + 25) + 1 + 16)
    assert executed == dense + 4 * 8 * (2 * 3 * 25 + 2 * 16)


def test_nothing_but_empty_users_is_no_error() -> None:
    for changes in ({}, {"single": True, "service_layers": 0}, {"out_dim": 4}):
        module = encoder(**changes)
        out = module(history_batch([{}, {}]))
        assert torch.equal(out.z_UD, module.null_user.expand(2, -1))
        torch.autograd.backward(out.z_UD.sum())
        assert module.forward_flops(history_batch([{}])) == (0, 0)


def test_no_user_is_no_row() -> None:
    assert encoder()(item_batch([], 0)).z_UD.shape == (0, 16)


def test_a_prefix_is_the_first_numbers_of_each_slot() -> None:
    z_UD = torch.arange(12.0).view(1, 12)
    assert shorten(z_UD, 3, 2).tolist() == [[0, 1, 4, 5, 8, 9]]


def test_a_warm_start_has_the_scale_of_the_table() -> None:
    module = encoder()
    before_VD = module.tokens.weight.detach().clone()
    known_V = torch.arange(50) < 30
    vectors_VD = 7 * torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    module.warm_start(vectors_VD, known_V)
    found_VD = module.tokens.weight.detach()
    assert torch.equal(found_VD[30:], before_VD[30:])
    assert found_VD[:30].std() == pytest.approx(0.02)
    ratio_VD = found_VD[:30] / vectors_VD[:30]
    torch.testing.assert_close(ratio_VD, ratio_VD[0, 0].expand(30, 8))
    with pytest.raises(UsageError, match=r"is \(50, 8\), and the vectors are \(50, 4\)"):
        module.warm_start(vectors_VD[:, :4], known_V)


def test_dropout_is_for_training_only() -> None:
    module, batch = encoder(dropout=0.5), make_batch({0: 5, 1: 3})
    assert torch.equal(slots(module, batch), slots(module, batch))
    module.train()
    torch.manual_seed(0)
    assert not torch.equal(slots(module, batch), slots(module, batch))


def test_histories_of_the_tests_have_the_length_that_is_asked_for() -> None:
    assert [sum(map(len, history(3, n).values())) for n in (0, 1, 2, 9)] == [0, 1, 2, 9]


def test_it_is_registered() -> None:
    assert ENCODERS[ItemTextEncoder.name] is ItemTextEncoder


def _weight(module: ItemTextEncoder, token: int) -> float:
    assert module.log_weights is not None
    return float(module.log_weights.weight.detach()[token].exp())


@pytest.mark.parametrize("weighted", [False, True])
def test_bags_are_weighted_means_of_tokens_and_of_items(weighted: bool) -> None:
    layers = {"item_layers": 0, "service_layers": 0}
    module = encoder(weighted=weighted, normed=False, positions="none", dropout=0.0, **layers)
    batch = make_batch({1: 3, 2: 2})
    z_GD = slots(module, batch)
    for slot in range(batch.num_slots):
        start, stop = batch.slot_ptr_G1[slot : slot + 2].tolist()
        total, weights = torch.zeros(module.config.width), 0.0
        for item in batch.item_S[start:stop].tolist():
            first, last = batch.text_ptr_I1[item : item + 2].tolist()
            tokens = batch.token_T[first:last].tolist()
            w = [_weight(module, t) if weighted else 1 / len(tokens) for t in tokens]
            rows = module.tokens.weight.detach()[tokens]
            total += (torch.tensor(w)[:, None] * rows).sum(0)
            weights += sum(w)
        torch.testing.assert_close(z_GD[slot], total / weights)
    # Dropout needs a row for each token; where nothing is dropped, both ways are one.
    slow = encoder(weighted=weighted, normed=False, positions="none", dropout=0.1, **layers)
    slow.train()
    assert not slow.item_transformer.is_plain
    slow.item_transformer.dropout.eval()
    slow.item_transformer.dropout.p = 1e-12
    assert slow.service_transformer is not None
    slow.service_transformer.dropout.eval()
    torch.testing.assert_close(slots(slow, batch), z_GD)


def test_weights_begin_equal_and_need_items() -> None:
    fresh = ItemTextEncoder(replace(CONFIG, weighted=True))
    assert fresh.log_weights is not None
    assert not fresh.log_weights.weight.any()
    with pytest.raises(UsageError, match="set ages and weighted to false"):
        replace(CONFIG, single=True, service_layers=0, weighted=True)


def test_a_warm_start_may_bring_weights_and_a_scale() -> None:
    module = ItemTextEncoder(replace(CONFIG, weighted=True))
    shape = module.tokens.weight.shape
    known_V = torch.arange(shape[0]) % 2 == 0
    weight_V = torch.arange(1.0, shape[0] + 1)
    module.warm_start(torch.randn(shape), known_V, weight_V, std=1.0)
    assert float(module.tokens.weight.detach()[known_V].std()) == pytest.approx(1, rel=1e-4)
    assert float(module.tokens.weight.detach()[~known_V].std()) < 0.1
    assert _weight(module, 6) == pytest.approx(7, rel=1e-5)
