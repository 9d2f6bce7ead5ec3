"""``python -m habitus.cli``: the command line, for ``torchrun``, which starts it in each process.

``torchrun --nproc-per-node 2 -m -- habitus.cli pretrain …``; without the two dashes torchrun takes
some options for its own.
"""

from __future__ import annotations

from habitus.cli.main import main

if __name__ == "__main__":
    main()
