"""A small analysis of everything that its page can show."""

from typing import Any


def analysis() -> dict[str, Any]:
    estimate = {"value": 0.5, "low": 0.4, "high": 0.6}
    return {
        "format": 1,
        "analysis": "ablation",
        "title": "What each part is worth",
        "question": "What does a part of the pre-training add?",
        "created": "2026-01-01T00:00:00+00:00",
        "command": "habitus analyze ablation",
        "config": {"seed": 0},
        "seeds": [0, 1],
        "versions": {"torch": "2"},
        "machine": {"cores": 2, "cpu": None},
        "data": [
            {"name": "world", "digest": "abc", "num_users": 30, "num_events": 900,
             "notices": ["Made up."]},
        ],
        "findings": ["A tie."],
        "tables": [
            {"title": "Scores", "columns": ["method", "score", "parameters"],
             "rows": [["whole", estimate, 11_970_602], ["without <intra>", None, 0.25]]},
        ],
        "plots": [
            {"kind": "lines", "title": "By size", "x": "nodes", "y": "macro-F1", "log_x": True,
             "series": [
                 {"label": "a", "points": [{"x": 100, "y": 0.4, "low": 0.3, "high": 0.5},
                                           {"x": 1000, "y": 0.5, "low": None, "high": None}]},
                 {"label": "b", "points": [{"x": 100, "y": None}]},
             ]},
            {"kind": "scatter", "title": "Map", "x": "first", "y": "second", "classes": ["k", "l"],
             "points": [{"x": 0.0, "y": 1.0, "class": 0}, {"x": 2.0, "y": 3.0, "class": 1}],
             "centroids": [{"x": 1.0, "y": 1.0, "class": 1}],
             "words": [{"x": 0.5, "y": 0.5, "text": "tax", "class": 0},
                       {"x": 1.9, "y": 0.1, "text": "vote", "class": None}]},
        ],
        "notes": ["Small."],
    }  # fmt: skip
