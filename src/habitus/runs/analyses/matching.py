"""Matching: find people again across services, by what they left on each (CLUE eq. 4, held out).

An encoder that tells people across services no better than linear CCA of their words has learned
nothing beyond bags of words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from habitus.evaluation.bootstrap import Difference, Estimate
from habitus.evaluation.matching import MAIN, MatchingTable, MatchingTask
from habitus.evaluation.matching_split import MatchingSplit
from habitus.runs.analyses.base import AnalysisPlan, Answer, analysis_results
from habitus.runs.analyses.matching_rows import (
    OURS,
    RUNG,
    Row,
    chosen_cca,
    encoder_rows,
    own_rows,
    pool_step,
    rung_rows,
    trained,
)
from habitus.runs.analyses.matching_tables import (
    CHANCE,
    Point,
    curve_plot,
    curve_table,
    differences,
    directions,
    scores,
)
from habitus.runs.analyses.own_models import own_models
from habitus.runs.analyses.wording import figure
from habitus.runs.clue import ClueRun, clue
from habitus.runs.steps import Json

QUESTION: Final = "Is somebody found again on another service by what was left on one?"
POOLS: Final = {"art_office": 1_000, "food_kitchen": 1_000, "complete_journey_services": 500}
"""Users to match; of other sets, the test users on several services, at most 1,000."""
IN_SIGHT: Final = {
    "food_kitchen": "The settings of preset ci were chosen on valid users, some of whom are "
    "matched here: the encoder is a little flattered. The table of those whom no choice saw, the "
    "source's test users, is beside it.",
}
"""Set → what was chosen in sight of those who are matched."""
UNSEEN: Final = "those whom no choice saw"
SHARES: Final = (0.125, 0.25, 0.5, 1.0)
"""Of the training pairs, for the curve."""
QUICK_SHARES: Final = (0.25, 1.0)


def matching(plan: AnalysisPlan) -> Json:
    """Return the analysis: encoders and rungs among a stored pool, and the curve over pairs.

    Raises:
        DataError: the set is not at hand, or has no texts.
        GuardError: one service only, or too few users on two.
    """
    split = split_of(plan)
    run = run_of(plan, split)
    task = MatchingTask(pool_step(plan, split).snapshot(plan.traces))
    plan.show("rungs", 0, 1, "TF-IDF and linear CCA")
    own = own_models(plan, split.parts(plan.traces).pool_U, None)
    rows = [*rung_rows(plan.traces, split), *encoder_rows(plan, run), *own_rows(own)]
    found = {row.name: [task.match(method) for method in row.methods] for row in rows}
    table = MatchingTable({CHANCE: [task.chance()], **found}, plan.resampling)
    labels = {CHANCE: "chance", **{row.name: row.label for row in rows}}
    points = curve(plan, task, split, table)
    unseen = unseen_table(plan, split, table)
    answer = Answer(
        findings=[
            *findings(table, labels),
            *([unseen_finding(unseen)] if unseen else []),
            curve_finding(points),
        ],
        tables=[
            scores(table, labels),
            *([unseen_scores(unseen, labels)] if unseen else []),
            differences(table, labels),
            directions(table, labels),
            curve_table(points),
        ],
        plots=[curve_plot(points)],
        notes=[*_notes(plan, split, rows), *(model.remark for model in own)],
    )
    config = {"ours": run.to_dict(), "split": split.to_dict()}
    title = "The same people on another service"
    return analysis_results(plan, "matching", title, QUESTION, config, answer)


def split_of(plan: AnalysisPlan) -> MatchingSplit:
    """Return who learns, who stops the learning and who is matched."""
    if plan.data in POOLS:
        return MatchingSplit(pool=POOLS[plan.data])
    return MatchingSplit.of_test_users(plan.traces)


def run_of(plan: AnalysisPlan, split: MatchingSplit) -> ClueRun:
    """Return the run that is asked about: trained and stopped on users who are not matched."""
    run = clue("quick" if plan.quick else plan.preset)
    return replace(run, split=split, split_attribute=None)


def unseen_table(
    plan: AnalysisPlan, split: MatchingSplit, table: MatchingTable
) -> MatchingTable | None:
    """Return the same of users in whose sight nothing was chosen; None where that is everybody."""
    if plan.data not in IN_SIGHT:
        return None
    task = table.found[OURS][0].task
    unseen_N = split.of_test(plan.traces, task.snapshot.users_U[task.places_N])
    if unseen_N.all() or unseen_N.sum() < 2:
        return None
    return MatchingTable(table.found, plan.resampling, unseen_N)


def unseen_finding(unseen: MatchingTable) -> str:
    """Return who is ahead among users in whose sight nothing was chosen."""
    return (
        f"Of {UNSEEN} ({unseen.num_users:,}, still among all) the encoder finds "
        f"{share(unseen.estimate(OURS, MAIN))}, linear CCA {share(unseen.estimate(RUNG, MAIN))}: "
        f"{verdict(unseen.difference(OURS, RUNG))}."
    )


def unseen_scores(unseen: MatchingTable, labels: Mapping[str, str]) -> Json:
    """Return every metric of every method of those users."""
    note = f"{unseen.num_users:,} test users of the source, each looked for among the whole pool."
    title = UNSEEN[0].upper() + UNSEEN[1:]
    return {**scores(unseen, labels), "title": title, "note": note}


def curve(
    plan: AnalysisPlan, task: MatchingTask, split: MatchingSplit, whole: MatchingTable
) -> list[Point]:
    """Return ours and the rung at each share of the training pairs; all of them are known."""
    points = []
    for share in QUICK_SHARES if plan.quick else SHARES:
        part = replace(split, pairs_share=share)
        num_pairs = len(part.pairs(plan.traces))
        if share == 1:
            points.append(Point(num_pairs, whole))
            continue
        plan.show("rungs", 0, 1, f"linear CCA on {num_pairs:,} pairs")
        found = {
            RUNG: [task.match(chosen_cca(plan.traces, part))],
            OURS: [task.match(one) for one in trained(plan, run_of(plan, part))],
        }
        points.append(Point(num_pairs, MatchingTable(found, plan.resampling)))
    return points


def findings(table: MatchingTable, labels: Mapping[str, str]) -> list[str]:
    """Return whether ours is better than the rungs, a tie or worse, by the interval."""
    ours, rung = (table.estimate(row, MAIN) for row in (OURS, RUNG))
    name = labels[OURS].split(", ")[0]
    found = [
        f"The {name} finds {share(ours)} of the users among ten of {len(table.counts_NR):,} "
        f"({MAIN}: the same person is one of the ten nearest). {labels[RUNG]} (directions in "
        f"which bags of words agree, its settings chosen on other users) finds {share(rung)}: "
        f"beside it the encoder is {verdict(table.difference(OURS, RUNG))}.",
        f"By MRR (the mean of one over the place of the same person) the encoder is, beside "
        f"{labels[RUNG]}, {verdict(table.difference(OURS, RUNG, 'MRR'))}.",
    ]
    others = [other for other in labels if other not in (OURS, RUNG, CHANCE)]
    said = [f"beside {labels[n]}, {verdict(table.difference(OURS, n))}" for n in others]
    return [*found, f"By {MAIN} the encoder is, {'; '.join(said)}."] if said else found


def share(found: Estimate) -> str:
    """Return a share in per cent with its interval.

    >>> share(Estimate(0.4512, 0.42, 0.48, (0.4512,)))
    '45.1 % [42.0, 48.0]'
    """
    return f"{100 * found.value:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def curve_finding(points: Sequence[Point]) -> str:
    """Return what twice the training pairs gave, and whether more of them are asked for."""
    few, many = points[-2:]
    gains = [
        many.table.estimate(name, MAIN).value - few.table.estimate(name, MAIN).value
        for name in (OURS, RUNG)
    ]
    return (
        f"From {few.num_pairs:,} to {many.num_pairs:,} training pairs {MAIN} changes by "
        f"{figure(gains[0], sign=True)} for the encoder and {figure(gains[1], sign=True)} for "
        f"linear CCA."
    )


def verdict(found: Difference) -> str:
    """Return a verdict with the difference that it rests on.

    >>> verdict(Difference(0.0124, -0.001, 0.02, 0.1, "tie"))
    'a tie (+.012 [−.001, +.020])'
    """
    word = "a tie" if found.verdict == "tie" else found.verdict
    value, low, high = (figure(v, sign=True) for v in (found.value, found.low, found.high))
    return f"{word} ({value} [{low}, {high}])"


def _notes(plan: AnalysisPlan, split: MatchingSplit, rows: Sequence[Row]) -> list[str]:
    parts, pairs = split.parts(plan.traces), split.pairs(plan.traces)
    [rung] = [row.methods[0] for row in rows if row.name == RUNG]
    chosen = getattr(rung, "config", None)
    notes = [
        f"The {len(parts.pool_U):,} users who are matched were drawn with seed {split.pool_seed} "
        f"and stored. {len(parts.valid_U):,} others stop the training and choose the settings of "
        f"CCA; {len(parts.train_U):,} are trained on, {len(pairs):,} of them on several services.",
        "Nothing of the users who are matched is read before they are matched: no text of theirs "
        "that nobody else met.",
    ]
    if plan.data in IN_SIGHT:
        notes.append(IN_SIGHT[plan.data])
    if chosen is not None:
        notes.append(
            f"CCA chose {chosen.svd_dim} singular vectors, a ridge of {chosen.ridge:g}, "
            f"{chosen.dim} variates and weights of power {chosen.power:g}."
        )
    if plan.seeds > 1:
        notes.append(f"Encoders: mean over {plan.seeds} pre-training seeds.")
    return notes
