"""Analyses: one question about a system, its tables and its plots. Each is one file here."""

from collections.abc import Callable

from habitus.registry import Registry
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.steps import Json

ANALYSES = Registry[Callable[[AnalysisPlan], Json]](
    "analysis",
    {
        "ablation": "habitus.runs.analyses.ablation:ablation",
        "capacity": "habitus.runs.analyses.capacity:capacity",
        "clue_ablation": "habitus.runs.analyses.clue_ablation:clue_ablation",
        "domain_gain": "habitus.runs.analyses.domain_gain:domain_gain",
        "domains": "habitus.runs.analyses.domains:domains",
        "efficiency": "habitus.runs.analyses.efficiency:efficiency",
        "graph_size": "habitus.runs.analyses.graph_size:graph_size",
        "label_curve": "habitus.runs.analyses.label_curve:label_curve",
        "labels": "habitus.runs.analyses.labels:labels",
        "map": "habitus.runs.analyses.map:word_map",
        "matching": "habitus.runs.analyses.matching:matching",
        "next_item": "habitus.runs.analyses.next_item:next_item",
        "seesaw": "habitus.runs.analyses.seesaw:seesaw",
        "supermoe_ablation": "habitus.runs.analyses.supermoe_ablation:supermoe_ablation",
        "targeting": "habitus.runs.analyses.targeting:targeting",
        "towers": "habitus.runs.analyses.towers:towers",
        "transfer": "habitus.runs.analyses.transfer:transfer",
        "zero_shot": "habitus.runs.analyses.zero_shot:zero_shot",
    },
)
"""Analysis name → function from a plan to what its page is made from."""
DATA = {
    "capacity": "subpopulations",
    "clue_ablation": "complete_journey_services",
    "domain_gain": "all",
    "domains": "all",
    "label_curve": "amazon_scientific",
    "matching": "complete_journey_services",
    "next_item": "complete_journey_services",
    "targeting": "complete_journey",
    "towers": "complete_journey_services",
    "seesaw": "complete_journey",
    "supermoe_ablation": "complete_journey",
}
"""Analysis name → the set that it is about where none is named; ``synthetic_posts`` for others."""
WITH_MODELS = ("matching", "next_item")
"""Analyses that take models of the reader's own as rows."""
WITH_SETTINGS = ("ablation", "efficiency", "graph_size", "labels", "map", "transfer", "zero_shot")
"""Analyses whose pre-trainings take settings: those of text graphs."""

__all__ = ["ANALYSES", "DATA", "WITH_MODELS", "WITH_SETTINGS", "AnalysisPlan"]
