"""Results of format 1 that look like a real run's, made from a seed: for the tests of the page."""

from __future__ import annotations

import random
from typing import Any

METHODS: list[dict[str, Any]] = [
    {
        "name": "majority",
        "label": "majority",
        "group": "control",
        "description": "Gives everybody the base rate of the training users.",
        "representation_dim": None,
        "probes": [],
    },
    {
        "name": "random",
        "label": "random vectors",
        "group": "control",
        "description": "Noise instead of a representation.",
        "representation_dim": 64,
        "probes": ["logistic", "gbdt"],
    },
    {
        "name": "aggregates",
        "label": "aggregates + GBDT",
        "group": "comparison",
        "description": "Counts, recency and spending made by hand.",
        "representation_dim": 113,
        "probes": ["logistic", "gbdt"],
    },
    {
        "name": "untrained",
        "label": "untrained encoder",
        "group": "control",
        "description": "The same network with its first random weights.",
        "representation_dim": 128,
        "probes": ["logistic", "gbdt"],
    },
    {
        "name": "ours",
        "label": "habitus",
        "group": "ours",
        "description": "Masked channels, one vector per user.",
        "representation_dim": 128,
        "probes": ["logistic", "gbdt"],
    },
    {
        "name": "ours+aggregates",
        "label": "habitus + aggregates",
        "group": "ours",
        "description": "Our vector beside the counts made by hand.",
        "representation_dim": 241,
        "probes": ["logistic", "gbdt"],
    },
]
QUESTIONS = [
    ("coupon", "Does the household redeem a coupon?", 0.09),
    ("inactive", "Is the household away for the whole window?", 0.12),
    ("diapers", "Does the household buy diapers?", 0.14),
    ("cat food", "Does the household buy cat food?", 0.31),
    ("dog food", "Does the household buy dog food?", 0.36),
    ("baby food", "Does the household buy baby food?", 0.11),
    ("cigarettes", "Does the household buy cigarettes?", 0.17),
    ("organics", "Does the household buy organic fruit or vegetables?", 0.42),
]
LEVELS = {"majority": 0.5, "random": 0.5, "untrained": 0.77, "aggregates": 0.84}
CHANNELS = [
    ("product", "id", 68509),
    ("store", "id", 457),
    ("department", "category", 30),
    ("quantity", "dense", None),
]
NOTICE = (
    "The Complete Journey: wheel under the MIT licence, R package CC0;\n"
    "the source files are given by dunnhumby for learning and research."
)


def verdict_of(low: float, high: float) -> str:
    """Return what an interval of a difference says."""
    return "better" if low > 0 else "worse" if high < 0 else "tie"


def estimate(value: float, half: float, high: float = 1.0) -> dict[str, Any]:
    """Return a value with an interval around it, kept between 0 and ``high``."""
    low, top = max(0.0, value - half), min(high, value + half)
    seeds = [round(value, 4)] * 5
    return {"value": round(value, 4), "low": round(low, 4), "high": round(top, 4), "seeds": seeds}


