"""Objectives: what pre-training minimises."""

from habitus.objectives.base import Loss, Objective
from habitus.registry import Registry

OBJECTIVES = Registry[type[Objective]](
    "objective",
    {
        "masked_channel": "habitus.objectives.masked_channel:MaskedChannelPrediction",
    },
)

__all__ = ["OBJECTIVES", "Loss", "Objective"]
