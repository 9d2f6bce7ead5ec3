"""Packed attention is the padded attention of PyTorch, and that of each sequence alone."""

import sys
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from habitus.nn.attention import PackedAttention, PackedLayout

WIDTH, HEADS = 8, 2
CPU = torch.device("cpu")
MIXED = [3, 0, 5, 1, 0]
lengths = st.lists(st.integers(0, 6), max_size=6)


def layout(lengths_: list[int]) -> PackedLayout:
    return PackedLayout(torch.tensor([0, *lengths_]).cumsum(0), CPU)


def attention() -> PackedAttention:
    torch.manual_seed(0)
    return PackedAttention(WIDTH, HEADS)


def tokens(num_tokens: int) -> Tensor:
    return torch.randn(num_tokens, WIDTH, generator=torch.Generator().manual_seed(1))


def padded_twin(module: PackedAttention) -> nn.MultiheadAttention:
    """PyTorch's own, with the same weights."""
    twin = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    twin.in_proj_weight.data = module.query_key_value.weight.data
    twin.in_proj_bias.data = module.query_key_value.bias.data
    twin.out_proj.weight.data = module.output.weight.data
    twin.out_proj.bias.data = module.output.bias.data
    return twin


@given(lengths)
def test_padding_and_unpadding_are_inverse(lengths_: list[int]) -> None:
    here, x_TD = layout(lengths_), tokens(sum(lengths_))
    x_ULD = here.pad(x_TD)
    assert x_ULD.shape == (len(lengths_), max(lengths_, default=0), WIDTH)
    assert torch.equal(here.unpad(x_ULD), x_TD)
    start = 0
    for sequence, length in enumerate(lengths_):
        assert torch.equal(x_ULD[sequence, :length], x_TD[start : start + length])
        assert not x_ULD[sequence, length:].any()
        start += length


def test_a_layout_by_hand() -> None:
    here = layout([2, 0, 1])
    assert (here.num_sequences, here.max_length, here.is_full) == (3, 2, False)
    assert here.valid_UL.tolist() == [[True, True], [False, False], [True, False]]
    assert here.place_T.tolist() == [0, 1, 4]
    # Keys of padding are hidden, but for an empty sequence, whose softmax would be 0 / 0.
    assert here.mask_U11L.squeeze().tolist() == [[True, True], [True, True], [True, False]]