def sample(
    *,
    edges: dict[str, float] | None = None,
    num_tasks: int = 8,
    seed: int = 0,
    num_test: int = 617,
) -> dict[str, Any]:
    """Return results; ``edges`` says how far ours lies above aggregates, by task name.

    A difference within .02 is a tie, as the half width of its interval is .02.
    """
    rng = random.Random(seed)
    questions = [
        QUESTIONS[i] if i < len(QUESTIONS) else (f"task {i + 1}", f"Question {i + 1}?", 0.2)
        for i in range(num_tasks)
    ]
    edges = edges or {}
    levels = {
        name: _levels(rng, edges.get(name, rng.choice((-0.01, 0.0, 0.01))))
        for name, *_ in questions
    }
    return {
        "format": 1,
        "title": "The Complete Journey: what will these households do?",
        "command": "habitus demo --preset ci",
        "config": {"encoder": {"name": "channel", "width": 128}, "max_events": 256},
        "preset": "ci",
        "seeds": [0, 1, 2, 3, 4],
        "pretrain_seeds": [0],
        "created": "2030-01-02T03:04:05Z",
        "versions": {"habitus": "0.1.0", "python": "3.11.7", "torch": "2.13.0"},
        "machine": {"cpu": "a processor", "cores": 2, "threads": 2},
        "data": {
            "name": "complete-journey",
            "digest": "3f6c0a9be1d24f77",
            "num_users": 2469,
            "num_events": 1469307,
            "first": "2017-01-01T11:53:26Z",
            "last": "2018-01-01T04:01:20Z",
            "channels": [{"name": n, "kind": k, "num_values": v} for n, k, v in CHANNELS],
            "notices": [NOTICE],
            "ingest": {"rows": 1469307, "bad": 0, "duplicates": 12, "opted_out": 0, "seconds": 3.9},
        },
        "split": {
            "train": 1480,
            "valid": 372,
            "test": num_test,
            "seed": 0,
            "as_of_pretrain": "2017-10-01T00:00:00Z",
        },
        "tasks": [_task(name, question, rate, num_test) for name, question, rate in questions],
        "methods": [dict(method) for method in METHODS],
        "cells": [
            _cell(rng, name, method["name"], levels[name][method["name"]], rate, num_test)
            for name, _, rate in questions
            for method in METHODS
        ],
        "differences": [
            difference(name, ours, against, levels[name][ours] - levels[name][against])
            for name, *_ in questions
            for ours in ("ours", "ours+aggregates")
            for against in levels[name]
            if against != ours and not (ours == "ours" and against == "ours+aggregates")
        ],
        "summary": [_summary(method["name"], levels) for method in METHODS],
        "pretraining": _pretraining(rng),
        "encoding": {
            "users_per_second": 412.3,
            "bytes_per_user": 512,
            "representation_dim": 128,
            "num_representations": 24690,
            "seconds": 59.9,
        },
        "map": _map(rng, num_test, questions),
        "canaries": [
            {
                "name": "future shuffled",
                "what": "Events after the cutoff are shuffled: no vector may change.",
                "passed": True,
                "detail": "0 of 617 vectors changed",
            },
            {
                "name": "labels permuted",
                "what": "The answers are dealt out at random: scores must be at chance.",
                "passed": True,
                "detail": "AUROC .498",
            },
        ],
        "notes": ["Vectors read the latest 256 events of a household."],
    }


def difference(
    task: str, method: str, against: str, value: float, half: float = 0.02
) -> dict[str, Any]:
    """Return a paired difference whose verdict follows from its interval."""
    return {"task": task, "method": method, "against": against, "metric": "auroc"} | versus(
        value, half
    )


def versus(value: float, half: float) -> dict[str, Any]:
    """Return value, interval, p and verdict of a difference."""
    low, high = round(value - half, 4), round(value + half, 4)
    verdict = verdict_of(low, high)
    p = 0.4 if verdict == "tie" else 0.004
    return {
        "value": round(value, 4),
        "low": low,
        "high": high,
        "p": p / 4,
        "p_holm": p,
        "verdict": verdict,
    }


def _levels(rng: random.Random, edge: float) -> dict[str, float]:
    shift = rng.uniform(-0.06, 0.05)
    levels = {n: v if v == 0.5 else v + shift for n, v in LEVELS.items()}
    levels["random"] = 0.5 + rng.uniform(-0.03, 0.03)
    levels["ours"] = levels["aggregates"] + edge
    levels["ours+aggregates"] = max(levels["ours"], levels["aggregates"]) + 0.008
    return levels


def _task(name: str, question: str, rate: float, num_test: int) -> dict[str, Any]:
    return {
        "name": name,
        "question": question,
        "horizon_days": 30,
        "test_cutoff": "2017-12-01",
        "train_cutoffs": [f"2017-{month:02d}-01" for month in range(4, 12)],
        "num_train": 11840,
        "num_valid": 372,
        "num_test": num_test,
        "base_rate_train": round(rate * 1.04, 4),
        "base_rate_test": rate,
        "sensitive": False,
        "main_score": "auroc",
    }


