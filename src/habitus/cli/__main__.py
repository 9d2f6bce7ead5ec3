"""``python -m habitus.cli``: the command line, for ``torchrun``, which starts it in each process.

``torchrun --nproc-per-node 2 -m -- habitus.cli pretrain …``; without the two dashes torchrun takes
some options for its own.
"""

from __future__ import annotations

import os
import sys

from habitus.cli.main import main


def run() -> None:
    """Run the command; one of several processes ends at once when it is done.

    An interpreter that shuts down aborts where a thread of gloo still lets go of a tensor
    (pytorch/pytorch#179291), and torchrun then stops the others, which may be writing the model.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        main()
        return
    try:
        main()
        code: object = 0
    except SystemExit as stopped:
        code = stopped.code
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    run()
