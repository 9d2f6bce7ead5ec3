"""A step that is done is reused; what changed, or was not finished, is done."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import habitus
from habitus.runs import steps as steps_module
from habitus.runs.steps import Json, Steps, code_digest


class Maker:
    """Makes a file and counts how often."""

    def __init__(self, facts: Json | None = None) -> None:
        self.calls = 0
        self.facts = facts or {"users": 3}

    def __call__(self, folder: Path) -> Json:
        self.calls += 1
        (folder / "made.txt").write_text(f"{self.calls}")
        return self.facts


def test_what_is_done_is_reused(tmp_path: Path) -> None:
    make = Maker()
    first = Steps(tmp_path).run("encode", {"as_of": "2020-01-01"}, make)
    again = Steps(tmp_path).run("encode", {"as_of": "2020-01-01"}, make)
    assert first == again
    assert make.calls == 1
    assert again[1] == {"users": 3}
    assert first[0].parent == tmp_path
    assert first[0].name.startswith("encode-")


def test_facts_are_the_same_whether_made_now_or_read(tmp_path: Path) -> None:
    # JSON knows no tuples and no whole-number keys.
    make = Maker({"range": (1, 2), "by_seed": {0: 1.5}})
    made = Steps(tmp_path).run("encode", {}, make)
    assert made == Steps(tmp_path).run("encode", {}, make)
    assert made[1] == {"range": [1, 2], "by_seed": {"0": 1.5}}


@pytest.mark.parametrize(
    "inputs", [{"seed": 1}, {"seed": 0, "more": None}, {}, {"seed": "0"}, {"seed": [0]}]
)
def test_other_inputs_are_another_step(inputs: dict[str, Any], tmp_path: Path) -> None:
    make, steps = Maker(), Steps(tmp_path)
    there, _ = steps.run("encode", {"seed": 0}, make)
    here, _ = steps.run("encode", inputs, make)
    assert here != there
    assert make.calls == 2
    assert (there / "made.txt").read_text() == "1"


def test_the_order_of_inputs_does_not_matter_and_the_name_does(tmp_path: Path) -> None:
    steps = Steps(tmp_path)
    assert steps.folder("a", {"x": 1, "y": 2}) == steps.folder("a", {"y": 2, "x": 1})
    assert steps.folder("a", {"x": 1}) != steps.folder("b", {"x": 1})


def test_changed_code_never_meets_an_old_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Steps(tmp_path).folder("a", {})
    monkeypatch.setattr(steps_module, "code_digest", lambda: "other")
    assert Steps(tmp_path).folder("a", {}) != before


def test_an_interrupted_step_goes_on_in_the_folder_that_it_left(tmp_path: Path) -> None:
    steps, found = Steps(tmp_path), []

    def interrupted(folder: Path) -> Json:
        (folder / "half.txt").write_text("half")
        raise KeyboardInterrupt

    def going_on(folder: Path) -> Json:
        found.append((folder / "half.txt").read_text())
        return {}

    with pytest.raises(KeyboardInterrupt):
        steps.run("train", {"seed": 0}, interrupted)
    folder = steps.folder("train", {"seed": 0})
    assert not (folder / "done.json").exists()
    assert steps.run("train", {"seed": 0}, going_on)[0] == folder
    assert found == ["half"]


def test_a_step_is_done_again_when_its_end_is_gone(tmp_path: Path) -> None:
    make, steps = Maker(), Steps(tmp_path)
    folder, _ = steps.run("encode", {}, make)
    (folder / "done.json").unlink()
    steps.run("encode", {}, make)
    assert make.calls == 2


def test_the_end_of_a_step_tells_people_what_it_was(tmp_path: Path) -> None:
    folder, _ = Steps(tmp_path).run("encode", {"seed": 7}, Maker())
    done = json.loads((folder / "done.json").read_text())
    assert done == {"step": "encode", "inputs": {"seed": 7}, "facts": {"users": 3}}


@pytest.fixture
def digest_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Path], object]], str]:
    """Return what gives the digest of a copy of some of the package, after a change to it."""

    def digest(change: Callable[[Path], object]) -> str:
        root = tmp_path / "habitus"
        shutil.rmtree(root, ignore_errors=True)
        for name in ("nn", "cli", "reports"):
            shutil.copytree(Path(habitus.__path__[0]) / name, root / name)
        change(root)
        monkeypatch.setattr(habitus, "__file__", str(root / "__init__.py"))
        return code_digest.__wrapped__()

    return digest


def test_the_digest_of_the_code_follows_what_makes_results_only(
    digest_after: Callable[[Callable[[Path], object]], str],
) -> None:
    same = digest_after(Path.exists)
    assert len(same) == 16
    assert digest_after(lambda root: (root / "cli/main.py").write_text("")) == same
    assert digest_after(lambda root: (root / "reports/new.py").write_text("")) == same
    assert digest_after(lambda root: (root / "nn/notes.txt").write_text("")) == same
    assert digest_after(lambda root: (root / "nn/pooling.py").write_text("")) != same
    assert digest_after(lambda root: (root / "nn/new.py").write_text("")) != same
    moved = digest_after(lambda root: (root / "nn/pooling.py").rename(root / "nn/pool.py"))
    assert moved != same
