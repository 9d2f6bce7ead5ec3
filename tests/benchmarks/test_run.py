import sys
import types

import pytest

from benchmarks import run


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Put three benchmarks in place, the second of which breaks; return what was called."""
    calls: list[tuple[str, bool]] = []

    def module(name: str) -> types.ModuleType:
        def main(quick: bool) -> None:
            calls.append((name, quick))
            if name == "b":
                raise RuntimeError("broken")

        made = types.ModuleType(name)
        made.main = main  # type: ignore[attr-defined]
        return made

    for name in "abc":
        monkeypatch.setitem(sys.modules, f"benchmarks.{name}", module(name))
    monkeypatch.setattr(run, "names", lambda: ["a", "b", "c"])
    return calls


def test_every_file_but_the_frame_is_a_benchmark() -> None:
    assert "sizes" in run.names()
    assert not set(run.names()) & run.NOT_BENCHMARKS


def test_the_named_ones_run_in_order(toys: list[tuple[str, bool]]) -> None:
    assert run.main(["c", "a", "--quick"]) == 0
    assert toys == [("c", True), ("a", True)]


def test_one_that_breaks_does_not_take_the_others_with_it(
    toys: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main([]) == 1
    assert toys == [("a", False), ("b", False), ("c", False)]
    err = capsys.readouterr().err
    assert "RuntimeError: broken" in err
    assert err.endswith("not finished: b\n")


def test_an_unknown_name_is_a_usage_error(
    toys: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        run.main(["d"])
    assert exit_.value.code == 2
    assert "no benchmark is called 'd'" in capsys.readouterr().err
    assert toys == []
