"""Pre-trained models with stored words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from habitus.data.snapshot import Snapshot
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.models import trained_rows
from habitus.runs.class_experiment import pretrained_rows
from habitus.runs.pasum_wiring import parts_of

PlanOf = Callable[..., AnalysisPlan]


def test_stored_words_change_no_vector(plan_of: PlanOf) -> None:
    plan = plan_of()
    experiment = plan.experiment(plan.run)
    rows = trained_rows(experiment, plan.run, "other", "another", "words")
    [model], [plain] = rows.models, pretrained_rows(experiment, plan.run)[0].models
    assert parts_of(model)[1].text.store is not None
    assert parts_of(plain)[1].text.store is None
    some = Snapshot(plan.traces, None, np.array([3, 1, 7]))
    np.testing.assert_array_equal(model.encode(some), plain.encode(some))
    assert model.digest == plain.digest
    assert (rows.name, rows.row[0]) == ("other", "another")
