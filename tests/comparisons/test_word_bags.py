"""Bags of words as batches and what reads them."""

import copy

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch.optim import Adam, SparseAdam

from habitus.comparisons.word_bags import (
    WordBagEncoder,
    WordBagEncoderConfig,
    plain_bag,
    word_bags,
)
from habitus.probes import fine_tune
from habitus.probes.fine_tune import ClassNetwork
from habitus.random import torch_generator
from habitus.training.row_adam import RowAdam

WEIGHT_UW = csr_array(np.array([[0.5, 0, 2], [0, 0, 0], [0, 1, 0], [3, 0, 0]], np.float32))


def test_a_batch_holds_the_rows_asked_for_in_their_order() -> None:
    ((rows, batch),) = word_bags(WEIGHT_UW)(np.array([2, 0, 1]))
    assert rows.tolist() == [0, 1, 2]
    assert batch.word_N.tolist() == [1, 0, 2]
    assert batch.weight_N.tolist() == [1, 0.5, 2]
    assert batch.ptr_U1.tolist() == [0, 1, 3, 3]
    assert (batch.num_users, batch.num_events, batch.padded_events) == (3, 3, 3)


@pytest.mark.parametrize("num_hidden", [0, 2])
def test_the_encoder_is_a_matrix_product_and_layers(num_hidden: int) -> None:
    config = WordBagEncoderConfig(num_words=3, width=5, num_hidden=num_hidden, dropout=0.5)
    encoder = WordBagEncoder(config).eval()
    ((_, batch),) = word_bags(WEIGHT_UW)(np.arange(4))
    z_UD, mask_U, _ = encoder(batch)
    x_UD = torch.from_numpy(WEIGHT_UW.toarray()) @ encoder.words.weight
    linears = [layer for layer in encoder.layers if isinstance(layer, torch.nn.Linear)]
    assert len(linears) == num_hidden
    for linear in linears:
        x_UD = linear(x_UD).relu()
    torch.testing.assert_close(z_UD, x_UD.relu())
    assert mask_U.tolist() == [True, False, True, True]
    # 2 flops for each of 4 entries and 5 numbers; 2 · 5 · 5 for each user and layer
    flops = 2 * 4 * 5 + num_hidden * 4 * 2 * 25
    assert encoder.forward_flops(batch) == (flops, flops)


def test_gradients_hold_the_words_of_the_batch_only() -> None:
    encoder = WordBagEncoder(WordBagEncoderConfig(num_words=3, width=5))
    ((_, batch),) = word_bags(WEIGHT_UW)(np.array([3]))
    torch.autograd.backward(encoder(batch).z_UD.sum())
    gradient = encoder.words.weight.grad
    assert gradient is not None
    assert gradient.is_sparse
    assert gradient.coalesce().indices().tolist() == [[0]]


@pytest.mark.parametrize("num_hidden", [0, 2])
def test_steps_of_training_are_those_of_torch_s_bag_and_sparse_adam(num_hidden: int) -> None:
    chance = np.random.default_rng(0)
    counts_UW = chance.poisson(0.3, (24, 50)) * chance.random((24, 50))
    batches = word_bags(csr_array(counts_UW.astype(np.float32)))
    config = WordBagEncoderConfig(num_words=50, width=16, num_hidden=num_hidden)
    class_U = torch.from_numpy(chance.integers(0, 3, 24))
    torch.manual_seed(0)
    encoder = WordBagEncoder(config)
    ours = ClassNetwork(copy.deepcopy(encoder), 3, 0.0, torch_generator(0))
    twin = ClassNetwork(encoder, 3, 0.0, torch_generator(0))
    optimizers = fine_tune._optimizers(ours, 1e-2, 0.0)
    assert [type(optimizer) for optimizer in optimizers] == [Adam, RowAdam]
    table_WD = encoder.words.weight
    dense = [p for name, p in twin.named_parameters() if name != "encoder.words.weight"]
    plain = [Adam(dense, lr=1e-2), SparseAdam([table_WD], lr=1e-2)]
    for _ in range(8):
        places = chance.permutation(24)[:10]
        ((_, batch),) = batches(places)
        for optimizer in (*optimizers, *plain):
            optimizer.zero_grad()
        said_UC = twin.head(encoder.layers(plain_bag(table_WD, batch)))
        for logits_UC in (ours(batch), said_UC):
            loss = torch.nn.functional.cross_entropy(logits_UC, class_U[places])
            torch.autograd.backward(loss)
        for optimizer in (*optimizers, *plain):
            optimizer.step()
        for name, weight in twin.named_parameters():
            torch.testing.assert_close(ours.get_parameter(name), weight, atol=1e-6, rtol=0)


def test_dropout_stands_between_hidden_layers() -> None:
    config = WordBagEncoderConfig(num_words=3, width=64, num_hidden=2, dropout=0.5)
    encoder = WordBagEncoder(config)
    kinds = [type(layer).__name__ for layer in encoder.layers]
    assert kinds == ["Linear", "ReLU", "Dropout", "Linear", "ReLU"]
