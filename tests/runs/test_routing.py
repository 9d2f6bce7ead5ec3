"""What routers did, counted over a snapshot, against the routers asked one batch at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.nn.experts_config import DENSE, ExpertsConfig
from habitus.nn.routing import Router
from habitus.runs.channel import ChannelRun
from habitus.runs.routing import routing_entries
from tests.small import small_run, small_traces

EXPERTS = ExpertsConfig(num_experts=4)


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return small_traces(tmp_path_factory.mktemp("t") / "traces")


def run_with(experts: ExpertsConfig) -> ChannelRun:
    run = small_run()
    return replace(run, encoder=replace(run.encoder, num_blocks=2, experts=experts))


def test_shares_and_entropies_are_means_over_all_events(traces: Traces) -> None:
    run = run_with(EXPERTS)
    model, _ = run.build(traces)
    snapshot = run.snapshot(traces, "train")
    entries = routing_entries(model, snapshot)
    assert [entry["router"] for entry in entries] == [
        "blocks.0.ffns.0.router",
        "blocks.1.ffns.0.router",
    ]
    chosen: dict[str, list[torch.Tensor]] = {entry["router"]: [] for entry in entries}
    entropy: dict[str, list[torch.Tensor]] = {entry["router"]: [] for entry in entries}

    def watch(name: str, router: Router) -> None:
        def hook(_: object, inputs: tuple[torch.Tensor], __: object) -> None:
            p_TE = (inputs[0] @ router.weight_ED.T).softmax(-1)
            chosen[name].append(p_TE.argmax(-1))
            entropy[name].append(-(p_TE * p_TE.log()).sum(-1))

        router.register_forward_hook(hook)

    for name in chosen:
        router = model.encoder.get_submodule(name)
        assert isinstance(router, Router)
        watch(name, router)
    batches = [batch for _, batch in model.encoding.batches(snapshot)]
    # Several batches of different size, or the weights of the mean would not be seen.
    assert len({batch.num_events for batch in batches}) > 1
    with torch.no_grad():
        for batch in batches:
            model.encoder(batch)
    for entry in entries:
        expert_T = torch.cat(chosen[entry["router"]])
        assert entry["num_events"] == len(expert_T) == num_read(run, traces)
        count_E = np.bincount(expert_T, minlength=4)
        assert entry["share"] == pytest.approx(count_E / len(expert_T))
        assert entry["max_load"] == pytest.approx(4 * count_E.max() / len(expert_T))
        assert entry["num_dead"] == (count_E / len(expert_T) < 0.001).sum()
        assert entry["entropy"] == pytest.approx(float(torch.cat(entropy[entry["router"]]).mean()))
        assert entry["most_entropy"] == pytest.approx(np.log(4))


def num_read(run: ChannelRun, traces: Traces) -> int:
    """Return the latest events of each user, 16 at most."""
    lengths_U = run.snapshot(traces, "train").lengths_U
    return int(np.minimum(lengths_U, run.sequence.max_events).sum())


def test_a_dense_encoder_has_no_routers(traces: Traces) -> None:
    run = run_with(DENSE)
    model, _ = run.build(traces)
    assert routing_entries(model, run.snapshot(traces, "train")) == []


def test_users_without_events_are_routed_nowhere(traces: Traces) -> None:
    run = run_with(EXPERTS)
    model, _ = run.build(traces)
    snapshot = run.snapshot(traces, "train")
    nobody = Snapshot(traces, snapshot.as_of, snapshot.users_U[snapshot.lengths_U == 0])
    assert nobody.num_users
    entries = routing_entries(model, nobody)
    assert [entry["num_events"] for entry in entries] == [0, 0]
    assert [entry["share"] for entry in entries] == [[0.0] * 4] * 2
