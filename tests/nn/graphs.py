"""Random text graphs as CSR: several users, one of them empty, nodes without neighbours."""

from __future__ import annotations

import numpy as np
import torch

from habitus.nn.sparse_product import Neighbours, Places

LENGTHS = (9, 0, 1, 14, 5)
NUM_NODES = sum(LENGTHS)
NUM_PLACES = 11
WIDTH = 7


def node_ptr(lengths: tuple[int, ...] = LENGTHS) -> torch.Tensor:
    """Return the first node of each graph, and their number."""
    return torch.tensor([0, *lengths]).cumsum(0)


def neighbours(
    *, values: bool = False, scale: bool = False, lengths: tuple[int, ...] = LENGTHS
) -> Neighbours:
    """Return random symmetric graphs, some of more neighbours than a kernel adds at once."""
    chance = np.random.default_rng(0)
    matrix_VV = np.zeros((sum(lengths), sum(lengths)))
    start = 0
    for length in lengths:
        upper_NN = np.triu(chance.random((length, length)) + 0.1, 1)
        upper_NN *= chance.random((length, length)) < 0.8
        upper_NN[:, length - 1 :] = 0
        matrix_VV[start : start + length, start : start + length] = upper_NN + upper_NN.T
        start += length
    row_E, col_E = matrix_VV.nonzero()
    ptr_V1 = np.cumsum([0, *np.bincount(row_E, minlength=len(matrix_VV))])
    scale_V = torch.from_numpy(chance.random(len(matrix_VV)) + 0.5)
    return Neighbours(
        torch.from_numpy(ptr_V1).int(),
        torch.from_numpy(col_E).int(),
        torch.from_numpy(matrix_VV[row_E, col_E]).float() if values else None,
        scale_V.float() if scale else None,
    )


def matrix(graph: Neighbours) -> torch.Tensor:
    """Return the graph as one dense matrix, scale and values included, float64."""
    num_nodes = len(graph.ptr_V1) - 1
    out_VV = torch.zeros(num_nodes, num_nodes, dtype=torch.float64)
    for row in range(num_nodes):
        for e in range(int(graph.ptr_V1[row]), int(graph.ptr_V1[row + 1])):
            value = 1.0 if graph.value_E is None else float(graph.value_E[e])
            scale = 1.0 if graph.scale_V is None else float(graph.scale_V[row])
            out_VV[row, int(graph.col_E[e])] = value * scale
    return out_VV


def places(num_nodes: int = NUM_NODES) -> Places:
    """Return places of the nodes, most of them taken more than once, one of them never."""
    chance = torch.Generator().manual_seed(0)
    return Places(torch.randint(NUM_PLACES - 1, (num_nodes,), generator=chance), NUM_PLACES)


def rows(num_rows: int, dtype: torch.dtype = torch.float32, seed: int = 1) -> torch.Tensor:
    """Return random rows that ask for a gradient."""
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(num_rows, WIDTH, generator=chance, dtype=torch.float64)
    return x.to(dtype).requires_grad_()
