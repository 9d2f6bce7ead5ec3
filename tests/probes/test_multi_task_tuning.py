"""Many tasks through an encoder of one matrix: frozen, slow and free."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from typing_extensions import override

from habitus.config import Config
from habitus.data.traces import Rows
from habitus.encoders import Representation, UserEncoder
from habitus.errors import DataError, UsageError
from habitus.metrics import auroc
from habitus.nn.multi_task import MultiTaskHeadConfig
from habitus.objectives.task_losses import task_losses
from habitus.probes.fine_tune import Batches
from habitus.probes.multi_task_tuning import (
    TRUNKS,
    MultiTaskTuningConfig,
    TunedTasks,
    TuningRows,
    _network,
    _Tuning,
    tune_tasks,
)
from habitus.random import torch_generator
from habitus.training.bilevel import Bilevel, BilevelConfig, hypergradient
from habitus.training.task_weights import Fixed, Surgery, Uncertainty, jacobian, nash_weights
from tests.probes.many import NAN, many


class Numbers(NamedTuple):
    x_RF: Tensor

    def to(self, device: torch.device) -> Numbers:
        return Numbers(self.x_RF.to(device))


@dataclass(frozen=True, kw_only=True)
class FlatConfig(Config):
    sparse: bool = False


class Flat(UserEncoder):
    """Six numbers to two, in which most of what tasks ask for is lost."""

    name = "flat"
    config_type = FlatConfig
    config: FlatConfig

    def __init__(self, config: FlatConfig) -> None:
        super().__init__(config)
        generator = torch_generator(0, "flat")
        self.weight_FD = nn.Parameter(torch.randn(6, 2, generator=generator) / 3)
        self.dropout = nn.Dropout(0.1)
        self.table = nn.Embedding(2, 2, sparse=config.sparse) if config.sparse else None

    @property
    @override
    def representation_dim(self) -> int:
        return 2

    @override
    def forward(self, batch: Numbers) -> Representation:
        z_RD = self.dropout(batch.x_RF @ self.weight_FD)
        return Representation(z_RD, torch.ones(len(z_RD), dtype=torch.bool), {})

    @override
    def forward_flops(self, batch: Any) -> tuple[float, float]:
        return 0.0, 0.0


def rows(number: int = 400, seed: int = 0) -> TuningRows:
    """Return planted rows in batches of at most 100, the later half of each batch first."""
    made = many(number, seed=seed)

    def batches(places: Rows) -> Iterator[tuple[Rows, Numbers]]:
        for part in np.array_split(np.arange(len(places))[::-1], -(-len(places) // 100)):
            yield part, Numbers(torch.from_numpy(made.x_BD[places[part]]))

    return TuningRows(batches, made.y)


def config(trunk: str = "full", **changes: Any) -> MultiTaskTuningConfig:
    values: dict[str, Any] = {"learning_rate": 0.05, "batch_size": 128, "max_epochs": 12}
    return MultiTaskTuningConfig(
        trunk=trunk,  # type: ignore[arg-type]
        regression=("amount",),
        **{**values, **changes},
    )


def tuned(how: MultiTaskTuningConfig, **more: Any) -> TunedTasks:
    return tune_tasks(Flat(FlatConfig()), rows(), rows(200, seed=1), how, **more)


def scores(network: TunedTasks) -> dict[str, float]:
    test = rows(1_000, seed=2)
    found = network.predict(test.batches, 1_000)
    asked = {task: ~np.isnan(y_B) for task, y_B in test.y.items()}
    made = {
        task: auroc(test.y[task][asked[task]], found[task][asked[task]])
        for task in ("easy", "rare")
    }
    return {**made, "amount": -float(np.abs(found["amount"] - test.y["amount"]).mean())}


def test_what_is_trained_is_what_the_trunk_says() -> None:
    before = Flat(FlatConfig()).weight_FD.detach()
    moved = {}
    for trunk in TRUNKS:
        network = tuned(config(trunk, max_epochs=1))
        weight_FD = network.encoder.get_parameter("weight_FD").detach()
        moved[trunk] = float((weight_FD - before).abs().max())
    # Adam's steps are as long as its rate: a tenth of it moves about a tenth as far.
    assert moved["frozen"] == 0
    assert 0 < moved["slow"] < 0.2 * moved["full"]


def test_a_free_trunk_finds_what_a_frozen_one_lost() -> None:
    frozen, full = (scores(tuned(config(trunk))) for trunk in ("frozen", "full"))
    assert full["easy"] > 0.85
    for task in frozen:
        assert full[task] > frozen[task]


def test_the_given_encoder_is_left_as_it_is_and_equal_seeds_agree() -> None:
    encoder, before = Flat(FlatConfig()), torch.get_rng_state()
    weights = copy.deepcopy(encoder.state_dict())
    test = rows(50, seed=2)
    found = [
        tune_tasks(encoder, rows(), rows(200, seed=1), config(max_epochs=2), seed).predict(
            test.batches, 50
        )
        for seed in (0, 0, 1)
    ]
    assert torch.equal(encoder.state_dict()["weight_FD"], weights["weight_FD"])
    assert encoder.weight_FD.requires_grad
    np.testing.assert_array_equal(found[0]["rare"], found[1]["rare"])
    assert not np.array_equal(found[0]["rare"], found[2]["rare"])
    assert torch.equal(torch.get_rng_state(), before)


def test_outputs_stand_in_the_order_of_the_rows() -> None:
    network, test = tuned(config(max_epochs=1)), rows(300, seed=2)
    together = network.all_outputs(test.batches, 300)
    alone = torch.cat([network.outputs(test.batches, np.array([place])) for place in range(300)])
    torch.testing.assert_close(together, alone.detach())


@pytest.mark.parametrize("head", ["mmoe", "ple"])
@pytest.mark.parametrize("trunk", TRUNKS)
def test_heads_and_weights_go_with_every_trunk(head: str, trunk: str) -> None:
    sizes = MultiTaskHeadConfig.from_dict({"head": head, "hidden": 8, "tower": 4})
    how = config(trunk, head=sizes, max_epochs=3)
    regression_K = torch.tensor([False, False, True])
    for make in (
        Fixed,
        lambda number: Uncertainty(number, regression_K),
        lambda number: Surgery(number, nash_weights),
    ):
        found = tuned(how, make_weights=make)
        assert set(found.valid) == {"easy", "rare", "amount"}
        assert all(np.isfinite(list(found.valid.values())))


def test_a_number_that_is_standardised_already_is_no_probability() -> None:
    train, valid = rows(), rows(200, seed=1)
    y = train.y["amount"]
    parts = [
        TuningRows(part.batches, {"amount": (part.y["amount"] - y.mean()) / y.std()})
        for part in (train, valid)
    ]
    network = tune_tasks(Flat(FlatConfig()), parts[0], parts[1], config(max_epochs=3))
    assert network.predict(valid.batches, 200)["amount"].min() < -0.3


def test_it_stops_at_its_best_epoch() -> None:
    valid = rows(200, seed=1)
    opposite = valid._replace(y={**valid.y, "easy": 1 - valid.y["easy"]})
    train = rows()
    only = [TuningRows(part.batches, {"easy": part.y["easy"]}) for part in (train, opposite)]
    few, long = (
        tune_tasks(Flat(FlatConfig()), only[0], only[1], config(max_epochs=epochs, patience=2))
        for epochs in (1, 8)
    )
    # Against opposite answers the first epoch is the best, however long it trains.
    assert (few.best_epoch, long.best_epoch) == (1, 1)
    found = [network.predict(valid.batches, 200)["easy"] for network in (few, long)]
    np.testing.assert_array_equal(found[0], found[1])


def test_who_is_not_asked_teaches_nothing() -> None:
    train = rows()
    hidden = {task: y_B.copy() for task, y_B in train.y.items()}
    for y_B in hidden.values():
        y_B[200:] = NAN
    first = tune_tasks(
        Flat(FlatConfig()),
        train._replace(y=hidden),
        rows(200, seed=1),
        config("frozen", max_epochs=1, batch_size=400),
    )
    assert first.bases["easy"].mean == pytest.approx(train.y["easy"][:200].mean())


def test_what_cannot_be_tuned_is_told() -> None:
    train, valid = rows(), rows(200, seed=1)
    same = train._replace(y={"easy": np.ones(400)})
    with pytest.raises(DataError, match="easy: all training rows have one answer"):
        tune_tasks(Flat(FlatConfig()), same, valid, config())
    nobody = valid._replace(y={task: np.full(200, NAN) for task in valid.y})
    with pytest.raises(DataError, match="nothing says when to stop"):
        tune_tasks(Flat(FlatConfig()), train, nobody, config())
    with pytest.raises(UsageError, match="tables with sparse gradients"):
        tune_tasks(Flat(FlatConfig(sparse=True)), train, valid, config())
    frozen = tune_tasks(Flat(FlatConfig(sparse=True)), train, valid, config("frozen", max_epochs=1))
    assert frozen.best_epoch == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trunk": "half"}, "trunk must be one of frozen, slow, full, got 'half'"),
        ({"max_epochs": 0}, "max_epochs must be at least 1"),
        ({"slow_share": 0.0}, "slow_share must be above 0"),
    ],
)
def test_wrong_settings_are_told(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        replace(config(), **change)


SEARCH = BilevelConfig(every=1, meta_batch=64, learning_rate=0.05)


@pytest.mark.parametrize("trunk", ["slow", "full"])
@pytest.mark.parametrize("searched", ["last", "all"])
def test_weights_are_searched_for_while_the_encoder_is_tuned(trunk: str, searched: str) -> None:
    network = tuned(config(trunk, bilevel=SEARCH, searched=searched, max_epochs=4))
    assert [set(found) for found in network.weight_path] == [{"easy", "rare", "amount"}] * 4
    assert network.weight_path[-1]["easy"] != pytest.approx(1, abs=1e-3)
    # They sum to K until an average or a floor moves them a little.
    assert sum(network.weight_path[-1].values()) == pytest.approx(3, abs=0.1)


def test_a_search_that_never_comes_is_equal_weights_bit_by_bit() -> None:
    test = rows(50, seed=2)
    never = tuned(config(bilevel=replace(SEARCH, every=None), max_epochs=3))
    fixed = tuned(config(max_epochs=3))
    for task, found in fixed.predict(test.batches, 50).items():
        np.testing.assert_array_equal(never.predict(test.batches, 50)[task], found)
    assert never.weight_path[-1] == {"easy": 1, "rare": 1, "amount": 1}


def test_one_task_has_the_weight_one() -> None:
    train, valid = (
        TuningRows(part.batches, {"easy": part.y["easy"]}) for part in (rows(), rows(200, seed=1))
    )
    network = tune_tasks(Flat(FlatConfig()), train, valid, config(bilevel=SEARCH, max_epochs=3))
    assert [path["easy"] for path in network.weight_path] == pytest.approx([1, 1, 1], abs=1e-6)


def test_what_a_frozen_trunk_and_linear_towers_share_is_nothing_to_search_by() -> None:
    network = tuned(config("frozen", bilevel=SEARCH, max_epochs=2))
    assert network.weight_path[-1] == {"easy": 1, "rare": 1, "amount": 1}
    sizes = MultiTaskHeadConfig(head="mmoe", hidden=8, tower=4)
    network = tuned(config("frozen", head=sizes, bilevel=SEARCH, max_epochs=2))
    assert network.weight_path[-1]["easy"] != 1


def test_a_task_whose_steps_lead_astray_loses_weight() -> None:
    # Later its own tower has turned round, and what it shares no longer leads astray.
    how = config(bilevel=replace(SEARCH, meta_batch=600), max_epochs=8, patience=8)
    train, valid = rows(600), rows(200, seed=1)
    both = {"easy": train.y["easy"], "wrong": train.y["easy"].copy()}
    # What is learned of the second task is the opposite of what is asked in the slice.
    learned_B = tuning(how, train._replace(y=both)).place_B.numpy()
    both["wrong"][learned_B] = 1 - both["wrong"][learned_B]
    network = tune_tasks(
        Flat(FlatConfig()),
        train._replace(y=both),
        valid._replace(y={"easy": valid.y["easy"], "wrong": valid.y["easy"]}),
        how,
    )
    path = [found["wrong"] for found in network.weight_path]
    assert path[1:] == sorted(path[1:], reverse=True)
    assert path[-1] < 0.7
    assert network.weight_path[-1]["easy"] > 1.3


def tuning(how: MultiTaskTuningConfig, train: TuningRows) -> _Tuning:
    """Return a training that has not begun, of an encoder without dropout."""
    encoder = Flat(FlatConfig())
    encoder.dropout.p = 0.0
    bases = tune_tasks(encoder, train, train, replace(how, max_epochs=1)).bases
    network = _network(copy.deepcopy(encoder), train, bases, how, 0)
    return _Tuning(network, train, how, 0, Fixed)


def test_the_hypergradient_through_the_encoder_is_that_of_finite_differences() -> None:
    search = replace(SEARCH, preconditioner="identity", meta_batch=10_000)
    made = tuning(config(bilevel=search), rows())
    assert isinstance(made.weights, Bilevel)
    weight_FD = made.network.encoder.get_parameter("weight_FD")
    assert made.shared == [weight_FD]

    def losses_K() -> Tensor:
        out_RK = made.network.outputs(made.train.batches, made.place_B.numpy())
        return task_losses(out_RK, made.targets.rows(made.place_B), made.regression_K).mean_K

    mean_K, eta = losses_K(), 0.05
    gradient_KP = jacobian(mean_K, [weight_FD], torch.ones(3, dtype=torch.bool))
    weight_K, meta = torch.tensor([0.5, 1.5, 1.0]), made.weights.meta
    slope_K = hypergradient(gradient_KP, torch.ones(()), weight_K, eta, [weight_FD], meta)

    def after(weight_K: Tensor) -> float:
        kept = weight_FD.data.clone()
        weight_FD.data = kept - eta * (weight_K @ gradient_KP).view_as(kept)
        found = float(meta().detach())
        weight_FD.data = kept
        return found

    for k in range(3):
        step_K = 0.02 * torch.eye(3)[k]
        numeric = (after(weight_K + step_K) - after(weight_K - step_K)) / 0.04
        assert slope_K[k].item() == pytest.approx(numeric, rel=0.05, abs=2e-4)


def test_rows_of_the_slice_teach_nothing_and_part_users() -> None:
    train = rows()._replace(user_B=np.repeat(np.arange(200), 2))
    made = tuning(config(bilevel=replace(SEARCH, meta_share=0.25)), train)
    assert isinstance(made.weights, Bilevel)
    learned = set(made.place_B.tolist())
    assert len(learned) == 300
    assert {place // 2 for place in learned} == {place // 2 for place in learned if place % 2}
    asked: list[int] = []
    outputs = made.network.outputs

    def watched(batches: Batches, places: Rows) -> Tensor:
        asked.extend(places.tolist())
        return outputs(batches, places)

    made.network.__dict__["outputs"] = watched
    for is_trained in (True, False):
        made.network.train()
        made.network.encoder.train(is_trained)
        made.weights.meta()
        # A frozen encoder drops nothing, before a look at the slice and after it.
        assert made.network.training
        assert made.network.encoder.training == is_trained
    assert len(set(asked)) > 64
    assert not set(asked) & learned


def test_searched_and_given_weights_are_refused_together() -> None:
    with pytest.raises(UsageError, match="give it, or make_weights, not both"):
        tuned(config(bilevel=SEARCH), make_weights=lambda number: Fixed(number, [1.0, 2.0, 3.0]))
    with pytest.raises(UsageError, match="searched must be last or all, got 'first'"):
        config(searched="first")
