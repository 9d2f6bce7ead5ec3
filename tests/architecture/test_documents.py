"""What a reader is shown runs, and is what there is."""

import re
from pathlib import Path

import pytest

from .documents import Block, blocks, commands, programs, run
from .source import ROOT, shown
from .tree import BLOCK, REMARKS, lines, tree

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
WITH_PROGRAMS = [document for document in DOCUMENTS if any(programs(document))]


@pytest.mark.slow
@pytest.mark.parametrize("document", WITH_PROGRAMS, ids=shown)
def test_the_examples_run(document: Path, tmp_path: Path) -> None:
    run(document, tmp_path)


def test_the_readme_has_both_kinds_of_example() -> None:
    assert {block.language for block in programs(ROOT / "README.md")} >= {"console", "python"}


def test_the_tree_of_the_readme_is_the_real_tree() -> None:
    found = BLOCK.search((ROOT / "README.md").read_text())
    assert found, "the README has no tree"
    assert found[1] == tree(), "run 'make tree'"


def test_everything_in_the_tree_has_a_remark() -> None:
    assert [name for name, remark in lines() if not remark] == []


def test_nothing_at_the_top_is_left_out_of_the_tree() -> None:
    ignored = [name.lstrip("/") for name in (ROOT / ".gitignore").read_text().split()]
    top = {
        path.name
        for path in ROOT.iterdir()
        if f"{path.name}/" not in ignored and (path.name == ".ci" or path.name[0] != ".")
    }
    assert top == {name.partition("/")[0] for name in REMARKS if (ROOT / name).exists()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=shown)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=shown)
def test_files_and_targets_that_are_named_exist(document: Path) -> None:
    text = document.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for target in re.findall(r"`make ([a-z-]+)", text):
        assert target in targets, f"make {target}"
    for name in re.findall(r"`((?:src|tests|docs|benchmarks)/[\w./]+\.\w+)`", text):
        assert (ROOT / name).exists(), name


def test_only_commands_are_taken_from_a_console_block() -> None:
    text = "$ cd a\n$ habitus encode model \\\n    --out x\n500 users\n"
    block = Block("console", "", text, 1)
    assert commands(block) == "cd a\nhabitus encode model \\\n    --out x\n"


def test_blocks_are_told_apart(tmp_path: Path) -> None:
    document = tmp_path / "a.md"
    document.write_text(
        "text\n```python\nx = 1\n```\n\n```python title=a.py line\ny\n```\n```sh\nz\n```\n"
        "```yaml title=a.yaml\nw\n```\n"
    )
    assert [(b.language, b.title, b.line) for b in blocks(document)] == [
        ("python", "", 2), ("python", "title=a.py line", 6), ("sh", "", 9),
        ("yaml", "title=a.yaml", 12),
    ]  # fmt: skip
    assert [b.text for b in programs(document)] == ["x = 1\n", "w\n"]


def test_blocks_follow_one_another_in_one_folder(tmp_path: Path) -> None:
    document = tmp_path / "a.md"
    document.write_text(
        "```yaml title=a.yaml\nx: 1\n```\n"
        "```console\n$ cp a.yaml \\\n    b.yaml\ncopied\n```\n"
        "```python\nassert open('b.yaml').read() == 'x: 1\\n'\n```\n"
    )
    folder = tmp_path / "session"
    folder.mkdir()
    run(document, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["a.yaml", "b.yaml"]


@pytest.mark.parametrize("text", ["```console\n$ false\n```", "```python\n1 / 0\n```"])
def test_an_example_that_fails_is_noticed(text: str, tmp_path: Path) -> None:
    document = tmp_path / "a.md"
    document.write_text(f"```console\n$ true\n```\n{text}\n")
    with pytest.raises(AssertionError, match=r"a\.md, line 4"):
        run(document, tmp_path)


def test_a_test_that_a_document_names_exists() -> None:
    named = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
    found = [pair for document in DOCUMENTS for pair in named.findall(document.read_text())]
    assert found
    for file, name in found:
        assert f"\ndef {name}(" in (ROOT / file).read_text(), f"{file}::{name}"


def test_every_capability_has_a_test_behind_it() -> None:
    text = (ROOT / "docs/capabilities.md").read_text()
    rows = re.findall(r"^\| (?!capability|---)(.*) \|$", text, re.MULTILINE)
    assert len(rows) >= 10
    assert [row for row in rows if "::test_" not in row.split(" | ")[-1]] == []
