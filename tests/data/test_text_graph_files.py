from pathlib import Path

import numpy as np
import pytest

from habitus.data.text_graph import TextGraphConfig, TextGraphs, build_text_graphs
from habitus.data.text_graph_files import FILES, Lengths, StoreFiles, StoreManifest
from habitus.errors import DataError
from tests.data.plain_text_graph import tokens_of

# Two edges (1-2, both ways) and three words, nothing, one word.
USERS = [[[1, 2], [3]], [], [[7]]]


def graphs(weight: str = "ppmi") -> TextGraphs:
    config = TextGraphConfig.from_dict({"edge_weight": weight})
    return build_text_graphs(tokens_of(USERS), config)


def new_files(folder: Path, *, weighted: bool = True) -> StoreFiles:
    files = StoreFiles(folder, 3, Lengths(), weighted=weighted)
    files.cut()
    return files


def test_places_by_hand(tmp_path: Path) -> None:
    files = new_files(tmp_path)
    assert files.append(graphs()).tolist() == [[0, 3, 0, 2], [3, 0, 2, 0], [3, 1, 2, 0]]
    again = files.append(graphs())
    assert again.tolist() == [[4, 3, 2, 2], [7, 0, 4, 0], [7, 1, 4, 0]]
    files.append_users(again)
    files.append_changes(np.array([2]), again[:1])
    assert files.lengths == (3, 8, 4, 1)
    files.check()
    assert files.read("word").tolist() == [1, 2, 3, 7] * 2
    assert files.read("degree").tolist() == [1, 1, 0, 0] * 2
    assert files.read("col").tolist() == [1, 0] * 2
    assert files.read("weight").tolist() == pytest.approx([np.log(2)] * 4)  # 1 · 2 / (1 · 1)
    assert files.read("users").tolist() == again.tolist()
    assert files.read("changes").tolist() == [[2, 4, 3, 2, 2]]
    assert {name: files.read(name).dtype for name in FILES} == {
        n: f.dtype for n, f in FILES.items()
    }


def test_only_what_counts_is_read_and_kept(tmp_path: Path) -> None:
    files = new_files(tmp_path)
    files.append(graphs())
    shorter = StoreFiles(tmp_path, 3, Lengths(nodes=2, edges=1), weighted=True)
    shorter.check()
    assert shorter.read("word").tolist() == [1, 2]
    with pytest.raises(DataError, match=r"users\.3 has 0 bytes, not 32"):
        StoreFiles(tmp_path, 3, Lengths(users=1), weighted=True).check()
    shorter.cut()
    assert (tmp_path / "word.3").stat().st_size == 8
    with pytest.raises(DataError, match=r"word\.3 has 8 bytes, not 16"):
        files.check()


def test_binary_graphs_have_no_file_of_weights(tmp_path: Path) -> None:
    files = new_files(tmp_path, weighted=False)
    files.append(graphs("binary"))
    assert not (tmp_path / "weight.3").exists()
    with pytest.raises(AssertionError):
        files.append(graphs("ppmi"))


def test_other_generations_are_deleted(tmp_path: Path) -> None:
    files = new_files(tmp_path)
    StoreFiles(tmp_path, 2, Lengths(), weighted=True).cut()
    (tmp_path / "notes.txt").touch()
    files.delete_others()
    assert {p.name for p in tmp_path.iterdir()} == {"notes.txt", *(f"{n}.3" for n in FILES)}


def test_a_manifest_goes_there_and_back(tmp_path: Path) -> None:
    files = new_files(tmp_path)
    files.append_users(files.append(graphs()))
    manifest = StoreManifest(
        graph=TextGraphConfig(edge_weight="ppmi"),
        source={"as_of": 5},
        num_users=0,
        num_nodes=0,
        num_edges=0,
    ).of(files)
    assert manifest.lengths == files.lengths
    assert manifest.weighted
    manifest.write(tmp_path)
    assert StoreManifest.read(tmp_path) == manifest
    assert not list(tmp_path.glob("*.new"))
