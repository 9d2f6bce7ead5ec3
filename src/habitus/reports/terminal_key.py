"""What stands below the table of a terminal: who is ahead, and what each mark and word means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from habitus.reports.findings import Findings
from habitus.reports.formats import plural, score

_MARKS: Final = (
    "{measure} over its 95 % interval. ★ highest of its row, ≈ tied with ★, ▽ behind ★, no mark: "
    "not compared with ★ in pairs."
)
_COLUMN: Final = (
    "{ours} − {against}: these two alone, whichever method has the ★; ahead: {ours} is better, "
    "behind: {against} is."
)
_TIE: Final = "tie: the 95 % interval of the difference holds zero."
_HOLM: Final = (
    "tie: the 95 % interval of the difference holds zero. tie (Holm): it does not, but with "
    "{questions} asked the difference does not survive Holm's correction; ≈ and ▽ are corrected in "
    "the same way. The mean is one comparison, not corrected: it can be ahead or behind where most "
    "questions are ties."
)


def key(findings: Findings, methods: Sequence[str], *, has_difference: bool) -> list[str]:
    """Return the lines below a table.

    Args:
        findings: what the table shows.
        methods: those that have a column.
        has_difference: whether ours less the reference is a column.
    """
    told = [_MARKS.format(measure=findings.main_measure.title)]
    against = findings.label(findings.reference)
    if has_difference:
        told.append(_COLUMN.format(ours=findings.label(findings.ours), against=against))
    questions = plural(len(findings.tasks), "question")
    told.append(_TIE if findings.of_one_task else _HOLM.format(questions=questions))
    missing = [m["label"] for m in findings.columns if m["name"] not in methods]
    if missing:
        told.append(f"Not shown for want of width: {', '.join(missing)}.")
    return told


def who_is_ahead(findings: Findings) -> list[str]:
    """Return who is highest on average, and on how many questions ours is ahead."""
    best = findings.best_mean
    if best is None or findings.of_one_task:
        return []
    told = [f"Highest on average: {findings.label(best)}, {score(findings.mean_value(best))}."]
    if findings.ours is None or findings.reference is None:
        return told
    tally = findings.tally(findings.ours, findings.reference)
    if sum(tally.values()):
        told.append(
            f"Question by question, {findings.label(findings.ours)} is ahead of "
            f"{findings.label(findings.reference)} in {tally['better']}, tied in {tally['tie']}, "
            f"behind in {tally['worse']} of {sum(tally.values())}."
        )
    return told
