"""Objectives: what pre-training minimises."""

from habitus.objectives.base import Loss, Objective
from habitus.registry import Registry

OBJECTIVES = Registry[type[Objective]](
    "objective",
    {
        "contrast": "habitus.objectives.contrast:Contrast",
        "cross_service": "habitus.objectives.cross_service:CrossService",
        "masked_channel": "habitus.objectives.masked_channel:MaskedChannelPrediction",
        "triplet": "habitus.objectives.triplet:Triplet",
    },
)

__all__ = ["OBJECTIVES", "Loss", "Objective"]
