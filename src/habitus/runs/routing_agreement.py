"""How alike the routers of several seeds are: whether the same events meet the same experts (D9).

Experts of two pre-trainings have no common names. So the two partitions of the same events are
compared: the share of events that go to the same expert once experts are renamed as well as can be
(Kuhn 1955), beside what two independent routers with the same loads would reach; and the mutual
information adjusted for chance (Vinh, Epps, Bailey 2010), 0 by chance and 1 for the same partition.
An event's expert is the one with the largest weight.

Shapes: T events, G groups of a router, E experts of a group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from habitus.data.snapshot import Snapshot
from habitus.errors import UsageError
from habitus.nn.routing import Choice, Router
from habitus.representations.model import Model
from habitus.runs.steps import Json

MOST_EVENTS: Final = 50_000
"""Events that are looked at; batches are whole."""
Choices = Mapping[str, npt.NDArray[np.int64]]
"""Path of a router → the expert of each event in each group, ``(T, G)``."""


class Agreement(NamedTuple):
    """Two partitions of the same events."""

    matched: float
    """Share of the events with the same expert after the best renaming."""
    by_chance: float
    """The same of independent routers with these loads."""
    adjusted: float
    """Mutual information, adjusted for chance."""


def agreement_entries(models: Sequence[Model], snapshot: Snapshot) -> list[Json]:
    """Return one entry for each router: means over all pairs of models and groups.

    Nothing of fewer than two models, or of dense ones.

    Raises:
        UsageError: the models have other routers, and are no seeds of one run.
    """
    if len(models) < 2:
        return []
    chosen = [top_choices(model, snapshot) for model in models]
    paths = list(chosen[0])
    if any(list(one) != paths for one in chosen):
        raise UsageError("models with other routers are no seeds of one run: compare those alone")
    return [
        {
            "router": path,
            "num_models": len(models),
            "num_events": len(chosen[0][path]),
            **_means([one[path] for one in chosen]),
        }
        for path in paths
    ]


def top_choices(model: Model, snapshot: Snapshot) -> Choices:
    """Return the expert of each event with the largest weight, by the path of its router."""
    encoder = model.encoder
    routers = {p: m for p, m in encoder.named_modules() if isinstance(m, Router)}
    found: dict[str, list[npt.NDArray[np.int64]]] = {path: [] for path in routers}
    handles = []
    for path, router in routers.items():

        def hook(module: nn.Module, _: object, choice: Choice, path: str = path) -> None:
            assert isinstance(module, Router)
            found[path].append(_top(module, choice))

        handles.append(router.register_forward_hook(hook))
    try:
        _encode_some(model, snapshot)
    finally:
        for handle in handles:
            handle.remove()
    return {path: np.concatenate(parts) for path, parts in found.items() if parts}


def agreement(one_T: npt.NDArray[np.int64], other_T: npt.NDArray[np.int64]) -> Agreement:
    """Return how alike two partitions of the same events are.

    >>> agreement(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))  # the same under other names
    Agreement(matched=1.0, by_chance=0.5, adjusted=1.0)
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import adjusted_mutual_info_score

    size = int(max(one_T.max(initial=0), other_T.max(initial=0))) + 1
    counts_EE = np.bincount(one_T * size + other_T, minlength=size * size).reshape(size, size)
    share_EE = counts_EE / max(1, len(one_T))
    independent_EE = np.outer(share_EE.sum(1), share_EE.sum(0))
    matched, by_chance = (
        float(table_EE[linear_sum_assignment(-table_EE)].sum())
        for table_EE in (share_EE, independent_EE)
    )
    return Agreement(matched, by_chance, float(adjusted_mutual_info_score(one_T, other_T)))


def _means(chosen: Sequence[npt.NDArray[np.int64]]) -> dict[str, Any]:
    found = [
        agreement(one_TG[:, g], other_TG[:, g])
        for one_TG, other_TG in combinations(chosen, 2)
        for g in range(one_TG.shape[1])
    ]
    means = np.mean(found, axis=0).tolist()
    return dict(zip(Agreement._fields, means, strict=True))


def _top(router: Router, choice: Choice) -> npt.NDArray[np.int64]:
    shape = (len(choice.expert_TK), router.groups, router.top_k)
    best_TG1 = choice.weight_TK.view(shape).argmax(dim=2, keepdim=True)
    expert_TG = choice.expert_TK.view(shape).gather(2, best_TG1).squeeze(2)
    first_G = torch.arange(router.groups, device=expert_TG.device) * router.num_experts
    return np.asarray((expert_TG - first_G).cpu().numpy(), np.int64)


def _encode_some(model: Model, snapshot: Snapshot) -> None:
    device, num_events = next(model.encoder.parameters()).device, 0
    with torch.inference_mode():
        for _, batch in model.encoding.batches(snapshot):
            model.encoder(batch.to(device))
            num_events += batch.num_events
            if num_events >= MOST_EVENTS:
                break
