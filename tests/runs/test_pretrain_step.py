"""A pre-training is made once for equal inputs."""

from pathlib import Path

import pytest

from habitus.data.traces import Traces
from habitus.runs import pretrain_step as module
from habitus.runs.pretrain import Pretrained
from habitus.runs.pretrain_step import pretrained_step
from habitus.runs.steps import Steps
from tests.small import small_run


def silent(done: int, total: int, note: str) -> None:
    """Show nothing."""


def test_a_second_call_reads_what_the_first_made(
    traces: Traces, undisturbed: Pretrained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, shown = Steps(tmp_path), list[tuple[int, int, str]]()

    def show(done: int, total: int, note: str) -> None:
        shown.append((done, total, note))

    stages: list[tuple[str, int, int]] = []
    first, facts = pretrained_step(
        traces, small_run(), steps, show, lambda _: "card", None, lambda *told: stages.append(told)
    )
    begin, prepare = small_run().stages
    assert stages == [(begin, 0, 1), (begin, 1, 1), (prepare, 0, 1), (prepare, 1, 1)]
    assert [done for done, _, _ in shown] == [1, 2, 3, 4, 5, 6]
    assert shown[0][2].startswith("loss ")
    assert facts["best_step"] == undisturbed.training.best_step
    assert facts["num_train"] == undisturbed.num_train

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("done before")

    monkeypatch.setattr(module, "pretrain", refuse)
    again, same = pretrained_step(traces, small_run(), steps, silent, lambda _: "card")
    assert (again.digest, same) == (first.digest, facts)
    with pytest.raises(AssertionError, match="done before"):
        pretrained_step(traces, small_run().with_seed(1), steps, silent, lambda _: "card")


def test_the_model_tells_how_it_was_trained(traces: Traces, tmp_path: Path) -> None:
    model, facts = pretrained_step(traces, small_run(), Steps(tmp_path), silent, lambda _: "card")
    assert model.about["training"] == facts
    assert len(facts["curves"]["valid_step"]) == 3
