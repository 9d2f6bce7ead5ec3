import errno
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

import habitus.training.checkpoint as module
from habitus.errors import DataError
from habitus.training.checkpoint import Checkpoint, CheckpointFolder


def checkpoint(step: int, best_step: int | None = None) -> Checkpoint:
    tensors = {
        "matrix": torch.full((3, 4), float(step)),
        "scalar": torch.tensor(step),
        "half": torch.arange(5, dtype=torch.bfloat16),
        "empty": torch.zeros(0, 2),
        "flags": torch.tensor([True, False]),
    }
    return Checkpoint(step, tensors, {"best_step": best_step, "rate": 0.1 + 0.2})


def folder_with(path: Path, *steps: int) -> CheckpointFolder:
    folder = CheckpointFolder(path)
    for step in steps:
        folder.save(checkpoint(step))
    return folder


def test_what_is_saved_is_read_bit_by_bit(tmp_path: Path) -> None:
    read = folder_with(tmp_path / "new" / "folder", 5).load(5)
    expected = checkpoint(5)
    assert read.step == 5
    assert read.values == expected.values
    assert read.tensors.keys() == expected.tensors.keys()
    for name, tensor in expected.tensors.items():
        assert read.tensors[name].dtype == tensor.dtype
        assert torch.equal(read.tensors[name], tensor)


def test_weights_that_share_memory_are_kept_twice(tmp_path: Path) -> None:
    tied = torch.randn(2, 2)
    folder = CheckpointFolder(tmp_path)
    folder.save(Checkpoint(1, {"a": tied, "b": tied, "part": tied.T[:1]}, {"best_step": None}))
    read = folder.load(1).tensors
    assert torch.equal(read["a"], read["b"])
    assert torch.equal(read["part"], tied.T[:1])


def test_the_newest_two_and_their_best_are_kept(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    for step, best in [(1, None), (2, 2), (3, 2), (4, 2), (5, 5), (6, 5), (7, 5)]:
        folder.save(checkpoint(step, best))
        # Were 5 the last to be written and then damaged, 4 would still need its best, 2.
        expected = {4: [2, 3, 4], 5: [2, 4, 5], 6: [5, 6], 7: [5, 6, 7]}
        if step in expected:
            assert folder.steps() == expected[step]


def test_nothing_but_checkpoints_is_left(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, 1)
    (tmp_path / "step-000000002.part").write_text("from a process that was killed")
    (tmp_path / "notes.txt").write_text("not ours")
    folder.save(checkpoint(3))
    assert {p.name for p in tmp_path.iterdir()} == {
        "step-000000001.safetensors",
        "step-000000003.safetensors",
        "notes.txt",
    }


def test_an_empty_folder_has_no_checkpoint(tmp_path: Path) -> None:
    assert CheckpointFolder(tmp_path).latest() is None
    assert CheckpointFolder(tmp_path / "missing").latest() is None


@given(st.data())
def test_any_damage_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = folder_with(tmp_path_factory.mktemp("damage"), 1, 2)
    path = folder.path(2)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[place:]
    path.write_bytes(content)
    with pytest.raises(DataError, match="is damaged"):
        folder.load(2)
    with pytest.warns(RuntimeWarning, match="the one before is used"):
        assert (latest := folder.latest()) is not None
    assert latest.step == 1


def test_a_damaged_leftover_does_not_push_out_a_good_one(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, 1, 9)
    folder.path(9).write_bytes(b"torn")
    folder.save(checkpoint(2))
    assert folder.steps() == [1, 2]


def test_only_damaged_checkpoints_are_bad_data(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, 1, 2)
    for step in (1, 2):
        folder.path(step).write_bytes(b"torn")
    with (
        pytest.warns(RuntimeWarning, match="is damaged"),
        pytest.raises(DataError, match=r"every checkpoint .* remove the folder to start again"),
    ):
        folder.latest()


def test_no_space_left_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_with(tmp_path, 1)

    def full(_: object, path: Path, **__: object) -> None:
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "save_file", full)
    with pytest.raises(DataError, match="No space left on device; make room"):
        folder.save(checkpoint(2))
    assert [p.name for p in tmp_path.iterdir()] == ["step-000000001.safetensors"]
    assert (latest := folder.latest()) is not None
    assert latest.step == 1


def test_a_checkpoint_is_in_place_only_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a process sees that looks while another one writes.
    folder, seen = folder_with(tmp_path, 1), []

    def watched(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str]) -> None:
        save_file(tensors, path, metadata)
        seen.append((path.suffix, folder.steps()))

    monkeypatch.setattr(module, "save_file", watched)
    folder.save(checkpoint(2))
    assert seen == [(".part", [1])]


def test_a_missing_checkpoint_is_bad_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="step-000000003"):
        CheckpointFolder(tmp_path).load(3)
