"""Training curves: did pre-training learn, and did it stop in time?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from habitus.reports.findings import Findings
from habitus.reports.formats import brief
from habitus.reports.markup import Html, el, join, note, section, terms
from habitus.reports.objectives import loss_meaning, part_name, rising
from habitus.reports.plots import (
    Points,
    axes,
    figure,
    path,
    spanning,
    svg,
    thinned,
    upright,
)


def training_section(findings: Findings) -> Html:
    """Return the loss over the steps, and each part of it."""
    training = findings.results.get("pretraining")
    curves = (training or {}).get("curves")
    title = "Training curves"
    if not training:
        text = "These results hold no training curve; the log beside the model directory does."
        return section("training", title, note(text))
    if not curves or not _pairs(curves["step"], curves["train_loss"]):
        return section("training", title, note("The run kept no training curve."))
    return section(
        "training",
        title,
        terms(
            ("Loss", f"What pre-training makes small{loss_meaning(findings.results)}."),
            ("Validation", "The same on users that the training steps never used."),
        ),
        el("div", _total(curves, training.get("best_step")), class_="grid large"),
        _parts(curves),
    )


def _pairs(xs: Sequence[Any], ys: Sequence[Any]) -> Points:
    return [(x, y) for x, y in zip(xs, ys, strict=True) if x is not None and y is not None]


def _total(curves: dict[str, Any], best_step: float | None) -> Html:
    train = thinned(_pairs(curves["step"], curves["train_loss"]))
    valid = thinned(_pairs(curves.get("valid_step") or [], curves.get("valid_loss") or []))
    frame = spanning([train, valid], 560, 290)
    inside = best_step is not None and frame.x[0] <= best_step <= frame.x[1]
    best = upright(frame, best_step, "kept") if inside and best_step is not None else None
    words = f"Training loss from {brief(train[0][1])} to {brief(train[-1][1])}"
    if valid:
        words += f", validation loss from {brief(valid[0][1])} to {brief(valid[-1][1])}"
    lines = [path(frame, train, 1), path(frame, valid, 0) if valid else None]
    picture = svg(frame, words, axes(frame, "step", "loss"), best, *lines)
    keys = [el("li", el("b", class_="stroke s1", aria_hidden="true"), "training, dashed")]
    if valid:
        keys.append(el("li", el("b", class_="stroke s0", aria_hidden="true"), "validation"))
    return figure(join([el("ul", *keys, class_="legend"), note(words + ".")]), picture)


def _parts(curves: dict[str, Any]) -> Html:
    parts = {n: _pairs(curves["step"], v) for n, v in (curves.get("parts") or {}).items()}
    known = {name: thinned(line, 120) for name, line in parts.items() if line}
    losses = [_part(name, line) for name, line in known.items() if rising(name) is None]
    others = [_part(name, line) for name, line in known.items() if rising(name) is not None]
    scale = "Each on its own scale: compare shapes, not heights."
    return join(
        [
            *_group("Parts of the training loss", scale, losses),
            *_group("What should rise", f"Seen on the way, not made small. {scale}", others),
        ]
    )


def _group(title: str, words: str, plots: list[Html]) -> list[Html]:
    return [el("h3", title), note(words), el("div", *plots, class_="grid small")] if plots else []


def _part(name: str, line: Points) -> Html:
    frame = spanning([line], 230, 130)
    words = f"{part_name(name)}: from {brief(line[0][1])} to {brief(line[-1][1])}"
    up = axes(frame, "step", rising(name) or "loss")
    return figure(words, svg(frame, words, up, path(frame, line, 0)))
