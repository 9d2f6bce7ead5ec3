"""Results of class tasks that look like a real run's, made from those of yes-or-no tasks."""

from __future__ import annotations

from typing import Any

from tests.reports.sample import sample

CLASSES = ["art", "law", "sport"]
SHARES = [0.5, 0.3, 0.2]
SEEDS = [1, 2, 3]


def class_sample(**changes: Any) -> dict[str, Any]:
    """Return results whose main score is macro-F1, with random splits."""
    results = sample(**changes)
    results |= {"protocol": "strict-inductive", "split_seeds": SEEDS}
    for task in results["tasks"]:
        for key in ("horizon_days", "train_cutoffs"):
            del task[key]
        task |= {"classes": CLASSES, "part": "all", "part_by": None, "main_score": "macro_f1"}
        task |= {"class_shares_train": SHARES, "class_shares_test": SHARES}
        task |= {"base_rate_train": 0.5, "base_rate_test": 0.5, "test_cutoff": "the end"}
    for cell in results["cells"]:
        found = cell["metrics"]["auroc"]
        cell["metrics"] = {"macro_f1": found, "accuracy": dict(found)}
        for stratum in cell["strata"].values():
            del stratum["num_positive"]
            stratum["macro_f1"] = stratum.pop("auroc")
        del cell["calibration"]
        cell["splits"] = {
            str(seed): {"macro_f1": found["value"] * (1 - 0.01 * seed), "accuracy": 0.5}
            for seed in SEEDS
        }
        cell["probe"] = None if cell["method"] == "majority" else "multinomial"
    for part in ("differences", "summary"):
        for row in results[part]:
            row["metric"] = "macro_f1"
    results["canaries"][1]["detail"] = "mean recall .498"
    return results