@pytest.mark.parametrize("lengths_", [[3, 1, 5], [4, 4, 4], [1], [6, 2, 2, 1]])
def test_packed_is_padded_with_a_mask_of_keys(lengths_: list[int]) -> None:
    module, here, x_TD = attention(), layout(lengths_), tokens(sum(lengths_))
    x_ULD = here.pad(x_TD)
    expected_ULD, _ = padded_twin(module)(
        x_ULD, x_ULD, x_ULD, key_padding_mask=~here.valid_UL, need_weights=False
    )
    expected_TD = expected_ULD.flatten(0, 1)[here.place_T]
    torch.testing.assert_close(module(x_TD, here), expected_TD, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("lengths_", [MIXED, [4, 4, 4], [2, 7]])
def test_a_sequence_is_the_same_alone(lengths_: list[int]) -> None:
    module, here, x_TD = attention(), layout(lengths_), tokens(sum(lengths_))
    together = module(x_TD, here).split(lengths_)
    for mine_TD, x_LD in zip(together, torch.split(x_TD, lengths_), strict=True):
        if len(x_LD):
            alone_LD = module(x_LD, layout([len(x_LD)]))
            torch.testing.assert_close(mine_TD, alone_LD, atol=1e-5, rtol=1e-5)


def test_equally_long_sequences_need_no_mask_and_give_the_same() -> None:
    module, x_TD = attention(), tokens(8)
    assert layout([4, 4]).is_full
    assert not layout([4, 4, 0]).is_full
    full_TD = module(x_TD, layout([4, 4]))
    torch.testing.assert_close(full_TD, module(x_TD, layout([4, 4, 0])), atol=1e-5, rtol=1e-5)


def test_the_order_of_sequences_is_the_order_of_results() -> None:
    module, lengths_, order = attention(), [3, 0, 5, 1], [2, 3, 1, 0]
    parts = torch.split(tokens(9), lengths_)
    there = module(torch.cat(parts), layout(lengths_)).split(lengths_)
    here = module(torch.cat([parts[p] for p in order]), layout([lengths_[p] for p in order]))
    torch.testing.assert_close(here, torch.cat([there[p] for p in order]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("lengths_", [MIXED, [0, 0], []])
def test_empty_sequences_stay_finite_forwards_and_backwards(lengths_: list[int]) -> None:
    module, x_TD = attention(), tokens(sum(lengths_)).requires_grad_()
    with torch.autograd.set_detect_anomaly(True, check_nan=True):
        out_TD = module(x_TD, layout(lengths_))
        torch.autograd.backward(out_TD.square().sum())
    assert out_TD.shape == x_TD.shape
    assert out_TD.isfinite().all()
    assert x_TD.grad is not None
    assert x_TD.grad.isfinite().all()


def test_attention_looks_both_ways() -> None:
    module, x_TD = attention(), tokens(3)
    changed_TD = x_TD.clone()
    changed_TD[2] += 1
    before, after = (module(x, layout([3])) for x in (x_TD, changed_TD))
    assert (before[0] != after[0]).any()


@pytest.mark.parametrize("num_heads", [0, 3, -2])
def test_heads_must_divide_the_width(num_heads: int) -> None:
    with pytest.raises(ValueError, match=f"must divide the width 8, got {num_heads}"):
        PackedAttention(WIDTH, num_heads)


def grouped(lengths_: list[int], cuts: list[int]) -> PackedLayout:
    return PackedLayout(layout(lengths_).offsets_U1, CPU, torch.tensor(cuts))


@given(lengths, st.lists(st.integers(0, 6), max_size=3))
def test_groups_change_nothing_but_the_padding(lengths_: list[int], cuts: list[int]) -> None:
    inside = sorted({min(cut, len(lengths_)) for cut in cuts} | {0, len(lengths_)})
    here, plain, module = grouped(lengths_, inside), layout(lengths_), attention()
    x_TD = tokens(sum(lengths_))
    torch.testing.assert_close(module(x_TD, here), module(x_TD, plain), atol=1e-5, rtol=1e-5)
    held = [group.num_sequences * group.max_length for group in here.groups]
    longest = [max(lengths_[a:b]) * (b - a) for a, b in pairs(inside)]
    assert held == (longest or [0])


def pairs(cuts: list[int]) -> list[tuple[int, int]]:
    return list(pairwise(cuts))


def test_a_layout_without_groups_is_one_group() -> None:
    here = layout(MIXED)
    assert here.groups == [here]
    assert here.num_tokens == 9


def test_a_part_has_the_groups_that_reach_into_it() -> None:
    here = grouped([1, 1, 2, 3, 3, 4], [0, 2, 5, 6])
    part = here.part(1, 4)
    assert part.offsets_U1.tolist() == [0, 1, 3, 6]
    assert part.group_H1 is not None
    assert part.group_H1.tolist() == [0, 1, 3]
    assert layout([1, 2]).part(1, 2).group_H1 is None
    empty = here.part(2, 2)
    assert (empty.num_tokens, empty.num_sequences) == (0, 0)


@given(lengths, st.integers(1, 12))
def test_steps_hold_whole_sequences_up_to_the_size(lengths_: list[int], size: int) -> None:
    spans = list(layout(lengths_).steps(size))
    assert [spans[0][0], *(stop for _, stop in spans)] == [
        *(start for start, _ in spans),
        len(lengths_),
    ]
    for start, stop in spans:
        assert stop - start == 1 or sum(lengths_[start:stop]) <= size
        assert stop == len(lengths_) or sum(lengths_[start : stop + 1]) > size
    assert list(layout(lengths_).steps(0)) == [(0, len(lengths_))]


def test_on_a_gpu_nothing_is_padded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel for it is asked; that kernel itself is asked on a GPU only."""
    asked = []

    def varlen_attn(q: Tensor, k: Tensor, v: Tensor, *where: object) -> Tensor:
        asked.append(where)
        offsets = where[0]
        assert isinstance(offsets, Tensor)
        spans = pairs(offsets.tolist())
        out = [
            torch.nn.functional.scaled_dot_product_attention(
                q[a:b].transpose(0, 1), k[a:b].transpose(0, 1), v[a:b].transpose(0, 1)
            )
            for a, b in spans
        ]
        return torch.cat([each.transpose(0, 1) for each in out])

    kernel = SimpleNamespace(varlen_attn=varlen_attn)
    monkeypatch.setitem(sys.modules, "torch.nn.attention.varlen", kernel)
    module, here, x_TD = attention(), grouped([3, 5, 1], [0, 1, 3]), tokens(9)
    found = module.output(module._attend_packed(module.query_key_value(x_TD), here))
    torch.testing.assert_close(found, module(x_TD, here), atol=1e-5, rtol=1e-5)
    (where,) = asked
    assert where[0] is where[1]
    assert isinstance(where[0], Tensor)
    assert where[0].dtype == torch.int32
    assert where[2:] == (5, 5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_kernel_without_padding_is_attention() -> None:
    gpu, module = torch.device("cuda"), PackedAttention(32, 2).to("cuda")
    plain = PackedLayout(torch.tensor([0, 3, 8, 9]), gpu)
    here = PackedLayout(plain.offsets_U1, gpu, torch.tensor([0, 1, 3]))
    x_TD = torch.randn(9, 32, device=gpu)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        found, expected = module(x_TD, here), module(x_TD, plain)
    torch.testing.assert_close(found, expected, atol=2e-2, rtol=2e-2)