def _cell(
    rng: random.Random, task: str, method: str, level: float, rate: float, num_test: int
) -> dict[str, Any]:
    strata = {}
    for stratum, share, lift in (
        ("new", 0.07, -0.12),
        ("cold", 0.1, -0.08),
        ("mid", 0.73, 0.0),
        ("heavy", 0.1, -0.02),
    ):
        users = int(share * num_test)
        auroc = estimate(level + (lift if level > 0.6 else 0), 0.05 / share**0.4)
        del auroc["seeds"]
        yes = round(users * rate * (0.3 if stratum in ("new", "cold") else 1.0))
        missing = yes < 3
        strata[stratum] = {
            "num_users": users,
            "num_positive": yes,
            "auroc": None if missing else auroc,
        }
    predicted = [round(min(0.97, rate * (0.15 + 0.32 * i)), 4) for i in range(10)]
    observed = [round(min(1.0, max(0.0, p * rng.uniform(0.75, 1.25))), 4) for p in predicted]
    return {
        "task": task,
        "method": method,
        "probe": None if method == "majority" else rng.choice(("logistic", "gbdt")),
        "metrics": {
            "auroc": estimate(level, 0.0 if method == "majority" else 0.033),
            "auprc": estimate(rate + (level - 0.5) * 1.1 * (1 - rate), 0.05),
            "log_loss": estimate(0.5 - 0.35 * (level - 0.5), 0.03, 9.0),
            "brier": estimate(rate * (1 - rate) * (1.5 - level), 0.01),
            "ece": estimate(0.02 + 0.02 * rng.random(), 0.008),
        },
        "strata": strata,
        "calibration": {
            "predicted": predicted,
            "observed": observed,
            "count": [num_test // 10] * 9 + [num_test - 9 * (num_test // 10)],
        },
    }


def _summary(method: str, levels: dict[str, dict[str, float]]) -> dict[str, Any]:
    def mean(name: str) -> float:
        return sum(by_method[name] for by_method in levels.values()) / len(levels)

    against = None
    if method not in ("majority", "aggregates"):
        gap = mean(method) - mean("aggregates")
        against = {"method": "aggregates"} | versus(gap, 0.008)
    value = estimate(mean(method), 0.0 if method == "majority" else 0.012)
    del value["seeds"]
    return {"method": method, "metric": "auroc", **value, "against": against}


def _pretraining(rng: random.Random) -> dict[str, Any]:
    steps = list(range(10, 1210, 10))
    loss = [2.1 + 3.2 * 0.995 ** (s / 2) + rng.uniform(-0.05, 0.05) for s in steps]
    return {
        "curves": {
            "step": steps,
            "train_loss": loss,
            "valid_step": steps[9::10],
            "valid_loss": [2.16 + 3.2 * 0.995 ** (s / 2) for s in steps[9::10]],
            "parts": {
                name: [share * v for v in loss]
                for name, share in (("product", 0.6), ("store", 0.1), ("department", 0.2))
            },
        },
        "steps": 1200,
        "seconds": 192.4,
        "parameters": 2_345_678,
        "flops_true": 1.23e14,
        "flops_executed": 1.27e14,
        "users_per_second": 96.1,
        "events_per_second": 22100.5,
        "padding_share": 0.027,
        "peak_memory_bytes": 1.9 * 2**30,
        "best_step": 1100,
    }


def _map(rng: random.Random, users: int, questions: list[tuple[str, str, float]]) -> dict[str, Any]:
    events = [int(rng.lognormvariate(5.6, 1.1)) for _ in range(users)]
    colors: dict[str, list[float | None]] = {"events before the cutoff": list(events)}
    for name, _, rate in questions:
        colors[name] = [None if rng.random() < 0.01 else int(rng.random() < rate) for _ in events]
    return {
        "x": [round(rng.gauss(0, 1.0) + 0.002 * e, 3) for e in events],
        "y": [round(rng.gauss(0, 0.7), 3) for _ in events],
        "colors": colors,
        "method": "PCA",
        "explained": [0.31, 0.12],
    }
