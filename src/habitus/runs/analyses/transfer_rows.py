"""The rows of transfer: what is trained where, and asked away.

Shapes: none; the parts do the arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from habitus.comparisons import Classifies
from habitus.comparisons.tfidf_linear import TfidfLinear
from habitus.config import digest_of
from habitus.data.shared_words import SharedWords
from habitus.data.snapshot import Snapshot
from habitus.data.text_graph_encoding import TextGraphEncoding
from habitus.data.traces import Traces
from habitus.evaluation.features import Group, Method, Represent
from habitus.evaluation.other_platform import OtherPlatform, Probed, kept_vectors
from habitus.representations.model import Model
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.analyses.models import trained_rows
from habitus.runs.analyses.platforms import Platforms
from habitus.runs.analyses.tables import percent
from habitus.runs.model_rows import ModelRows
from habitus.runs.pasum_wiring import parts_of

ROWS: Final = ("ours", "tfidf")
"""What goes from home to away."""


@dataclass(frozen=True, kw_only=True)
class Sides:
    """Both platforms, and what was pre-trained on each."""

    home_traces: Traces
    away_traces: Traces
    home: ModelRows
    away: ModelRows
    home_train: Snapshot
    away_train: Snapshot
    as_of: str | int | None
    names: Platforms
    known: Represent
    """Vectors of users at home, each encoded once."""


def both_sides(plan: AnalysisPlan, platforms: Platforms, home: Traces, away: Traces) -> Sides:
    """Pre-train on each platform, on its training users alone."""
    whole = plan.experiment(plan.run)
    experiments = [replace(whole, traces=traces) for traces in (home, away)]
    rows = [trained_rows(experiment, plan.run) for experiment in experiments]
    trains = [
        experiment.dated(plan.run, 0).snapshot(experiment.traces, "train")
        for experiment in experiments
    ]
    return Sides(
        home_traces=home,
        away_traces=away,
        home=rows[0],
        away=rows[1],
        home_train=trains[0],
        away_train=trains[1],
        as_of=whole.as_of,
        names=platforms,
        known=kept_vectors(rows[0].models[0].encode),
    )


def curve_names(share: float) -> tuple[str, str]:
    """Return the names of the rows of one share of words: ours and TF-IDF."""
    return f"ours_{share:g}", f"tfidf_{share:g}"


def rows_of(sides: Sides) -> list[Method]:
    """Return the rows of the table: home to away, and what they are held against."""
    home, away = sides.home.models[0], sides.away.models[0]
    here, there = sides.names.home_name, sides.names.away_name
    at_home = OtherPlatform(Probed(sides.known, sides.known), sides.home_traces, tests_at_home=True)
    own = TfidfLinear(text=parts_of(away)[1].text)
    own.fit(sides.away_train, 0)
    return [
        _row(sides, "tfidf_away", f"{there} alone, TF-IDF + linear", "comparison", own),
        _row(sides, "ours_away", f"{there} alone, ours", "comparison", away.encode),
        _row(
            sides, "head_away", f"encoder of {here}, labels of {there}", "comparison", home.encode
        ),
        _row(sides, "ours_home", f"{here} to {here}, ours", "comparison", at_home),
        *shared_rows(sides, 1.0),
    ]


def shared_rows(sides: Sides, share: float) -> list[Method]:
    """Return what goes from home to away where a share of the words stays: TF-IDF, and ours."""
    model = sides.home.models[0]
    here, there = sides.names.home_name, sides.names.away_name
    encoder, encoding = parts_of(model)
    text = SharedWords(encoding.text, sides.away_traces.digest, share)
    hidden = TextGraphEncoding(encoding.vocabulary, text, encoding.graph)
    tfidf = TfidfLinear(text=text)
    tfidf.fit(sides.home_train, 0)
    whole = share == 1
    ours_name, tfidf_name = ROWS if whole else curve_names(share)
    away = kept_vectors(Model(encoder, hidden).encode)
    ours = OtherPlatform(Probed(sides.known, away), sides.home_traces)
    more = "" if whole else f", {percent(share)} of words"
    return [
        _row(
            sides,
            tfidf_name,
            f"{here} to {there}, TF-IDF + linear{more}",
            "comparison",
            OtherPlatform(tfidf, sides.home_traces),
        ),
        _row(
            sides,
            ours_name,
            f"{here} to {there}, ours{more}",
            "ours" if whole else "comparison",
            ours,
        ),
    ]


def _row(sides: Sides, name: str, label: str, group: Group, how: Classifies | Represent) -> Method:
    key = [name, sides.home.models[0].digest, sides.away.models[0].digest]
    answers = how if isinstance(how, Classifies) else None
    return Method(
        name=name,
        label=label,
        group=group,
        description="Learned on one platform, asked on another, or on the same.",
        fingerprint=digest_of(key),
        represent=None if answers is not None else how,  # type: ignore[arg-type]
        classifies=answers,
    )
