"""Known answers: figures that can be known beforehand, recomputed by ``habitus verify``.

To add one: write a function that returns :class:`Answer` rows, here or in any module, and give it
a line in :data:`KNOWN_ANSWERS`. It raises :class:`NotRunError` where its data is absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from habitus.errors import DataError
from habitus.registry import Registry


class Answer(NamedTuple):
    """One figure of ours beside what it must be."""

    name: str
    ours: float
    expected: float
    tolerance: float
    source: str
    """Where the expected figure comes from, and why the tolerance is what it is."""

    @property
    def holds(self) -> bool:
        """True where ours is within the tolerance; False where it is NaN."""
        return abs(self.ours - self.expected) <= self.tolerance


class NotRunError(DataError):
    """The data of a known answer is not here; the message says how to get it."""


class Outcome(NamedTuple):
    """What became of one entry."""

    entry: str
    answers: tuple[Answer, ...]
    not_run: str | None
    """Why it could not be recomputed."""

    @property
    def holds(self) -> bool:
        """True where no figure is missed; what was not run misses nothing."""
        return all(answer.holds for answer in self.answers)


KNOWN_ANSWERS = Registry[Callable[[], Iterable[Answer]]](
    "known answer",
    {
        "attention_as_printed": "habitus.evaluation.known_experts:attention_as_printed",
        "auroc_by_hand": "habitus.evaluation.known_answers:auroc_by_hand",
        "basket_online_retail": "habitus.evaluation.known_retail:basket_online_retail",
        "bootstrap_width": "habitus.evaluation.known_answers:bootstrap_width",
        "cca_art_office": "habitus.evaluation.known_matching:cca_art_office",
        "cca_complete_journey": "habitus.evaluation.known_matching:cca_complete_journey",
        "cca_food_kitchen": "habitus.evaluation.known_matching:cca_food_kitchen",
        "clue_weights": "habitus.evaluation.known_answers:clue_weights",
        "constant_scorer": "habitus.evaluation.known_answers:constant_scorer",
        "impossible_cells": "habitus.evaluation.known_tables:impossible_cells",
        "matching_by_chance": "habitus.evaluation.known_matching:matching_by_chance",
        "most_popular_beauty": "habitus.evaluation.known_rankings:most_popular_beauty",
        "most_popular_twin": "habitus.evaluation.known_rankings:most_popular_twin",
        "pasum_weights": "habitus.evaluation.known_answers:pasum_weights",
        "permuted_labels": "habitus.evaluation.known_answers:permuted_labels",
        "text_graph_by_hand": "habitus.evaluation.known_graphs:text_graph_by_hand",
    },
)


def recompute(entry: str) -> Outcome:
    """Recompute one entry of :data:`KNOWN_ANSWERS`."""
    function = KNOWN_ANSWERS[entry]
    try:
        return Outcome(entry, tuple(function()), None)
    except NotRunError as error:
        return Outcome(entry, (), str(error))


def auroc_by_hand() -> Iterable[Answer]:
    """Four rows whose areas are counted on the fingers."""
    from habitus.metrics import auprc, auroc

    labels, scores = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
    hand = "by hand"
    yield Answer("AUROC of four rows", auroc(labels, scores), 0.75, 1e-9, f"{hand}: 3 of 4 pairs")
    expected = (1 / 1 + 2 / 3) / 2
    yield Answer(
        "AUPRC of four rows", auprc(labels, scores), expected, 1e-9, f"{hand}: (1 + 2/3)/2"
    )
    yield Answer("AUROC, all tied", auroc(labels, [1] * 4), 0.5, 1e-9, f"{hand}: a tie is a half")
    yield Answer("AUPRC, all tied", auprc(labels, [1] * 4), 0.5, 1e-9, f"{hand}: the base rate")


def constant_scorer() -> Iterable[Answer]:
    """One score for all 101 candidates gets exactly chance (evaluation D2)."""
    from habitus.metrics import hit_rate, mrr, ndcg

    rank = np.arange(1, 102)
    chance_ndcg = float((1 / np.log2(1 + rank[:10])).sum() / 101)
    source = "closed form: the rank is uniform on 1 … 101"
    yield Answer("HR@1, constant", hit_rate([0], [100], 1), 1 / 101, 1e-9, source)
    yield Answer("NDCG@10, constant", ndcg([0], [100], 10), chance_ndcg, 1e-9, source)
    yield Answer("MRR, constant", mrr([0], [100]), float((1 / rank).mean()), 1e-9, source)


def permuted_labels() -> Iterable[Answer]:
    """Labels that were shuffled cannot be predicted: AUROC is .5 within its interval."""
    from habitus.evaluation.bootstrap import interval, metric_distribution, resample_counts
    from habitus.metrics import auroc
    from habitus.random import numpy_generator

    generator = numpy_generator(0, "known answer", "permuted labels")
    labels = np.repeat([1, 0], [60, 240])
    scores = generator.normal(size=300) + labels
    counts = resample_counts(labels, 1_000, generator)
    values, covered = [], []
    for _ in range(200):
        shuffled = generator.permutation(scores)
        values.append(auroc(labels, shuffled))
        low, high = interval(metric_distribution("auroc", labels, shuffled[None], counts))
        covered.append(low <= 0.5 <= high)
    # Mann and Whitney: the variance of AUROC by chance is (n + 1) / (12 · positives · negatives).
    spread = float(np.sqrt(301 / (12 * 60 * 240)))
    source = "Mann–Whitney; 3 standard errors of 200 permutations"
    error = 3 / np.sqrt(200)
    yield Answer("AUROC, permuted labels", float(np.mean(values)), 0.5, spread * error, source)
    half = spread * error / np.sqrt(2)
    yield Answer("its standard deviation", float(np.std(values, ddof=1)), spread, half, source)
    wide = float(np.sqrt(0.95 * 0.05)) * error
    source = "level of the interval; 3 standard errors of 200 permutations"
    yield Answer("95 % intervals that hold .5", float(np.mean(covered)), 0.95, wide, source)


def bootstrap_width() -> Iterable[Answer]:
    """Standard errors that a formula knows (evaluation D4)."""
    from habitus.evaluation.bootstrap import NUM_RESAMPLES, distribution, resample_counts
    from habitus.metrics import mean_statistic
    from habitus.random import numpy_generator

    generator = numpy_generator(0, "known answer", "bootstrap width")
    counts = resample_counts(np.zeros(447), NUM_RESAMPLES, generator)
    right = (np.arange(447) < 380).astype(np.float64)
    share = 380 / 447
    spread = float(distribution([mean_statistic(right)], counts, 447).std())
    source = "binomial, n = 447; 5 standard errors of 10,000 resamples"
    error = 5 / np.sqrt(2 * NUM_RESAMPLES)
    expected = float(np.sqrt(share * (1 - share) / 447))
    yield Answer("SE of accuracy .85", spread, expected, expected * error, source)
    # 45 of 447 users are judged differently, as many for one method as (nearly) for the other.
    flips = np.zeros(447)
    flips[:45] = np.where(np.arange(45) % 2, 1, -1)
    spread = float(distribution([mean_statistic(flips)], counts, 447).std())
    expected = float(np.sqrt(45 / 447 / 447))
    yield Answer("paired SE, 10 % discordant", spread, expected, expected * error, source)


def pasum_weights() -> Iterable[Answer]:
    """The text graph encoder at the paper's sizes has the paper's number of weights."""
    import torch

    from habitus.encoders.text_graph import TextGraphEncoder, TextGraphEncoderConfig

    with torch.device("meta"):
        encoder = TextGraphEncoder(TextGraphEncoderConfig(num_words=38_698))
    # A vector for users without words is ours, and the paper has none.
    named = {n: p.numel() for n, p in encoder.named_parameters() if n != "null_user"}
    count = sum(named.values())
    source = "by hand: 38,698 · 300 words, 2 layers of 2 · (300 · 300 + 300), 2 ε"
    yield Answer("weights of PASUM", count, 11_970_602, 0, source)
    source = "PASUM, Table 5, rounded to 10,000"
    yield Answer("the same in millions", count / 1e6, 11.97, 0.005, source)


def clue_weights() -> Iterable[Answer]:
    """The item text encoder at CLUE's sizes has its numbers of weights, embeddings included."""
    import torch

    from habitus.encoders.item_text import ItemTextEncoder
    from habitus.encoders.item_text_config import ItemTextEncoderConfig

    def count(width: int, layers: int, **others: int | bool) -> int:
        config = ItemTextEncoderConfig.from_dict(
            {
                "vocab_size": 50_257,
                "width": width,
                "item_layers": layers,
                "service_layers": layers,
                **others,
            }
        )
        with torch.device("meta"):
            encoder = ItemTextEncoder(config)
        # Positions, last norms, and the vector for users without items are not in the paper's.
        named = encoder.named_parameters()
        return sum(p.numel() for n, p in named if n.startswith("tokens.") or ".blocks." in n)

    paper = count(720, 8, num_heads=6)
    source = "by hand: 50,257 · 720 tokens, 16 blocks of 12 · 720² + 13 · 720"
    yield Answer("weights of CLUE", paper, 135_867_600, 0, source)
    source = "the sizes of CLUE's Table 8; its text says 120 M and 160 M"
    yield Answer("the same in millions", paper / 1e6, 135.9, 0.05, source)
    single = count(720, 32, num_heads=6, service_layers=0, single=True)
    source = "CLUE's single Transformer: 235 M, which are 32 blocks"
    yield Answer("weights of one Transformer", single / 1e6, 235.55, 0.005, source)
    for millions, width, layers in ((160.79, 720, 10), (14.99, 192, 6), (4.02, 64, 8)):
        source = f"our reading of {millions:.0f} M (A-C24): 2 · {layers} blocks, {width} wide"
        ours = count(width, layers, num_heads=8) / 1e6
        yield Answer(f"weights of the {millions:.0f} M model", ours, millions, 0.005, source)
