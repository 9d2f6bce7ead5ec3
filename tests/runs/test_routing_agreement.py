"""Whether seeds send the same events to the same experts: by hand, and of small models."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.errors import UsageError
from habitus.nn.experts_config import DENSE, ExpertsConfig
from habitus.nn.routing import Router
from habitus.representations.model import Model
from habitus.runs.routing_agreement import agreement, agreement_entries, top_choices
from tests.small import small_run, small_traces

EXPERTS = {
    "switch": ExpertsConfig(num_experts=4),
    "two choices": ExpertsConfig(num_experts=4, top_k=2),
    "switchhead": ExpertsConfig(
        num_experts=2, attention="switchhead", attention_experts=3, attention_top_k=2
    ),
}


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return small_traces(tmp_path_factory.mktemp("t") / "traces")


def model(traces: Traces, experts: ExpertsConfig, seed: int = 0) -> Model:
    run = small_run().with_seed(seed)
    return replace(run, encoder=replace(run.encoder, experts=experts)).build(traces)[0]


def snapshot_of(traces: Traces) -> Snapshot:
    return Snapshot(traces, "2020-03-01")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=30))
def test_the_best_renaming_is_found(pairs: list[tuple[int, int]]) -> None:
    one_T, other_T = np.array(pairs).T
    best = max(np.mean([names[a] == b for a, b in pairs]) for names in permutations(range(4)))
    found = agreement(one_T, other_T)
    assert found.matched == pytest.approx(best)
    assert found.by_chance <= found.matched + 1 / len(pairs) * 4
    assert found.adjusted <= 1 + 1e-9


def test_by_hand() -> None:
    one_T, other_T = np.array([0, 0, 0, 1]), np.array([1, 1, 0, 0])
    found = agreement(one_T, other_T)
    # 0 is called 1, and 1 is called 0: three of four agree.
    assert found.matched == 0.75
    # Loads 3/4, 1/4 and 1/2, 1/2: 3/4 · 1/2 + 1/4 · 1/2.
    assert found.by_chance == 0.5


def test_independent_routers_agree_by_chance_alone() -> None:
    random = np.random.default_rng(0)
    one_T, other_T = random.integers(4, size=(2, 20_000))
    found = agreement(one_T, other_T)
    # 20,000 events: an error of 0.003.
    assert found.matched == pytest.approx(found.by_chance, abs=0.015)
    assert found.adjusted == pytest.approx(0, abs=0.001)


@pytest.mark.parametrize("name", EXPERTS)
def test_a_model_agrees_with_itself_under_any_names(traces: Traces, name: str) -> None:
    one, other = (model(traces, EXPERTS[name]) for _ in range(2))
    for module in other.encoder.modules():
        if isinstance(module, Router):
            # The experts of each group in the opposite order: other names for the same.
            weight = module.weight_ED.data.view(module.groups, module.num_experts, -1)
            module.weight_ED.data = weight.flip(1).reshape(module.weight_ED.shape).contiguous()
    assert isinstance(other.encoder, ChannelTransformer)
    entries = agreement_entries([one, other], snapshot_of(traces))
    paths = [p for p, m in one.encoder.named_modules() if isinstance(m, Router)]
    assert [entry["router"] for entry in entries] == paths
    # The first router sees the same states; later ones what other experts made of them.
    assert entries[0]["matched"] == pytest.approx(1)
    assert entries[0]["adjusted"] == pytest.approx(1)
    assert entries[0]["by_chance"] < 1


def test_seeds_agree_less_than_a_model_with_itself(traces: Traces) -> None:
    models = [model(traces, EXPERTS["switch"], seed) for seed in range(3)]
    (entry,) = agreement_entries(models, snapshot_of(traces))
    assert (entry["num_models"], entry["num_events"] > 100) == (3, True)
    assert entry["adjusted"] < 0.9
    pairs = [
        agreement(
            top_choices(models[a], snapshot_of(traces))[entry["router"]][:, 0],
            top_choices(models[b], snapshot_of(traces))[entry["router"]][:, 0],
        ).matched
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    assert entry["matched"] == pytest.approx(np.mean(pairs))


def test_the_top_choice_is_that_of_the_router(traces: Traces) -> None:
    one = model(traces, EXPERTS["two choices"])
    path, router = next((p, m) for p, m in one.encoder.named_modules() if isinstance(m, Router))
    seen: list[torch.Tensor] = []
    handle = router.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    found = top_choices(one, snapshot_of(traces))[path]
    handle.remove()
    with torch.no_grad():
        expected = torch.cat([(x_TD @ router.weight_ED.T).argmax(1) for x_TD in seen])
    assert found[:, 0].tolist() == expected.tolist()
    assert not router._forward_hooks


def test_experts_of_a_group_are_numbered_from_nothing(traces: Traces) -> None:
    one = model(traces, EXPERTS["switchhead"])
    for path, expert_TG in top_choices(one, snapshot_of(traces)).items():
        router = one.encoder.get_submodule(path)
        assert isinstance(router, Router)
        assert expert_TG.shape[1] == router.groups
        for expert_T in expert_TG.T:
            assert 0 <= expert_T.min() <= expert_T.max() < router.num_experts


def test_one_model_dense_ones_and_strangers(traces: Traces) -> None:
    sparse, dense = model(traces, EXPERTS["switch"]), model(traces, DENSE)
    assert agreement_entries([sparse], snapshot_of(traces)) == []
    assert agreement_entries([dense, dense], snapshot_of(traces)) == []
    with pytest.raises(UsageError, match="no seeds of one run"):
        agreement_entries([sparse, dense], snapshot_of(traces))
