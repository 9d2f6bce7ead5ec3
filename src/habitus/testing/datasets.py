"""The promise of :class:`habitus.datasets.Dataset`, as tests to inherit.

Shapes: U users, L events, V values of a dictionary.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from habitus.data.columns import REQUIRED, TABLES
from habitus.data.traces import Traces
from habitus.datasets import DATASETS, Dataset


class DatasetContract:
    """Inherit, and return the dataset; where its data is not at hand, the tests are skipped.

    The class is not called ``Test...``, so pytest collects only its heirs.
    """

    @classmethod
    def make_dataset(cls) -> Dataset:
        """Return the dataset."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def dataset(cls) -> Dataset:
        """The dataset, if its data is at hand."""
        dataset = cls.make_dataset()
        if (missing := dataset.missing()) is not None:
            pytest.skip(missing)
        return dataset

    @pytest.fixture(scope="class")
    @classmethod
    def traces(cls, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Traces:
        """Its traces, made once."""
        return dataset.ingest(tmp_path_factory.mktemp("traces") / "out")

    def test_it_is_registered_under_its_name(self) -> None:
        dataset = self.make_dataset()
        assert isinstance(dataset, DATASETS[dataset.name])

    def test_it_says_what_it_is_and_under_which_terms(self) -> None:
        dataset = self.make_dataset()
        assert dataset.description.strip()
        assert dataset.notices
        assert all(notice.strip() for notice in dataset.notices)

    def test_what_is_missing_is_said_in_a_sentence(self) -> None:
        missing = self.make_dataset().missing()
        assert missing is None or " " in missing.strip()

    def test_terms_name_no_user(self, dataset: Dataset, traces: Traces) -> None:
        # Short ids are numbers that may well stand in a sentence: a year, a count.
        words = set(" ".join([dataset.description, *dataset.notices]).split())
        assert not {i for i in traces.user_ids.to_pylist() if len(i) > 4} & words

    def test_users_are_sorted_and_none_stands_twice(self, traces: Traces) -> None:
        ids = traces.user_ids.to_pylist()
        assert ids == sorted(set(ids))
        assert len(ids) == traces.num_users

    def test_every_event_belongs_to_one_user(self, traces: Traces) -> None:
        offsets_U1 = traces.offsets_U1
        assert (offsets_U1[0], offsets_U1[-1]) == (0, traces.num_events)
        assert (np.diff(offsets_U1) >= 0).all()

    def test_times_ascend_within_each_user(self, traces: Traces) -> None:
        step_L = np.diff(traces.time_L)
        first_of_user = traces.offsets_U1[1:-1]
        step_L[first_of_user[(first_of_user > 0) & (first_of_user < traces.num_events)] - 1] = 0
        assert (step_L >= 0).all()

    def test_every_code_has_its_value(self, traces: Traces) -> None:
        for column in traces.columns.values():
            if column.kind in ("category", "id"):
                values = traces.dictionary(column.name)
                assert len(values) == column.num_values
                assert int(traces.column(column.name).max(initial=0)) <= column.num_values
                assert values.to_pylist() == sorted(set(values.to_pylist()))

    def test_numbers_are_finite_or_missing(self, traces: Traces) -> None:
        for column in traces.columns.values():
            if column.kind == "dense":
                assert not np.isinf(traces.column(column.name)).any()

    def test_no_channel_is_empty(self, traces: Traces) -> None:
        for column in traces.columns.values():
            if column.kind in ("category", "id"):
                assert traces.column(column.name).any(), column.name

    def test_tables_have_the_columns_without_which_they_mean_nothing(self, traces: Traces) -> None:
        for name in traces.manifest.tables:
            table = traces.table(next(t for t in TABLES if t == name))
            assert table is not None
            assert set(REQUIRED[next(t for t in TABLES if t == name)]) <= set(table.column_names)

    def test_tables_tell_of_users_that_have_a_row(self, traces: Traces) -> None:
        for name in ("follows", "profiles", "labels"):
            table = traces.table(name)
            if table is not None:
                ids = table["user_id"].cast(pa.string()).to_pylist()
                assert set(ids) <= set(traces.user_ids.to_pylist())

    def test_the_same_source_gives_the_same_traces(
        self, dataset: Dataset, traces: Traces, tmp_path: Path
    ) -> None:
        assert dataset.ingest(tmp_path / "again").digest == traces.digest
