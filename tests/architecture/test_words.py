"""Words that must not stand in the repository, and names that must not be given."""

import re
from pathlib import Path

import pytest

from .source import ROOT, definitions, shown, source_files

FOLDERS = ("src", "tests", "benchmarks", "docs", "examples", ".ci")
NOT_TEXT = {".pyc", ".nbi", ".nbc", ".png", ".parquet", ".npy", ".safetensors", ".gz", ".zip"}


def all_files() -> list[Path]:
    """Return the text files that we write, this one left out, since it holds the words."""
    found = [path for name in FOLDERS for path in (ROOT / name).rglob("*")] + [*ROOT.iterdir()]
    return sorted(
        path
        for path in found
        if path.is_file() and path.suffix not in NOT_TEXT and path != Path(__file__)
    )


def hits(pattern: str, paths: list[Path]) -> list[str]:
    """Return ``file:line: text`` of each line that a pattern is found in."""
    return [
        f"{shown(path)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line)
    ]


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\s*(import|from) (pickle|dill|cloudpickle|shelve|joblib|marshal)\b",
        r"torch\.(load|save)\(",
        r"allow_pickle\s*=\s*True",
        r"weights_only\s*=\s*False",
        r"read_pickle|to_pickle",
    ],
)
def test_nothing_is_pickled(pattern: str) -> None:
    # A pickle runs what its author wrote: a model directory from a stranger must be only numbers.
    python = [*source_files(), *(ROOT / "benchmarks").glob("*.py"), *(ROOT / "tests").rglob("*.py")]
    assert hits(pattern, [path for path in python if path != Path(__file__)]) == []


@pytest.mark.parametrize(
    "pattern",
    [r"(np|numpy)\.random\.seed\(", r"torch\.(cuda\.)?manual_seed\(", r"(?<!\w)random\.seed\("],
)
def test_the_package_seeds_nothing_globally(pattern: str) -> None:
    # Dropout and first weights take no generator: fork_rng puts the state back that was there.
    files = [path for path in source_files() if "torch.random.fork_rng" not in path.read_text()]
    assert hits(pattern, files) == []


@pytest.mark.parametrize(
    "pattern", [r"(?<![\w.:/<])/(home|root|work|tmp|opt|mnt|usr|Users)/\w", r"\b[A-Z]:\\\\"]
)
def test_no_path_of_some_machine(pattern: str) -> None:
    assert [hit for hit in hits(pattern, all_files()) if "/usr/bin/env" not in hit] == []


def test_constraints_name_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins == sorted(pins, key=lambda pin: pin.partition("==")[0])
    for line in pins:
        assert re.fullmatch(r"[a-z0-9._-]+==[\w.+!]+", line), line
    # torch and what it brings differ between machines; see the README.
    assert not [p for p in pins if re.match("torch==|nvidia|cuda|triton", p)]


def test_packages_come_from_no_place_of_ours() -> None:
    files = [ROOT / name for name in ("pyproject.toml", "constraints.txt", "Makefile", ".ci/run")]
    assert (
        hits(r"(index|find-links)\s*[=:]\s*[\"']?\w+://|--(extra-)?index-url|--find-links", files)
        == []
    )
    assert hits(r"\w+://", files) == []


@pytest.mark.parametrize("path", source_files(), ids=shown)
def test_a_file_is_named_after_what_it_holds(path: Path) -> None:
    assert not re.search(r"^(utils?|helpers?|common|misc)$|_v\d+$|_(utils?|helpers?)$", path.stem)
    assert not re.search(r"^(utils?|helpers?|common|misc)$", path.parent.name)


OTHER_WORDS = {
    "customer": "user", "uid": "user_id", "corpus": "traces", "backbone": "encoder",
    "criterion": "objective", "gate": "router", "lr": "learning_rate", "bs": "batch_size",
}  # fmt: skip


@pytest.mark.parametrize("path", source_files(), ids=shown)
def test_one_word_for_one_thing(path: Path) -> None:
    for node in definitions(path):
        for word in re.findall(r"[A-Z]?[a-z]+", node.name):
            assert word.lower() not in OTHER_WORDS, f"say {OTHER_WORDS[word.lower()]}"
