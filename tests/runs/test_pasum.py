"""The run of PASUM, its presets, and a training that is a function of run and traces."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from habitus.config import override
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import GuardError, UsageError
from habitus.representations.model import load
from habitus.runs.pasum import PRESETS, PasumRun, WordVectorsConfig, pasum
from habitus.runs.pasum_wiring import parts_of
from habitus.runs.pretrain import Pretrained, pretrain
from habitus.testing.hand_made import write_traces
from tests.runs.interrupted import cut_and_go_on
from tests.runs.posters import CUTOFF, both, small_pasum


@pytest.fixture(scope="module")
def made(posters: Traces, tmp_path_factory: pytest.TempPathFactory) -> Pretrained:
    return pretrain(posters, small_pasum(), tmp_path_factory.mktemp("made"))


def weights(made: Pretrained) -> dict[str, bytes]:
    return {n: t.numpy().tobytes() for n, t in made.model.encoder.state_dict().items()}


@pytest.mark.parametrize("preset", list(PRESETS))
def test_every_preset_survives_a_round_trip_and_is_another(preset: str) -> None:
    run = pasum(preset)
    assert PasumRun.from_dict(json.loads(json.dumps(run.to_dict()))) == run
    assert run.preset == preset
    assert len({pasum(p).fingerprint() for p in PRESETS}) == len(PRESETS)


def test_the_paper_preset_is_table_11() -> None:
    run = pasum("paper")
    assert run.triplet is not None
    assert (run.triplet.alpha, run.triplet.inter_margin, run.triplet.intra_margin) == (0.5, 1, 1)
    assert (run.relations.inter_batch, run.relations.intra_batch) == (1024, 256)
    assert (run.training.learning_rate, run.training.schedule) == (1e-3, "onecycle")
    # 5 epochs of 5,692,953 triples: ceil(5,692,953 / 1,024) = 5,560 steps each.
    assert run.training.max_steps == 5 * 5_560
    assert run.training.evaluate_every == 5_000
    assert run.vocabulary.min_count == 1_000
    assert (run.graph.window, run.graph.max_nodes) == (20, 500)
    assert (run.encoder.word_dim, run.encoder.hidden, run.encoder.num_layers) == (300, 300, 2)
    assert run.protocol == "transductive-text"


def test_a_run_has_one_objective() -> None:
    for changes in ({"triplet": None}, {**both(), "triplet": small_pasum().triplet}):
        with pytest.raises(UsageError, match="set triplet or contrast"):
            small_pasum(**changes)
    with pytest.raises(UsageError, match="give a file with kind 'file'"):
        WordVectorsConfig(kind="file")
    with pytest.raises(UsageError, match="did you mean 'paper'"):
        pasum("papr")


def test_twice_is_once_bit_by_bit_and_another_seed_is_another(
    posters: Traces, made: Pretrained, tmp_path: Path
) -> None:
    again = pretrain(posters, small_pasum(), tmp_path / "a")
    assert weights(again) == weights(made)
    other = pretrain(posters, small_pasum().with_seed(1), tmp_path / "b")
    assert weights(other)["words.weight"] != weights(made)["words.weight"]


def test_an_interrupted_training_ends_where_an_undisturbed_one_does(
    posters: Traces, made: Pretrained, tmp_path: Path
) -> None:
    again = cut_and_go_on(posters, small_pasum(), tmp_path)
    assert again.training.resumed_from == 2
    assert weights(again) == weights(made)


def test_both_parts_and_their_accuracy_stand_in_the_log(made: Pretrained) -> None:
    parts = {"inter", "inter_accuracy", "intra", "intra_accuracy"}
    for record in made.training.history:
        assert set(record["parts"]) == parts
        assert 0 <= record["parts"]["inter_accuracy"] <= 1
    assert [r["step"] for r in made.training.history if r["kind"] == "valid"] == [2, 4, 6]


def test_a_saved_model_encodes_the_same(posters: Traces, made: Pretrained, tmp_path: Path) -> None:
    made.model.save(tmp_path / "model", card="card")
    snapshot = Snapshot(posters, CUTOFF)
    there = load(tmp_path / "model").encode(snapshot)
    assert there.tobytes() == made.model.encode(snapshot).tobytes()
    assert there.shape == (posters.num_users, 8)


def test_a_user_without_posts_has_the_vector_of_nobody(posters: Traces, made: Pretrained) -> None:
    first = posters.time_L.min() + 1
    snapshot = Snapshot(posters, int(first))
    z_UD = torch.from_numpy(made.model.encode(snapshot))
    silent_U = torch.from_numpy(snapshot.lengths_U == 0)
    null_user = made.model.encoder.state_dict()["null_user"]
    assert silent_U.sum() == posters.num_users - 1
    torch.testing.assert_close(z_UD[silent_U], null_user.expand(int(silent_U.sum()), -1))


def test_a_strict_run_reads_no_test_user(posters: Traces) -> None:
    strict = small_pasum().pretraining_snapshot(posters)
    assert set(strict.users_U) == set(small_pasum().split.rows(posters, "train"))
    loose = small_pasum(protocol="transductive-text").pretraining_snapshot(posters)
    assert loose.num_users == posters.num_users


def test_contrast_trains_too_and_warm_words_are_not_random(posters: Traces, tmp_path: Path) -> None:
    run = small_pasum(**both(domain_weight=0.5))
    made = pretrain(posters, run, tmp_path)
    assert {"inter", "halves", "domains"} <= set(made.training.history[-1]["parts"])
    assert run.begins_warm
    cold, warm = (parts_of(make(posters)[0])[0] for make in (run.build, run.begin))
    assert not torch.equal(cold.words.weight, warm.words.weight)
    random = replace(run, word_vectors=WordVectorsConfig(kind="random"))
    assert not random.begins_warm


def test_characters_can_be_nodes(posters: Traces, tmp_path: Path) -> None:
    run = override(small_pasum(**both()), ["graph.char_nodes=true", "graph.max_char_nodes=20"])
    made = pretrain(posters, run, tmp_path / "made")
    encoder, encoding = parts_of(made.model)
    characters = encoding.characters
    assert characters is not None
    num_words = len(encoding.vocabulary)
    assert encoder.words.weight.shape == (num_words + len(characters.names), 8)
    # Words and weights begin as without them; a character is at least as common as its words.
    begun, plain = (parts_of(r.begin(posters)[0])[0] for r in (run, small_pasum(**both())))
    assert torch.equal(begun.words.weight[:num_words], plain.words.weight)
    assert torch.equal(begun.word_weight_W[:num_words], plain.word_weight_W)
    for word in range(num_words):
        own = characters.char_N[slice(*characters.ptr_W1[word : word + 2])]
        assert (begun.word_weight_W[num_words + own] <= begun.word_weight_W[word] + 1e-6).all()
    made.model.save(tmp_path / "model", card="card")
    snapshot = Snapshot(posters, CUTOFF)
    there = load(tmp_path / "model").encode(snapshot)
    assert there.tobytes() == made.model.encode(snapshot).tobytes()
    with_them = parts_of(made.model)[1].graphs(snapshot)
    assert (with_them.word_V >= num_words).any()


def test_what_cannot_be_drawn_is_told(posters: Traces, tmp_path: Path) -> None:
    nothing = override(small_pasum(), ["vocabulary.min_count=100000"])
    with pytest.raises(GuardError, match="no word is left"):
        nothing.build(posters)
    early = small_pasum(as_of="2023-01-02")
    with pytest.raises(GuardError):
        pretrain(posters, early, tmp_path)


def test_posts_alone_are_enough_for_contrast_and_not_for_the_paper(tmp_path: Path) -> None:
    events = {
        f"u{u}": [{"time": t * 86_400, "text": f"word{u % 3} word{t % 4} all"} for t in range(1, 9)]
        for u in range(40)
    }
    traces = write_traces(tmp_path / "t", events, {"text": "text"})
    run = small_pasum(as_of=None, **both(domain_weight=1.0))
    made = pretrain(traces, run, tmp_path / "a")
    relations = made.model.about["relations"]
    assert relations["follows"] == 0
    assert relations["users_with_halves"] > 0
    assert "users_with_domains" not in relations
    with pytest.raises(GuardError, match=r"triplet\.alpha=0, or contrast\.inter_weight=0"):
        pretrain(traces, small_pasum(as_of=None), tmp_path / "b")
