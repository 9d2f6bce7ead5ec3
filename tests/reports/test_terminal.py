from __future__ import annotations

import copy
import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from habitus.errors import DataError
from habitus.reports import terminal_table
from tests.reports.class_sample import class_sample
from tests.reports.odd import odd
from tests.reports.sample import sample

EDGES = {"coupon": -0.05, "inactive": 0.05, "diapers": 0.0}


def printed(results: dict[str, Any], width: int, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    Console(file=file, width=width, force_terminal=False).print(terminal_table(results))
    file.flush()
    return raw.getvalue().decode(encoding)


def line_of(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.strip().startswith(name))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
@pytest.mark.parametrize("num_tasks", [1, 8, 20])
def test_no_line_is_wider_than_the_terminal(width: int, num_tasks: int) -> None:
    text = printed(sample(num_tasks=num_tasks), width)
    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_at_100_columns_every_method_fits_with_nothing_cut() -> None:
    text = printed(sample(edges=EDGES), 100)
    row = line_of(text, "coupon")
    # Six scores and the difference, with their verdict.
    assert row.count(" .") == 6
    assert row.rstrip().endswith("−.050 behind")
    assert "[−.070, −.030]" in text
    assert "…" not in text


def test_at_80_columns_ours_is_beside_the_reference_with_the_difference() -> None:
    text = printed(sample(edges=EDGES), 80)
    assert line_of(text, "coupon").rstrip().endswith("−.050 behind")
    assert line_of(text, "inactive").rstrip().endswith("+.050 ahead")
    assert line_of(text, "diapers").rstrip().endswith(".000 tie")
    assert "[+.030, +.070]" in text
    assert "majority" in text[: text.index("coupon")]
    assert "random" not in text[: text.index("coupon")]
    assert "…" not in text


def test_between_two_widths_as_many_methods_stand_as_fit_and_nothing_is_cut() -> None:
    rows = [line_of(printed(sample(edges=EDGES), width), "coupon") for width in range(56, 110)]
    assert all(row.rstrip().endswith("−.050 behind") for row in rows)
    # One method more at a time, from ours and the reference to all six.
    counts = [row.count(" .") for row in rows]
    assert counts == sorted(counts)
    assert set(counts) == {2, 3, 4, 5, 6}


def test_at_40_columns_the_scores_are_still_there() -> None:
    text = printed(sample(edges=EDGES), 40)
    row = line_of(text, "coupon")
    assert row.count(" .") == 2
    assert "▽" in row  # ours, .058 behind ours + aggregates


def test_a_tie_by_correction_alone_says_so_and_the_highest_mean_has_the_star() -> None:
    results = copy.deepcopy(sample(edges=EDGES))
    row = next(
        d
        for d in results["differences"]
        if (d["task"], d["method"], d["against"]) == ("coupon", "ours", "aggregates")
    )
    row["p_holm"] = 0.06
    text = printed(results, 120)
    assert line_of(text, "coupon").rstrip().endswith("−.050 tie (Holm)")
    assert line_of(text, "diapers").rstrip().endswith(".000 tie")
    assert line_of(text, "mean").count("★") == 1
    told = " ".join(text.split())
    assert "Highest on average: habitus + aggregates" in told
    assert "Not shown" not in told


def test_a_narrow_terminal_names_the_methods_that_it_leaves_out() -> None:
    told = " ".join(printed(sample(edges=EDGES), 60).split())
    assert "Not shown for want of width: habitus + aggregates, majority" in told


def test_the_mean_and_the_leak_checks_are_told() -> None:
    results = sample(edges=EDGES)
    mean = next(s for s in results["summary"] if s["method"] == "ours")["value"]
    text = printed(results, 100)
    assert f"{mean:.3f}".lstrip("0") in line_of(text, "mean")
    assert "leak checks: 2 of 2 passed" in text


def test_one_question_has_no_mean() -> None:
    names = [
        line.split()[0] for line in printed(sample(num_tasks=1), 100).splitlines() if line.strip()
    ]
    assert "coupon" in names
    assert "mean" not in names


def test_what_was_not_run_is_told_once_below_the_table() -> None:
    notes = [
        "random splits 1, 2: under the first, task 'coupon' is left out: few",
        "picky is left out of coupon: no keywords",
        "Vectors read the latest 256 events.",
    ]
    text = " ".join(printed(sample() | {"notes": notes}, 80).split())
    assert text.count("not run: random splits 1, 2") == 1
    assert text.count("not run: picky is left out of coupon") == 1
    assert "256 events" not in text


def test_a_failed_leak_check_is_loud() -> None:
    results = copy.deepcopy(sample())
    results["canaries"][1]["passed"] = False
    text = printed(results, 120)
    assert "FAILED: labels permuted; do not rely on these scores" in text
    assert "scores must be at chance; found: AUROC .498" in text
    assert "no leak checks were run" in printed(sample() | {"canaries": []}, 100)


def test_names_cannot_be_markup_nor_steer_the_terminal() -> None:
    text = printed(odd(), 140)
    assert "\x1b" not in text
    assert "[red]" in text.replace("\n", "").replace(" ", "")


def test_a_terminal_without_unicode_gets_ascii() -> None:
    text = printed(odd(), 100, encoding="ascii")
    assert text.isascii()
    assert "~" in text


def test_without_ours_the_others_are_still_compared() -> None:
    results = sample()
    ours = ("ours", "ours+aggregates")
    results |= {
        "methods": [m for m in results["methods"] if m["name"] not in ours],
        "cells": [c for c in results["cells"] if c["method"] not in ours],
        "summary": [s for s in results["summary"] if s["method"] not in ours],
        "differences": [],
    }
    text = printed(results, 80)
    assert "no method of ours was evaluated" in " ".join(text.split())
    assert ".5" in line_of(text, "coupon")


def test_null_figures_are_dashes() -> None:
    results = copy.deepcopy(sample(num_tasks=1))
    nothing = {"value": None, "low": None, "high": None}
    for cell in results["cells"]:
        cell["metrics"] = {"auroc": nothing}
    for row in results["differences"]:
        row |= nothing | {"verdict": "tie"}
    results["summary"] = []
    assert line_of(printed(results, 100), "coupon").count("–") == 7  # 6 methods, 1 difference


def test_nothing_asked_prints_a_sentence_and_no_table() -> None:
    results = sample() | {"tasks": [], "cells": [], "differences": [], "summary": []}
    assert "nothing to compare" in printed(results, 80)


def test_other_formats_are_refused() -> None:
    with pytest.raises(DataError, match="format must be 1"):
        terminal_table({})


def test_class_results_say_how_large_the_largest_class_is() -> None:
    text = printed(class_sample(edges=EDGES), 120)
    assert "largest" in line_of(text, "question")
    assert "Macro-F1 over its 95 % interval" in text
    assert "50\xa0%" in line_of(text, "coupon")


def test_a_quick_preset_is_said_first() -> None:
    first, *_ = printed(sample() | {"preset": "quick"}, 80).splitlines()
    assert first == "preset quick: shows that everything runs; the scores mean nothing."
    assert "mean nothing" not in printed(sample(), 80)


@pytest.mark.parametrize("make", [sample, class_sample])
def test_at_80_columns_the_best_comparison_is_seen_to_be_best(make: Any) -> None:
    results = make(edges=EDGES)
    words = {"name": "words", "label": "TF-IDF", "group": "comparison"}
    results["methods"].append(words)
    main = results["tasks"][0]["main_score"]
    for task in results["tasks"]:
        metrics = {main: {"value": 0.99, "low": 0.98, "high": 1.0, "seeds": [0.99]}}
        results["cells"].append({"task": task["name"], "method": "words", "metrics": metrics})
    mean = {"metric": main, "value": 0.99, "low": 0.98, "high": 1.0, "against": None}
    results["summary"].append({"method": "words", **mean})
    text = printed(results, 80)
    assert "TF-IDF" in line_of(text, "question")
    assert line_of(text, "coupon").count("★") == 1
    assert ".990 ★" in line_of(text, "coupon")
    # The difference to the reference is still there.
    assert line_of(text, "coupon").rstrip().endswith("−.050 behind")
    assert max(cell_len(line) for line in text.splitlines()) <= 80
