"""A pre-training that is stopped from outside, and goes on."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from habitus.data.traces import Traces
from habitus.runs.base import Run
from habitus.runs.pretrain import Pretrained, pretrain


class CutError(Exception):
    """Ends a training from outside."""


def cut_and_go_on(traces: Traces, run: Run, folder: Path) -> Pretrained:
    """Stop a training in its third step, and return what a second call makes of it."""

    def cut(done: int, _steps: int, _metrics: Mapping[str, float]) -> None:
        if done == 3:
            raise CutError

    with pytest.raises(CutError):
        pretrain(traces, run, folder, on_step=cut)
    return pretrain(traces, run, folder)
