"""Known answers about published tables: CLUE's seven cells that cannot be (spec finding 5).

Shin et al. "Scaling Law for Recommendation Models: Towards General-purpose User Representations".
AAAI 2023. ``clue_cells.csv`` restates HR@1, NDCG@10 and MRR of its ranking tables.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from importlib.resources import files

from habitus.evaluation.feasibility import impossible_rows
from habitus.evaluation.known_answers import Answer

NUM_CANDIDATES = 101
IMPOSSIBLE = {
    "FWR, ShopperBERT",
    "FWR, SimCLR",
    "FWR, CLUE",
    "NVR, SimCLR",
    "MMR, SimCLR",
    "MMR, CLUE",
    "MMR, Hybrid",
}


def clue_cells() -> dict[str, dict[str, str]]:
    """Return the printed metrics of each row, by ``"table, row"``."""
    text = files("habitus.evaluation").joinpath("clue_cells.csv").read_text()
    return {
        f"{line.pop('table')}, {line.pop('row')}": line
        for line in csv.DictReader(text.splitlines())
    }


def impossible_cells() -> Iterable[Answer]:
    """Check every row of CLUE's tables with 1 positive and 100 negatives."""
    cells = clue_cells()
    found = set(impossible_rows(cells, NUM_CANDIDATES))
    source = "linear programme over ranks, 1 positive + 100 negatives"
    yield Answer(f"impossible rows among {len(cells)}", len(found), 7, 0, source)
    yield Answer("of them those known", len(found & IMPOSSIBLE), 7, 0, source)
    cut = {
        name: {"HR@1": row["HR@1"], "NDCG@10": row["NDCG@10"], "MRR@10": row["MRR"]}
        for name, row in cells.items()
        if name in IMPOSSIBLE
    }
    still = len(impossible_rows(cut, NUM_CANDIDATES))
    yield Answer("of them also with MRR@10", still, 7, 0, source)
