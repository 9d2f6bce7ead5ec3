import json

from habitus.training import TrainingResult


def result() -> TrainingResult:
    return TrainingResult(
        steps=20,
        stopped_early=False,
        best_step=10,
        best_valid=0.5,
        history=[
            {"kind": "train", "step": 10, "loss": 2.0, "parts": {"a": 1.0}},
            {"kind": "valid", "step": 10, "loss": 0.5, "parts": {}},
            {"kind": "train", "step": 20, "loss": 1.0, "parts": {"a": 0.5, "b": None}},
        ],
        seconds=1.0,
        users_per_second=2.0,
        events_per_second=3.0,
        flops_true=4.0,
        flops_executed=5.0,
        padding_share=0.2,
        peak_memory_bytes=6,
        resumed_from=None,
    )


def test_curves_are_the_columns_of_the_history() -> None:
    assert result().curves() == {
        "step": [10, 20],
        "train_loss": [2.0, 1.0],
        "valid_step": [10],
        "valid_loss": [0.5],
        "parts": {"a": [1.0, 0.5], "b": [None, None]},
    }


def test_it_is_plain() -> None:
    assert json.loads(json.dumps(result().to_dict())) == result().to_dict()
