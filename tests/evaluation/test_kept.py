"""Values kept on disk."""

from pathlib import Path
from typing import Any

import pytest

from habitus.evaluation.kept import kept


def never() -> dict[str, Any]:
    raise AssertionError("it was kept")


def test_what_is_kept_is_not_made_again(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "values.json"
    assert kept(file, lambda: {"x": [0.1, 1 / 3]}) == {"x": [0.1, 1 / 3]}
    assert kept(file, never) == {"x": [0.1, 1 / 3]}
    assert [path.name for path in file.parent.iterdir()] == ["values.json"]


def test_what_failed_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        kept(tmp_path / "x.json", never)
    assert not list(tmp_path.iterdir())
    assert kept(tmp_path / "x.json", dict) == {}


def test_without_a_file_it_is_made_every_time() -> None:
    made: list[int] = []

    def make() -> dict[str, Any]:
        made.append(1)
        return {}

    assert kept(None, make) == kept(None, make)
    assert len(made) == 2
