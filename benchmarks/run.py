"""Run benchmarks: ``python -m benchmarks.run [NAME …] [--quick]``; no name runs all of them."""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from habitus.registry import did_you_mean

HERE = Path(__file__).parent
NOT_BENCHMARKS = {"__init__", "harness", "run"}


def names() -> list[str]:
    """Return every benchmark: a file here with ``main(quick)``."""
    return sorted(p.stem for p in HERE.glob("*.py") if p.stem not in NOT_BENCHMARKS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was named; return 1 where one could not finish. A missed bar is shown, no error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names()))
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    given = parser.parse_args(arguments)
    for name in given.names:
        if name not in names():
            parser.error(f"no benchmark is called {name!r}; {did_you_mean(name, names())}")
    failed = [n for n in given.names or names() if not finishes(n, quick=given.quick)]
    if failed:
        sys.stderr.write(f"not finished: {', '.join(failed)}\n")
    return 1 if failed else 0


def finishes(name: str, *, quick: bool) -> bool:
    """Run one benchmark; one that breaks does not take the others with it."""
    try:
        importlib.import_module(f"benchmarks.{name}").main(quick=quick)
    except Exception:
        traceback.print_exc()
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
