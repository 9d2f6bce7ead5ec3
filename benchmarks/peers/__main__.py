"""Make the environments of peers: ``python -m benchmarks.peers [NAME …]``; no name makes all."""

from __future__ import annotations

import argparse
import sys

from benchmarks.peers.environments import REQUIREMENTS, make


def main() -> int:
    """Make what was named; return 1 where an environment could not be made."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*REQUIREMENTS, []])
    given = parser.parse_args()
    return max(make(name) for name in given.names or REQUIREMENTS)


if __name__ == "__main__":
    sys.exit(main())
