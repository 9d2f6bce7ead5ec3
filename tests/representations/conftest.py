"""A model that was never trained: what is tested here does not depend on what it learned."""

from pathlib import Path

import pytest

from habitus.data.traces import Traces
from habitus.representations.model import Model
from tests.small import small_run, small_traces


@pytest.fixture(scope="session")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return small_traces(tmp_path_factory.mktemp("small") / "traces")


@pytest.fixture
def model(traces: Traces, tmp_path: Path) -> Model:
    """A saved model."""
    made, _ = small_run().build(traces)
    made.save(tmp_path / "model", card="# A card\n")
    return made
