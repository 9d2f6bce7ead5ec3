"""Who is trained on, who is paired with whom, and what a run says where nobody can be."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from habitus.data.snapshot import Snapshot
from habitus.data.split import UserSplit
from habitus.data.traces import Traces
from habitus.errors import GuardError, UsageError
from habitus.nn.stages import run as run_stages
from habitus.objectives.cross_service import CrossService
from habitus.runs.clue import ClueRun
from habitus.runs.clue_slots import item_parts
from habitus.runs.clue_wiring import pairs_of_part, prepare_clue, users_of_part, valid_pool
from habitus.runs.pretrain import pretrain
from habitus.testing.hand_made import write_traces
from tests.runs.shoppers import small_clue

CPU = torch.device("cpu")
WORDS = ("red", "blue", "green", "old", "new", "big")


def shop(folder: Path, parts: Sequence[str], alone: Sequence[int] = ()) -> Traces:
    """Return users of these parts with four items on each of two services; some on the first."""
    events: dict[str, list[dict[str, Any]]] = {}
    for user in range(len(parts)):
        rows = [(WORDS[(user + t) % 6] + " tea", "food") for t in range(4)]
        if user not in alone:
            rows += [(WORDS[(user + t) % 6] + " cup", "home") for t in range(4)]
        if parts[user] == "test":
            rows.append(("zebra zebra zebra", "food"))
        events[f"u{user:02d}"] = [
            {"time": t + 1, "text": text, "service": service}
            for t, (text, service) in enumerate(rows)
        ]
    profiles = {"user_id": [f"u{user:02d}" for user in range(len(parts))], "part": list(parts)}
    channels = {"text": "text", "service": "category"}
    tables = {"profiles": profiles}
    return write_traces(folder, events, channels, tables=tables, time_unit="order")  # type: ignore[arg-type]


PARTS = ["train"] * 12 + ["valid"] * 4 + ["test"] * 4 + ["other"] * 2


def stored(**changes: Any) -> ClueRun:
    return small_clue(as_of=None, split_attribute="part", **changes)


def pairs(run: ClueRun, **changes: Any) -> ClueRun:
    return run.from_dict({**run.to_dict(), "pairs": {**run.pairs.to_dict(), **changes}})


def test_a_stored_split_holds_out_whom_it_names(tmp_path: Path) -> None:
    traces = shop(tmp_path / "t", PARTS)
    rows = {part: users_of_part(traces, stored(), part) for part in ("train", "valid", "test")}
    assert rows["train"].tolist() == [*range(12), 20, 21]
    assert rows["valid"].tolist() == [12, 13, 14, 15]
    assert rows["test"].tolist() == [16, 17, 18, 19]
    assert stored().snapshot(traces, "valid").users_U.tolist() == [12, 13, 14, 15]
    with pytest.raises(UsageError, match=r"no attribute 'parts' \(only: part\)"):
        users_of_part(traces, small_clue(split_attribute="parts"), "train")


def test_tokens_know_nothing_of_test_users(tmp_path: Path) -> None:
    traces = shop(tmp_path / "t", PARTS)
    _, encoding = item_parts(stored().build(traces)[0])
    number = {word: len(encoding.bpe.encode([word])[0]) for word in ("zebra", "green")}
    # Twelve train users say green, and only test users say zebra, letter by letter.
    assert number["green"] == 1
    assert number["zebra"] > 2
    everybody = small_clue(as_of=None, split=UserSplit(train=1.0, valid=0.0, test=0.0))
    _, encoding = item_parts(everybody.build(traces)[0])
    assert len(encoding.bpe.encode(["zebra"])[0]) == 1


def test_slots_begin_centred_on_each_service(tmp_path: Path) -> None:
    traces = shop(tmp_path / "t", PARTS)
    model, _ = stored().begin(traces)
    encoder, encoding = item_parts(model)
    assert encoder.reduce is not None
    # Two services and one for others, 6 of 8 numbers each.
    assert torch.equal(encoder.reduce.weight, torch.eye(6, 8).repeat(3, 1))
    batch = pairs_of_part(traces, stored(), encoding, "train").pool(100, 0).items
    with torch.no_grad():
        z_GE = run_stages(encoder.stages(batch))
    for service in (0, 1):
        mean_E = z_GE[batch.slot_service_G == service].mean(0)
        torch.testing.assert_close(mean_E, torch.zeros(6), atol=1e-5, rtol=0)
    assert z_GE.std() > 1e-3


def test_one_service_needs_halves_and_says_so(tmp_path: Path) -> None:
    traces = shop(tmp_path / "t", PARTS, alone=range(len(PARTS)))
    run = pairs(stored(), halves=False)
    with pytest.raises(GuardError, match=r"on 1 service\(s\): food. Set pairs\.halves=true"):
        pretrain(traces, run, tmp_path / "a")
    made = pretrain(traces, stored(), tmp_path / "b")
    assert made.num_train == 14
    assert made.training.best_valid is not None
    with pytest.raises(GuardError, match=r"0 of 14 train users .* fewer pairs\.min_items"):
        pretrain(traces, pairs(stored(), min_items=9), tmp_path / "c")


def test_halves_are_for_where_too_few_are_on_several_services(tmp_path: Path) -> None:
    traces = shop(tmp_path / "t", PARTS, alone=[0, 1, 2])
    _, encoding = item_parts(stored().build(traces)[0])

    def number(run: ClueRun) -> int:
        return pairs_of_part(traces, run, encoding, "train").num_users

    # Eleven of fourteen train users are on both services: enough for batches of ten, not of 16.
    assert number(pairs(stored(), batch_users=10)) == 11
    assert number(stored()) == 14
    assert number(pairs(stored(halves_if_needed=False), batch_users=10)) == 14
    assert number(pairs(stored(), halves=False)) == 11


def test_the_pool_asks_across_services_where_anybody_can_be_asked(tmp_path: Path) -> None:
    both = shop(tmp_path / "a", PARTS, alone=[12])
    one = shop(tmp_path / "b", PARTS, alone=range(22))
    few = shop(tmp_path / "c", ["train"] * 12 + ["valid"])
    sizes = []
    for traces in (both, one, few):
        _, encoding = item_parts(stored().build(traces)[0])
        pool = valid_pool(traces, stored(), encoding)
        sizes.append(None if pool is None else pool.num_users)
        if pool is not None:
            services = pool.pair_service_B2
            assert bool((services[:, 0] == services[:, 1]).any()) == (traces is one)
    assert sizes == [3, 4, None]


def test_validation_is_the_same_at_every_call(tmp_path: Path) -> None:
    traces = shop(tmp_path / "t", PARTS)
    model, objective = stored().begin(traces)
    source, validate = prepare_clue(traces, stored(), model, objective, CPU)
    assert validate is not None
    assert source.num_users == 14
    with torch.no_grad():
        first, again = validate(), validate()
    assert torch.equal(first.total, again.total)
    assert isinstance(objective, CrossService)
    assert int(first.counts["pool"]) == 4
    assert model.about["relations"] == {
        "users_in_pairs": 14,
        "users_with_one_side_only": 0,
        "users_without_item_texts": 0,
    }


def test_texts_are_tokenised_once_where_there_is_a_folder(tmp_path: Path) -> None:
    traces = shop(tmp_path / "t", PARTS)
    vectors = []
    for work in (None, tmp_path / "work", tmp_path / "work"):
        model, _ = stored().begin(traces, work)
        vectors.append(model.encode(Snapshot(traces)))
    assert len(list((tmp_path / "work").glob("texts-*"))) == 1
    np.testing.assert_array_equal(vectors[0], vectors[1])
    np.testing.assert_array_equal(vectors[0], vectors[2])


def test_without_narrow_slots_a_slot_is_as_wide_as_the_encoder(tmp_path: Path) -> None:
    traces = shop(tmp_path / "t", PARTS)
    model, objective = stored(slot_dim=None).begin(traces)
    encoder, _ = item_parts(model)
    assert encoder.reduce is None
    assert model.representation_dim == 3 * 8
    assert isinstance(objective, CrossService)
    assert objective.prefixes == (8,)
