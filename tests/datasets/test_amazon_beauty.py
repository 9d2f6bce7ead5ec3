from habitus.data.traces import Traces
from habitus.datasets.amazon_beauty import AmazonBeauty
from habitus.testing.datasets import DatasetContract


class TestAmazonBeauty(DatasetContract):
    """The real one, where HABITUS_DATA is set; test_shared.py has its small twin."""

    @classmethod
    def make_dataset(cls) -> AmazonBeauty:
        return AmazonBeauty()

    def test_it_is_as_large_as_it_says(self, traces: Traces) -> None:
        items = traces.table("items")
        assert items is not None
        assert (traces.num_users, traces.num_events, items.num_rows) == (22363, 198502, 12101)
