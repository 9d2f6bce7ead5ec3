"""Format 1 of the results: what a report is made from, checked once at this door.

Optional parts may be missing or null: an evaluation without training has no ``pretraining``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from habitus.errors import DataError
from habitus.reports.checks import (
    Check,
    anything,
    flag,
    listing,
    mapping,
    members,
    nullable,
    number,
    one_of,
    record,
    text,
    whole,
    wrong,
)
from habitus.reports.measures import ALL_MEASURES, MAIN, measure
from habitus.reports.no_ids import refuse_ids
from habitus.reports.words import PROTOCOLS

FORMAT: Final = 1
STRATA: Final = ("new", "cold", "mid", "heavy")
VERDICTS: Final = ("better", "worse", "tie")

_positive = nullable(number(0))
_signed = nullable(number())
_when = nullable(text)


def _estimate(low: float, high: float, *, seeds: bool) -> Check:
    one = nullable(number(low, high))
    extra = {"seeds": listing(one)} if seeds else {}
    inner = record({"value": one, "low": one, "high": one}, extra)

    def check(value: object, path: str) -> None:
        inner(value, path)
        _check_order(members(value, path), path)

    return check


def _check_order(values: Mapping[str, Any], path: str) -> None:
    low, high = values["low"], values["high"]
    if (low is None) != (high is None):
        raise DataError(f"{path} has one end of an interval without the other")
    if low is not None and low > high:
        raise DataError(f"{path}.low is {low}, above {path}.high, {high}")


def _metrics(value: object, path: str) -> None:
    for name, estimate in members(value, path).items():
        high = ALL_MEASURES[name].highest if name in ALL_MEASURES else float("inf")
        low = 0.0 if name in ALL_MEASURES else -float("inf")
        _estimate(low, high, seeds=True)(estimate, f"{path}.{name}")


def _difference(value: object, path: str, metric: str) -> None:
    """A verdict must agree with its interval: a claim needs one that leaves zero out (D4)."""
    values = members(value, path)
    record({"value": _signed, "low": _signed, "high": _signed, "verdict": one_of(*VERDICTS)})(
        value, path
    )
    _check_order(values, path)
    low, high, verdict = values["low"], values["high"], values["verdict"]
    if verdict == "tie":
        return
    if low is None or high is None or values["value"] is None:
        raise DataError(f"{path}.verdict is {verdict!r} without a value and an interval")
    above = (verdict == "better") == measure(metric).higher_is_better
    if (low < 0) if above else (high > 0):
        raise DataError(
            f"{path}.verdict is {verdict!r}, which its interval [{low}, {high}] does not carry"
        )


_interval = nullable(_estimate(0, 1, seeds=False))
_sizes = record({"num_users": whole}, {"num_positive": whole})


def _stratum(value: object, path: str) -> None:
    """Sizes, and the main score under its name."""
    _sizes(value, path)
    for name in members(value, path).keys() & ALL_MEASURES.keys():
        _interval(members(value, path)[name], f"{path}.{name}")


_calibration = record(
    {
        "predicted": listing(nullable(number(0, 1))),
        "observed": listing(nullable(number(0, 1))),
        "count": listing(whole),
    }
)
_curves = record(
    {"step": listing(number(0)), "train_loss": listing(_signed)},
    {
        "valid_step": listing(number(0)),
        "valid_loss": listing(_signed),
        "parts": mapping(listing(_signed)),
        "routing": mapping(
            record({"max_load": listing(number(0)), "num_dead": listing(number(0))})
        ),
    },
)
_task = record(
    {"name": text, "question": text},
    {
        "horizon_days": nullable(number(0)),
        "test_cutoff": _when,
        "train_cutoffs": listing(text),
        "num_train": whole,
        "num_valid": whole,
        "num_test": whole,
        "base_rate_train": number(0, 1),
        "base_rate_test": number(0, 1),
        "classes": listing(text),
        "class_shares_train": listing(number(0, 1)),
        "class_shares_test": listing(number(0, 1)),
        "part": one_of("all", "first", "second"),
        "part_by": text,
        "sensitive": flag,
        "main_score": text,
    },
)
_method = record(
    {"name": text, "label": text, "group": one_of("control", "comparison", "ours")},
    {"description": text, "representation_dim": whole, "probes": listing(text)},
)
_cell = record(
    {"task": text, "method": text, "metrics": _metrics},
    {
        "probe": text,
        "strata": mapping(nullable(_stratum)),
        "calibration": _calibration,
        "splits": mapping(nullable(mapping(nullable(number(0, 1))))),
    },
)
_data = record(
    {"name": text, "digest": text, "num_users": whole, "num_events": whole},
    {
        "first": text,
        "last": text,
        "channels": listing(record({"name": text, "kind": text}, {"num_values": whole})),
        "notices": listing(text),
        "ingest": mapping(nullable(number(0))),
    },
)
_costs = (
    *("steps", "best_step", "seconds", "parameters", "flops_true", "flops_executed"),
    *("users_per_second", "events_per_second", "peak_memory_bytes"),
)
_encoding = ("users_per_second", "bytes_per_user", "representation_dim", "num_representations")

_router = record(
    {
        "router": text,
        "share": listing(number(0, 1)),
        "entropy": number(0),
        "most_entropy": number(0),
        "max_load": number(0),
        "num_dead": whole,
        "num_events": whole,
    },
    {"top_k": whole},
)
_agreement = record(
    {
        "router": text,
        "num_models": whole,
        "matched": number(0, 1),
        "by_chance": number(0, 1),
        "adjusted": number(),
    },
    {"num_events": whole},
)

_RESULTS = record(
    {
        "title": text,
        "created": text,
        "data": _data,
        "split": record({"train": whole, "valid": whole, "test": whole}, {"as_of_pretrain": text}),
        "tasks": listing(_task),
        "methods": listing(_method),
        "cells": listing(_cell),
        "differences": listing(
            record({"task": text, "method": text, "against": text}, {"metric": text})
        ),
        "summary": listing(record({"method": text, "metric": text})),
    },
    {
        "command": text,
        "config": anything,
        "preset": text,
        "seeds": listing(whole),
        "pretrain_seeds": listing(whole),
        "split_seeds": listing(whole),
        "protocol": one_of(*PROTOCOLS),
        "versions": mapping(anything),
        "machine": mapping(anything),
        "pretraining": record(
            {},
            {"curves": _curves, "padding_share": number(0, 1)} | dict.fromkeys(_costs, _positive),
        ),
        "encoding": record({}, dict.fromkeys((*_encoding, "seconds"), _positive)),
        "map": record(
            {"x": listing(_signed), "y": listing(_signed), "colors": mapping(listing(_signed))},
            {"method": text, "explained": listing(number(0, 1))},
        ),
        "routing": listing(_router),
        "routing_agreement": listing(_agreement),
        "canaries": listing(record({"name": text, "what": text, "passed": flag}, {"detail": text})),
        "notes": listing(text),
    },
)


def check_results(results: Mapping[str, Any]) -> None:
    """Check results of format 1.

    Raises:
        DataError: a missing key, a wrong type, an impossible figure, a verdict that its interval
            does not carry, or a name that nothing declares; the message names the path.
        GuardError: something that looks like a list of user ids.
    """
    found = members(results, "").get("format")
    if found != FORMAT or isinstance(found, bool):
        raise DataError(f"format must be {FORMAT}, got {found!r}: is this a habitus results file?")
    _RESULTS(results, "")
    main = _check_main(results)
    _check_comparisons(results, main)
    _check_names(results)
    _check_lengths(results)
    refuse_ids(results)


def _check_main(results: Mapping[str, Any]) -> str:
    """Methods are compared by one score, which every stratum must have too; return it."""
    scores = [task.get("main_score") or MAIN for task in results["tasks"]]
    main = str(scores[0]) if scores else MAIN
    for i, score in enumerate(scores):
        if score != main:
            raise wrong(f"tasks[{i}].main_score", f"that of the first task, {main!r}", score)
    for i, cell in enumerate(results["cells"]):
        for name, stratum in (cell.get("strata") or {}).items():
            if stratum is not None and main not in stratum:
                raise DataError(f"cells[{i}].strata.{name}.{main} is missing")
    return main


def _check_comparisons(results: Mapping[str, Any], main: str) -> None:
    for i, difference in enumerate(results["differences"]):
        _difference(difference, f"differences[{i}]", difference.get("metric", main))
    for i, mean in enumerate(results["summary"]):
        _estimate(-float("inf"), float("inf"), seeds=False)(mean, f"summary[{i}]")
        named = record({"method": one_of(*(m["name"] for m in results["methods"]))})
        held = {"against": mean["against"]} if mean.get("against") is not None else {}
        beside = mean.get("beside") or []
        listing(anything)(beside, f"summary[{i}].beside")
        held |= {f"beside[{place}]": row for place, row in enumerate(beside)}
        for path, row in held.items():
            named(row, f"summary[{i}].{path}")
            _difference(row, f"summary[{i}].{path}", mean["metric"])


def _check_names(results: Mapping[str, Any]) -> None:
    """Every name must be declared, and each pair of task and method stand once."""
    declared = {
        "task": [t["name"] for t in results["tasks"]],
        "method": [m["name"] for m in results["methods"]],
    }
    declared["against"] = declared["method"]
    for key in ("task", "method"):
        for i, name in enumerate(declared[key]):
            if name in declared[key][:i]:
                raise DataError(f"{key}s[{i}].name is {name!r}, which stands there already")
    for part in ("cells", "differences", "summary"):
        for i, row in enumerate(results[part]):
            for key in ("task", "method", "against"):
                if isinstance(row.get(key), str) and row[key] not in declared[key]:
                    known = ", ".join(map(repr, declared[key]))
                    raise wrong(f"{part}[{i}].{key}", f"one of {known}", row[key])
    seen = set()
    for i, cell in enumerate(results["cells"]):
        if (cell["task"], cell["method"]) in seen:
            raise DataError(f"cells[{i}] repeats task {cell['task']!r}, method {cell['method']!r}")
        seen.add((cell["task"], cell["method"]))


def _check_lengths(results: Mapping[str, Any]) -> None:
    """Lists that are read together must be equally long."""
    for i, task in enumerate(results["tasks"]):
        names = ("classes", "class_shares_train", "class_shares_test")
        if found := {name: task[name] for name in names if task.get(name)}:
            _same_length(found, f"tasks[{i}]")
    for i, cell in enumerate(results["cells"]):
        if cell.get("calibration"):
            _same_length(cell["calibration"], f"cells[{i}].calibration")
    if plane := results.get("map"):
        _same_length({"x": plane["x"], "y": plane["y"]} | _under("colors", plane), "map")
    curves = (results.get("pretraining") or {}).get("curves") or {}
    if curves:
        _same_length(
            {k: curves[k] for k in ("step", "train_loss")} | _under("parts", curves),
            "pretraining.curves",
        )
        for path, of_router in (curves.get("routing") or {}).items():
            _same_length(
                {"step": curves["step"], **of_router}, f"pretraining.curves.routing.{path}"
            )
        valid = {k: curves.get(k) or [] for k in ("valid_step", "valid_loss")}
        _same_length(valid, "pretraining.curves")


def _under(key: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the lists of an object in ``values``, by their path."""
    return {f"{key}.{name}": found for name, found in (values.get(key) or {}).items()}


def _same_length(lists: Mapping[str, Any], path: str) -> None:
    (first, wanted), *others = ((key, len(values)) for key, values in lists.items())
    for key, found in others:
        if found != wanted:
            raise DataError(f"{path}.{key} has {found} members, but {path}.{first} has {wanted}")
