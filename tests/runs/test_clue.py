"""The run of CLUE, its presets, and a training that is a function of run and traces."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from habitus.config import override
from habitus.data.snapshot import Snapshot
from habitus.data.token_vectors import TokenVectorsConfig
from habitus.data.traces import Traces
from habitus.datasets.synthetic import make_traces
from habitus.encoders.item_text_config import SIZES
from habitus.errors import UsageError
from habitus.representations.model import load
from habitus.runs import RUNS
from habitus.runs.clue import PRESETS, ClueRun, clue
from habitus.runs.clue_slots import item_parts, slots_of
from habitus.runs.pretrain import Pretrained, pretrain
from habitus.training.optimizer import Optimizers
from tests.runs.interrupted import cut_and_go_on
from tests.runs.shoppers import CUTOFF, SHOPPERS, small_clue


@pytest.fixture(scope="module")
def shoppers(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return make_traces(SHOPPERS, tmp_path_factory.mktemp("shoppers") / "traces")[0]


@pytest.fixture(scope="module")
def made(shoppers: Traces, tmp_path_factory: pytest.TempPathFactory) -> Pretrained:
    return pretrain(shoppers, small_clue(), tmp_path_factory.mktemp("made"))


def weights(made: Pretrained) -> dict[str, bytes]:
    return {n: t.numpy().tobytes() for n, t in made.model.encoder.state_dict().items()}


@pytest.mark.parametrize("preset", list(PRESETS))
def test_every_preset_survives_a_round_trip_and_is_another(preset: str) -> None:
    run = clue(preset)
    assert ClueRun.from_dict(json.loads(json.dumps(run.to_dict()))) == run
    assert run.preset == preset
    assert len({clue(p).fingerprint() for p in PRESETS}) == len(PRESETS)
    assert RUNS["clue"](preset) == run


def test_the_paper_preset_is_that_of_appendix_b() -> None:
    run = clue("paper")
    encoder, training = run.encoder, run.training
    assert (encoder.width, encoder.item_layers, encoder.service_layers) == (720, 8, 8)
    assert (encoder.num_heads, encoder.dropout) == (6, 0.1)
    # Feed-forward 2,880 = 4 · 720, the default.
    assert encoder.hidden is None
    assert (encoder.max_tokens, encoder.max_items) == (32, 512)
    assert run.bpe.vocab_size == 50_257
    assert (training.learning_rate, training.weight_decay) == (5e-4, 0.1)
    assert training.decay_all
    assert (training.betas, training.eps, training.clip_norm) == ((0.9, 0.98), 1e-6, 0.01)
    assert (training.warmup_share, training.min_lr_share) == (0.01, 0.1)
    # 8 epochs of 11,294,122 users: ceil(11,294,122 / 256) = 44,118 steps each.
    assert training.max_steps == 8 * 44_118
    assert run.pairs.batch_users == 256
    assert run.pairs.min_per_month == 0.5
    assert (run.objective.begins, run.objective.max_scale) == (14.27, 100)
    assert (run.objective.paper_local, run.objective.paper_local_users) == (True, 4)
    assert not run.begins_warm


def test_in_the_paper_preset_all_decays_but_the_temperature(shoppers: Traces) -> None:
    paper, small = clue("paper").training, small_clue()
    projected = replace(small.objective, projection="mlp")
    model, objective = replace(small, objective=projected).build(shoppers)
    both = nn.ModuleDict({"encoder": model.encoder, "objective": objective})
    for training, spared in ((paper, {"objective.theta"}), (clue("ci").training, None)):
        [adamw] = Optimizers(both, training).optimizers.values()
        name_of = {id(p): n for n, p in both.named_parameters()}
        free = {
            name_of[id(p)]
            for group in adamw.param_groups
            if not group["weight_decay"]
            for p in group["params"]
        }
        if spared is None:
            # The default spares tables and biases, too.
            assert {"objective.theta", "encoder.tokens.weight", "encoder.reduce.bias"} <= free
        else:
            assert free == spared


@pytest.mark.parametrize("size", [size for size in SIZES if size != "paper"])
def test_best_comes_in_the_sizes_of_the_family(size: str) -> None:
    encoder = clue(f"best-{size}").encoder
    found = (encoder.width, encoder.item_layers, encoder.num_heads)
    assert found == tuple(SIZES[size])
    assert encoder.service_layers == encoder.item_layers
    assert clue(f"best-{size}").slot_dim == encoder.width


def test_wrong_settings_are_told() -> None:
    with pytest.raises(UsageError, match="did you mean 'paper'"):
        clue("papr")
    with pytest.raises(UsageError, match=r"encoder\.max_items is 8 and sequence\.max_items is 9"):
        override(small_clue(), ["sequence.max_items=9"])
    with pytest.raises(UsageError, match="say the same: set one of them"):
        override(small_clue(), ["encoder.out_dim=6"])
    with pytest.raises(UsageError, match="pool_users must be at least 2, got 1"):
        small_clue(pool_users=1)
    with pytest.raises(UsageError, match="slot_dim must be at least 1, got 0"):
        small_clue(slot_dim=0)


def test_twice_is_once_bit_by_bit_and_another_seed_is_another(
    shoppers: Traces, made: Pretrained, tmp_path: Path
) -> None:
    again = pretrain(shoppers, small_clue(), tmp_path / "a")
    assert weights(again) == weights(made)
    other = pretrain(shoppers, small_clue().with_seed(1), tmp_path / "b")
    assert weights(other)["tokens.weight"] != weights(made)["tokens.weight"]


def test_an_interrupted_training_ends_where_an_undisturbed_one_does(
    shoppers: Traces, made: Pretrained, tmp_path: Path
) -> None:
    again = cut_and_go_on(shoppers, small_clue(), tmp_path)
    assert again.training.resumed_from in (2, 3)
    assert weights(again) == weights(made)


def test_the_pool_and_the_training_stand_in_the_log(made: Pretrained) -> None:
    valid = [r for r in made.training.history if r["kind"] == "valid"]
    assert [r["step"] for r in valid] == [2, 4, 6]
    assert all(set(r["parts"]) == {"pool", "pool_r1", "pool_gain"} for r in valid)
    others = [r for r in made.training.history if r["kind"] != "valid"]
    assert {"cross_service", "cross_service_r1", "cross_service_gain"} <= set(others[0]["parts"])
    assert made.model.about["relations"]["users_in_pairs"] == made.num_train


def test_a_saved_model_encodes_the_same(shoppers: Traces, made: Pretrained, tmp_path: Path) -> None:
    made.model.save(tmp_path / "model", card="card")
    snapshot, there = Snapshot(shoppers, CUTOFF), load(tmp_path / "model")
    assert there.encode(snapshot).tobytes() == made.model.encode(snapshot).tobytes()
    # Two services and one for others, six numbers each.
    assert there.representation_dim == 3 * 6
    for ours, theirs in zip(slots_of(made.model, snapshot), slots_of(there, snapshot), strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_warm_tokens_are_not_random(shoppers: Traces) -> None:
    run = small_clue()
    assert run.begins_warm
    cold, warm = (item_parts(make(shoppers)[0])[0] for make in (run.build, run.begin))
    assert not torch.equal(cold.tokens.weight, warm.tokens.weight)
    assert warm.log_weights is not None
    assert warm.log_weights.weight.detach().std() > 0.1
    random = replace(run, token_vectors=TokenVectorsConfig(kind="random"))
    assert not random.begins_warm
    cold_too = item_parts(random.begin(shoppers)[0])[0]
    assert torch.equal(cold.tokens.weight, cold_too.tokens.weight)


def test_a_gradient_a_part_at_a_time_ends_near_the_same(
    shoppers: Traces, made: Pretrained, tmp_path: Path
) -> None:
    run = override(small_clue(), ["training.grad_cache_chunk=64", "encoder.dropout=0.0"])
    whole = override(run, ["training.grad_cache_chunk=null"])
    parts = pretrain(shoppers, run, tmp_path / "a").model.encoder.state_dict()
    once = pretrain(shoppers, whole, tmp_path / "b").model.encoder.state_dict()
    for name, weight in parts.items():
        torch.testing.assert_close(weight, once[name], atol=2e-3, rtol=1e-2)
    assert made.training.steps == 6
