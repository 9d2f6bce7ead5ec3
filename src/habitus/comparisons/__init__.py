"""Comparisons: the other systems, each with ``fit`` and some of represent, score, predict."""

from habitus.comparisons.base import Classifies, Comparison, Predicts, Represents, Scores
from habitus.registry import Registry

COMPARISONS = Registry[type[Comparison]](
    "comparison",
    {
        "aggregates": "habitus.comparisons.aggregates:Aggregates",
        "bow_mlp": "habitus.comparisons.bow_mlp:BowMLP",
        "bow_vectors": "habitus.comparisons.bow_vectors:BowVectors",
        "cca_matching": "habitus.comparisons.cca_matching:CCAMatching",
        "deep_sets": "habitus.comparisons.text_graph_classifier:DeepSets",
        "gin": "habitus.comparisons.text_graph_classifier:GIN",
        "item_blend": "habitus.comparisons.item_blend:ItemBlend",
        "item_cooccurrence": "habitus.comparisons.item_cooccurrence:ItemCooccurrence",
        "item_factors": "habitus.comparisons.item_factors:ItemFactors",
        "item_text_cosine": "habitus.comparisons.item_text_cosine:ItemTextCosine",
        "item_text_vectors": "habitus.comparisons.item_text_vectors:ItemTextVectors",
        "majority": "habitus.comparisons.majority:Majority",
        "most_popular": "habitus.comparisons.most_popular:MostPopular",
        "random_guess": "habitus.comparisons.random_guess:RandomGuess",
        "random_vectors": "habitus.comparisons.random_vectors:RandomVectors",
        "tfidf_linear": "habitus.comparisons.tfidf_linear:TfidfLinear",
        "tfidf_matching": "habitus.comparisons.tfidf_matching:TfidfMatching",
        "wide_mlp": "habitus.comparisons.wide_mlp:WideMLP",
    },
)

__all__ = ["COMPARISONS", "Classifies", "Comparison", "Predicts", "Represents", "Scores"]
