"""GIN is a loop over nodes, PyTorch Geometric's GINConv, and its own shortcuts."""

import warnings
from itertools import product

import pytest
import torch
from torch import Tensor

from habitus.nn.dense_adjacency import DenseNeighbours
from habitus.nn.gin import GIN, Alone, GINLayer
from tests.nn.graphs import NUM_NODES, NUM_PLACES, WIDTH, neighbours, node_ptr, places, rows


def layer(*, norm: bool = False) -> GINLayer:
    """Return a layer in which no weight is where it begins."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = GINLayer(WIDTH, 6, norm=norm)
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.add_(torch.randn(parameter.shape) * 0.2)
    return made


def network(num_layers: int, *, norm: bool, residual: bool) -> GIN:
    """Return a network in which no weight is where it begins."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = GIN(WIDTH, WIDTH, num_layers, norm=norm, residual=residual)
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.add_(torch.randn(parameter.shape) * 0.2)
    return made


def assert_near(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_a_layer_is_a_loop_over_nodes() -> None:
    graph, module, x_VD = neighbours(), layer(), rows(NUM_NODES)
    out_VD = module(x_VD, graph)
    for v in range(NUM_NODES):
        sum_D = (1 + module.epsilon) * x_VD[v]
        for e in range(int(graph.ptr_V1[v]), int(graph.ptr_V1[v + 1])):
            sum_D = sum_D + x_VD[graph.col_E[e]]
        inner_D = (module.first.weight @ sum_D + module.first.bias).relu()
        assert_near(out_VD[v], module.second.weight @ inner_D + module.second.bias)


def test_a_layer_is_that_of_pytorch_geometric() -> None:
    with warnings.catch_warnings():
        # Importing it uses what torch has deprecated.
        warnings.simplefilter("ignore")
        geometric = pytest.importorskip("torch_geometric.nn")
    graph, module, x_VD = neighbours(), layer(), rows(NUM_NODES)
    mlp = torch.nn.Sequential(module.first, torch.nn.ReLU(), module.second)
    twin = geometric.GINConv(mlp, train_eps=True)
    with torch.no_grad():
        twin.eps.copy_(module.epsilon)
    ours, theirs = module(x_VD, graph), twin(x_VD, torch.stack([graph.row_E, graph.col_E.long()]))
    assert_near(ours, theirs)
    g_VD = torch.randn(ours.shape, generator=torch.Generator().manual_seed(2))
    inputs = [x_VD, *mlp.parameters()]
    found = torch.autograd.grad((ours * g_VD).sum(), [*inputs, module.epsilon])
    wanted = torch.autograd.grad((theirs * g_VD).sum(), [*inputs, twin.eps])
    for gradient, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(gradient.view_as(other), other, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("norm", [False, True])
def test_the_first_linear_may_come_before_the_sum(norm: bool) -> None:
    graph, module, table_WD = (
        neighbours(values=True, scale=True),
        layer(norm=norm),
        rows(NUM_PLACES),
    )
    parts = module.inner(module.before(table_WD), graph, places(), node_ptr().tolist())
    short_VD = module.second(torch.cat(parts))
    assert_near(short_VD, module(table_WD[places().place_V], graph))


@pytest.mark.parametrize(
    ("num_layers", "norm", "residual"), list(product([1, 2, 3], [False, True], [False, True]))
)
def test_shortcuts_of_a_network_change_nothing(num_layers: int, norm: bool, residual: bool) -> None:
    graph, x_VD = neighbours(), rows(NUM_NODES)
    module = network(num_layers, norm=norm, residual=residual)
    h_VD = module(x_VD, graph)
    for other in (graph, DenseNeighbours(graph, node_ptr())):
        (inner_VD,) = module.begin(module.before(x_VD), other)
        inner_VD, rest_VD = module.proceed(inner_VD, x_VD if residual else None, other)
        assert_near(module.finish(inner_VD, rest_VD), h_VD)
    gate_D = torch.linspace(-1, 1, WIDTH)
    constant = module.finish(inner_VD * 0, None if rest_VD is None else rest_VD * 0)[0] @ gate_D
    assert_near(module.scores(inner_VD, rest_VD, gate_D) + constant, h_VD @ gate_D)


def test_relu_stands_between_layers_and_not_after_the_last() -> None:
    graph, x_VD = neighbours(), rows(NUM_NODES)
    module = network(2, norm=False, residual=False)
    one, two = module.layers
    h_VD = module(x_VD, graph)
    assert_near(h_VD, two(one(x_VD, graph).relu(), graph))
    assert (h_VD < 0).any()
    stream = network(2, norm=False, residual=True)
    one, two = stream.layers
    between_VD = x_VD + one(x_VD, graph)
    assert_near(stream(x_VD, graph), between_VD + two(between_VD, graph))


def test_alone_is_a_graph_without_edges() -> None:
    x_VD, module = rows(NUM_NODES), layer()
    expected_VD = module.second(module.first((1 + module.epsilon) * x_VD).relu())
    assert_near(module(x_VD, Alone()), expected_VD)
    (inner_VD,) = module.inner(module.before(x_VD), Alone())
    assert_near(module.second(inner_VD), expected_VD)
    assert Alone().combine(x_VD)[0] is x_VD


def test_epsilon_begins_at_zero() -> None:
    assert float(GINLayer(2, 2).epsilon.detach()) == 0
