"""Analyses: one question about a system, its tables and its plots. Each is one file here."""

from collections.abc import Callable

from habitus.registry import Registry
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.steps import Json

ANALYSES = Registry[Callable[[AnalysisPlan], Json]](
    "analysis",
    {
        "ablation": "habitus.runs.analyses.ablation:ablation",
    },
)
"""Analysis name → function from a plan to what its page is made from."""

__all__ = ["ANALYSES", "AnalysisPlan"]
