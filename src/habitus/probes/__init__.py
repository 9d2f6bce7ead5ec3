"""Probes: small models on frozen vectors, the same ladder for every representation (D5)."""

from habitus.probes.base import Labelled, Probe
from habitus.registry import Registry

PROBES = Registry[type[Probe]](
    "probe",
    {
        "gbdt": "habitus.probes.gbdt:GradientBoosting",
        "logistic": "habitus.probes.logistic:Logistic",
        "mlp": "habitus.probes.mlp:MLP",
    },
)

__all__ = ["PROBES", "Labelled", "Probe"]
