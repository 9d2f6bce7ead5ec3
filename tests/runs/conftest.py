"""The small world, and one training of it that nothing disturbed."""

import pytest

from habitus.data.traces import Traces
from habitus.datasets.synthetic import make_traces
from habitus.runs.pretrain import Pretrained, pretrain
from tests.runs.posters import POSTERS
from tests.small import small_run, small_traces


@pytest.fixture(scope="session")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return small_traces(tmp_path_factory.mktemp("small") / "traces")


@pytest.fixture(scope="session")
def undisturbed(traces: Traces, tmp_path_factory: pytest.TempPathFactory) -> Pretrained:
    return pretrain(traces, small_run(), tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture(scope="session")
def posters(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return make_traces(POSTERS, tmp_path_factory.mktemp("posters") / "traces")[0]
