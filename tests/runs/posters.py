"""A small world of people who post and follow, and a pasum run that takes a second or two."""

from dataclasses import replace
from typing import Any, Final

from habitus.data.relations_config import RelationsConfig
from habitus.data.split import UserSplit
from habitus.data.text_graph import TextGraphConfig
from habitus.data.word_vocabulary import WordVocabularyConfig
from habitus.datasets.population import SyntheticConfig
from habitus.encoders.text_graph import TextGraphEncoderConfig
from habitus.objectives.contrast import ContrastConfig
from habitus.objectives.triplet import TripletConfig
from habitus.runs.pasum import PasumRun
from habitus.training.config import TrainingConfig

POSTERS: Final = SyntheticConfig(
    num_users=160,
    events_per_user=14,
    num_communities=4,
    communities_per_user=2,
    follows_per_user=8.0,
    words_per_post=8.0,
    traits=True,
    drift_share=0.0,
)
CUTOFF: Final = "2023-10-01"


def small_pasum(**changes: Any) -> PasumRun:
    """Return a run of the paper's two triplets; ``contrast`` replaces them."""
    run = PasumRun(
        preset="small",
        as_of=CUTOFF,
        split=UserSplit(train=0.8, valid=0.1, test=0.1),
        vocabulary=WordVocabularyConfig(min_count=2, min_users=2),
        graph=TextGraphConfig(max_nodes=40),
        encoder=TextGraphEncoderConfig(word_dim=8, hidden=8),
        relations=RelationsConfig(
            inter_batch=8, intra_batch=4, half_batch=8, intra_triples=50, valid_share=0.0
        ),
        triplet=TripletConfig(),
        training=TrainingConfig(max_steps=6, evaluate_every=2, log_every=2, learning_rate=1e-2),
    )
    return replace(run, **changes)


def both(**weights: float) -> dict[str, Any]:
    """Return the changes of a run by contrast: follows and halves unless told otherwise."""
    parts = {"inter_weight": 1.0, "half_weight": 1.0, **weights}
    return {"triplet": None, "contrast": ContrastConfig.from_dict(parts)}
