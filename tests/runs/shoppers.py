"""A small world of people who buy on two services by taste, and a clue run of a second or two."""

from dataclasses import replace
from typing import Any, Final

from habitus.data.byte_bpe import ByteBPEConfig
from habitus.data.item_pairs import ItemPairConfig
from habitus.data.item_sequence import ItemSequenceConfig
from habitus.data.split import UserSplit
from habitus.datasets.population import SyntheticConfig
from habitus.encoders.item_text_config import ItemTextEncoderConfig
from habitus.objectives.cross_service import CrossServiceConfig
from habitus.runs.clue import ClueRun
from habitus.training.config import TrainingConfig

SHOPPERS: Final = SyntheticConfig(num_users=160, events_per_user=14, drift_share=0.0)
CUTOFF: Final = "2023-10-01"


def small_clue(**changes: Any) -> ClueRun:
    """Return a run with a block over tokens and a block over items."""
    run = ClueRun(
        preset="small",
        as_of=CUTOFF,
        split=UserSplit(train=0.7, valid=0.2, test=0.1),
        bpe=ByteBPEConfig(vocab_size=400),
        sequence=ItemSequenceConfig(max_items=8, max_tokens=16, token_budget=512),
        encoder=ItemTextEncoderConfig(
            width=8,
            item_layers=1,
            service_layers=1,
            num_heads=2,
            hidden=16,
            max_items=8,
            max_tokens=16,
            weighted=True,
            normed=False,
        ),
        slot_dim=6,
        pairs=ItemPairConfig(batch_users=16, halves=True, item_dropout=0.2),
        objective=CrossServiceConfig(projection="none"),
        pool_users=20,
        training=TrainingConfig(
            max_steps=6,
            evaluate_every=2,
            log_every=2,
            learning_rate=1e-2,
            checkpoint_every_s=0.0,
        ),
    )
    return replace(run, **changes)
