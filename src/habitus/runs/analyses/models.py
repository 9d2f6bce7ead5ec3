"""Pre-trained models as analyses read them: with words that were stored before."""

from __future__ import annotations

from habitus.runs.class_experiment import ClassExperiment, pretrained_rows
from habitus.runs.model_rows import ENCODERS, ModelRows
from habitus.runs.pasum import PasumRun
from habitus.runs.pasum_wiring import parts_of, text_source


def trained_rows(
    experiment: ClassExperiment,
    run: PasumRun,
    name: str = "ours",
    label: str = ENCODERS["ours"][0],
    words: str = "",
) -> ModelRows:
    """Return the pre-trained row of a run, made now or reused; its models share stored words.

    Args:
        experiment: whose traces, split and seeds.
        run: what was pre-trained.
        name: of the row.
        label: what tables call it.
        words: a sentence about it.
    """
    rows = pretrained_rows(experiment, run, name, label, words)[0]
    text = text_source(experiment.traces, run, experiment.work)
    for model in rows.models:
        parts_of(model)[1].text = text
    return rows
