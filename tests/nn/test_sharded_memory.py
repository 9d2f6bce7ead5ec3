"""A table that is larger than the memory of each of two processes is trained by both."""

import json
import sys
from pathlib import Path

import pytest

from tests.nn.sharded import run_processes
from tests.nn.sharded_memory import NUM_ROWS, ROOM, TABLE_BYTES


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory is Linux's")
def test_a_table_larger_than_the_memory_limit_is_trained(tmp_path: Path) -> None:
    assert TABLE_BYTES > ROOM
    run_processes("tests.nn.sharded_memory", 2, tmp_path)
    for rank in range(2):
        found = json.loads((tmp_path / f"memory-{rank}.json").read_text())
        assert found["whole table refused"]
        # Half the rows of 32 floats, and one float of state for each.
        assert found["rows_bytes"] == TABLE_BYTES / 2
        assert found["state_bytes"] == 4 * NUM_ROWS / 2
        assert found["rows_bytes"] <= found["taken"] <= ROOM
        assert found["losses"] == sorted(found["losses"], reverse=True)
        assert found["losses"][-1] < 0.2 * found["losses"][0]
