from habitus.data.traces import Traces
from habitus.datasets.food_kitchen import FoodKitchen
from habitus.testing.datasets import DatasetContract


class TestFoodKitchen(DatasetContract):
    """The real one, where HABITUS_DATA is set; test_shared.py has its small twin."""

    @classmethod
    def make_dataset(cls) -> FoodKitchen:
        return FoodKitchen()

    def test_it_is_as_large_as_it_says(self, traces: Traces) -> None:
        items = traces.table("items")
        assert items is not None
        assert (traces.num_users, traces.num_events, items.num_rows) == (53061, 436127, 36298)
