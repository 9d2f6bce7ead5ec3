"""A folder holds the training of one run on one data, and is cleared of nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from habitus.errors import DataError, UsageError
from habitus.runs.training_folder import FILE, claim
from tests.small import CUTOFF, small_run

RUN = small_run()
LATER = replace(RUN, as_of="2020-04-01")


def begun(folder: Path, *, finished: bool = False) -> Path:
    """Leave in a folder what a training of :data:`RUN` leaves, and a file of somebody else."""
    claim(folder, RUN, "d")
    places = ["work/words.npy", "log.jsonl", "note.txt", "process-1/checkpoints/step-2.safetensors"]
    for name in [*places, *(() if finished else ("checkpoints/step-1.safetensors",))]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    return folder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


ALL = {"work", "log.jsonl", "note.txt", "process-1", "checkpoints", FILE}


@pytest.mark.parametrize("anew", [False, True])
def test_the_same_run_goes_on(tmp_path: Path, anew: bool) -> None:
    begun(tmp_path)
    # How often it is written down changes nothing that is learned.
    training = replace(RUN.training, log_every=9, checkpoint_every_s=1.0, num_threads=1)
    claim(tmp_path, replace(RUN, training=training), "d", anew=anew)
    assert names(tmp_path) == ALL


@pytest.mark.parametrize(
    ("run", "data", "told"),
    [
        (LATER, "d", rf"another as_of \('{CUTOFF}', now '2020-04-01'\): go on"),
        (RUN, "e", r"another traces \('d', now 'e'\): go on with the same, choose another"),
        (RUN.with_seed(3), "d", r"another training.seed \(0, now 3\), seed \(0, now 3\): go on"),
        (
            replace(LATER, preset="other").with_seed(3),
            "e",
            r"another preset .*, as_of .*, training.seed .* and 2 more: go on",
        ),
    ],
)
def test_an_unfinished_training_of_another_run_is_not_gone_on_with(
    tmp_path: Path, run: object, data: str, told: str
) -> None:
    begun(tmp_path)
    with pytest.raises(UsageError, match=f"holds an unfinished training with {told}"):
        claim(tmp_path, run, data)  # type: ignore[arg-type]
    assert names(tmp_path) == ALL
    claim(tmp_path, run, data, anew=True)  # type: ignore[arg-type]
    assert names(tmp_path) == {"note.txt", FILE}
    with pytest.raises(UsageError, match="holds an unfinished training"):
        claim(begun_again(tmp_path), RUN, "d")


def begun_again(folder: Path) -> Path:
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints/step-1.safetensors").write_text("x")
    return folder


def test_what_a_finished_training_of_another_run_left_is_removed(tmp_path: Path) -> None:
    claim(begun(tmp_path, finished=True), LATER, "d")
    assert names(tmp_path) == {"note.txt", FILE}
    assert json.loads((tmp_path / FILE).read_text())["as_of"] == "2020-04-01"


def test_checkpoints_that_nobody_claimed_are_kept_unless_told(tmp_path: Path) -> None:
    begun(tmp_path)
    (tmp_path / FILE).unlink()
    claim(tmp_path, RUN, "d")
    assert names(tmp_path) == ALL
    (tmp_path / FILE).unlink()
    claim(tmp_path, RUN, "d", anew=True)
    assert names(tmp_path) == {"note.txt", FILE}


def test_a_damaged_claim_is_told(tmp_path: Path) -> None:
    begun(tmp_path)
    (tmp_path / FILE).write_text("{")
    with pytest.raises(DataError, match=r"run\.json cannot be read"):
        claim(tmp_path, RUN, "d")
