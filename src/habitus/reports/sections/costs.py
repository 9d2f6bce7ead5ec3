"""What it cost: compute of pre-training, speed of encoding, bytes."""

from __future__ import annotations

from typing import Any

from habitus.reports.findings import Findings
from habitus.reports.formats import MISSING, count, duration, large, percent, rate, size
from habitus.reports.markup import Html, el, join, note, section, terms


def costs_section(findings: Findings) -> Html:
    """Return the figures of pre-training and encoding."""
    training = findings.results.get("pretraining")
    encoding = findings.results.get("encoding")
    return section(
        "costs",
        "Costs",
        terms(
            (
                "FLOPs",
                "Multiplications and additions. True: on real events only; executed: with the "
                "padding that fills a batch.",
            ),
            (
                "Parameters",
                "All weights of the encoder. An event goes through some of them: not through "
                "experts that are not chosen for it, and of lookup tables only to its own rows.",
            ),
        ),
        el("h3", "Pre-training"),
        _facts(_training(training))
        if training
        else note(
            "These results do not say how the encoder was pre-trained; its model directory does."
        ),
        el("h3", "Encoding"),
        _facts(_encoding(encoding))
        if encoding
        else note("These results do not say how long encoding took."),
        note(_where(findings)),
    )


def _training(training: dict[str, Any]) -> list[tuple[str, str]]:
    get = training.get
    return [
        ("Time", duration(get("seconds"))),
        ("Steps", _steps(get("steps"), get("best_step"))),
        ("Parameters", count(get("parameters"))),
        ("Met by an event", count(get("active_parameters"))),
        ("In lookup tables", count(get("embedding_parameters"))),
        ("FLOPs, true", large(get("flops_true"))),
        ("FLOPs, executed", large(get("flops_executed"))),
        ("Users per second", rate(get("users_per_second"))),
        ("Events per second", rate(get("events_per_second"))),
        ("Padding", percent(get("padding_share"))),
        ("Peak memory", size(get("peak_memory_bytes"))),
    ]


def _steps(steps: float | None, best: float | None) -> str:
    return count(steps) + (f" (kept: {count(best)})" if best is not None else "")


def _encoding(encoding: dict[str, Any]) -> list[tuple[str, str]]:
    get = encoding.get
    return [
        ("Time", duration(get("seconds"))),
        ("Users per second", rate(get("users_per_second"))),
        ("Representations", count(get("num_representations"))),
        ("Width", count(get("representation_dim"))),
        ("Bytes per user", count(get("bytes_per_user"))),
    ]


def _facts(pairs: list[tuple[str, str]]) -> Html:
    known = [(name, value) for name, value in pairs if value != MISSING]
    return el("dl", *(el("div", el("dt", n), el("dd", v)) for n, v in known), class_="facts")


def _where(findings: Findings) -> Html:
    machine = findings.results.get("machine") or {}
    words = ", ".join(f"{key}: {value}" for key, value in machine.items() if value is not None)
    return join([f"Measured on: {words or 'an unnamed machine'}."])
