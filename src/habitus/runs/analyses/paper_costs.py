"""What the paper prints of costs (PASUM Table 5), and our encoder at its sizes."""

from __future__ import annotations

from typing import Final

import torch

from habitus.encoders.text_graph import TextGraphEncoder, TextGraphEncoderConfig
from habitus.runs.steps import Json

PAPER_SIZES: Final = TextGraphEncoderConfig(num_words=38_698)
PAPER: Final = (
    ("BoW + MLP", "11.79 M", "2 min"),
    ("TextGCN", "> 60 M", "16 min"),
    ("BERT", "110 M", "136 min"),
    ("ERNIE", "110 M", "140 min"),
    ("PASUM", "11.97 M", "4 min"),
)
"""Table 5."""


def weights_at_paper_sizes() -> int:
    """Return the weights of our encoder at the paper's sizes, without the vector of empty users."""
    with torch.device("meta"):
        encoder = TextGraphEncoder(PAPER_SIZES)
    return sum(p.numel() for p in encoder.parameters()) - encoder.null_user.numel()


def paper_table() -> Json:
    """Return the printed figures, called so."""
    return {
        "title": "Printed in the paper's Table 5, not measured here",
        "note": "One RTX 3090 Ti, its own data and vocabulary: times cannot be compared. At its "
        f"sizes our encoder has {weights_at_paper_sizes():,} weights, the vector of empty users "
        "not counted.",
        "columns": ["method", "weights", "time"],
        "rows": [list(row) for row in PAPER],
    }
