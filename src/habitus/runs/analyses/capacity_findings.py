"""What the study of capacity found, in short sentences: a reader's two lines each."""

from __future__ import annotations

from collections.abc import Sequence

from habitus.runs.analyses.capacity_held_out import ALONE_RIGHT
from habitus.runs.analyses.capacity_rows import Variant
from habitus.runs.analyses.capacity_tables import Studied
from habitus.runs.analyses.ple_rows import AGGREGATES, ALONE, RANDOM
from habitus.runs.analyses.wording import VERDICTS, figure, listed, told


def findings(found: Studied) -> list[str]:
    """Return where capacity pays: in what is predicted, and in what labels say."""
    sizes = [[v for v in found.variants if v.size == size] for size in found.what.sizes]
    losses = [_loss(found, same) for same in sizes]
    shares = [_share(found, same) for same in sizes] if found.what.hidden is not None else []
    labels = [text for same in sizes for text in _labels(found, same)]
    return [*losses, *shares, *labels, *_controls(found), *_levels(found)]


def _loss(found: Studied, same: Sequence[Variant]) -> str:
    """Return which numbers of experts lower the loss, and with how many it is lowest."""
    table, name, (dense, *more) = found.held_out, found.main_loss, same
    against = {v.experts: table.difference(v.name, dense.name, name) for v in more}
    better = [number for number, less in against.items() if less.verdict == "better"]
    most = more[-1]
    if not better:
        less = against[most.experts]
        return (
            f"Pre-trained on {dense.size}, no number of experts has a lower loss than one. "
            f"{most.experts} against one: {told(less)}, {VERDICTS[less.verdict]}."
        )
    best = min(more, key=lambda v: table.estimate(v.name, name)["value"])
    text = (
        f"Pre-trained on {dense.size}, {listed(better)} experts have a lower loss than one; "
        f"{best.experts} is best: {told(against[best.experts])}."
    )
    if best is most:
        return text
    less = table.difference(most.name, best.name, name)
    return f"{text} {most.experts} against {best.experts}: {told(less)}, {VERDICTS[less.verdict]}."


def _share(found: Studied, same: Sequence[Variant]) -> str:
    """Return how much of the hidden channel is found, by number of experts."""
    right = [found.held_out.estimate(v.name, ALONE_RIGHT)["value"] for v in same]
    text = (
        f"Pre-trained on {same[0].size}, {listed([v.experts for v in same])} experts find the "
        f"hidden {found.what.hidden} in {listed([figure(share) for share in right])} of the cases"
    )
    best = found.what.best_right
    return f"{text}." if best is None else f"{text}; at best {figure(best)}."


def _labels(found: Studied, same: Sequence[Variant]) -> list[str]:
    """Return with how many experts the AUC is highest, and which are above one expert."""
    labels, (dense, *more) = found.labels, same
    best = max(same, key=lambda v: labels.estimate(v.name).value)
    alone = labels.difference(best.name, ALONE)
    against = {v.experts: labels.difference(v.name, dense.name) for v in more}
    better = [number for number, less in against.items() if less.verdict == "better"]
    shown = best.experts if best is not dense else more[-1].experts
    lead = f"{listed(better)} experts have" if better else "no number of experts has"
    less = against[shown]
    return [
        f"Labels with vectors of {dense.size}: the highest AUC is "
        f"{figure(labels.estimate(best.name).value)}, of {best.label.split(',')[0]}. Against PLE "
        f"alone: {told(alone)}, {VERDICTS[alone.verdict]}.",
        f"Labels with vectors of {dense.size}: {lead} a higher AUC than one. {shown} against one: "
        f"{told(less)}, {VERDICTS[less.verdict]}.",
    ]


def _controls(found: Studied) -> list[str]:
    said = []
    for row in found.rows:
        if row.name in (RANDOM, AGGREGATES):
            less = found.labels.difference(row.name, ALONE)
            said.append(f"{row.label} {told(less)}, {VERDICTS[less.verdict]}")
    return [f"Against PLE alone, in AUC: {'; '.join(said)}."] if said else []


def _levels(found: Studied) -> list[str]:
    """Return the AUC of those who know more or less than any encoder, the lowest first."""
    if not found.what.bounds:
        return []
    known = {"PLE alone": ALONE, **{words: words for words in found.what.bounds}}
    values = {words: found.labels.estimate(name).value for words, name in known.items()}
    told_of = (f"{words} {figure(values[words])}" for words in sorted(values, key=values.get))  # type: ignore[arg-type]
    return [f"AUC for comparison: {', '.join(told_of)}."]
