"""Training: loss into weights."""

from habitus.training.config import TrainingConfig
from habitus.training.result import TrainingResult
from habitus.training.trainer import Trainer

__all__ = ["Trainer", "TrainingConfig", "TrainingResult"]
