from habitus.data.traces import Traces
from habitus.datasets.art_office import ArtOffice
from habitus.testing.datasets import DatasetContract


class TestArtOffice(DatasetContract):
    """The real one, where HABITUS_DATA is set; test_shared.py has its small twin."""

    @classmethod
    def make_dataset(cls) -> ArtOffice:
        return ArtOffice()

    def test_it_is_as_large_as_it_says(self, traces: Traces) -> None:
        items = traces.table("items")
        assert items is not None
        assert (traces.num_users, traces.num_events, items.num_rows) == (9577, 208541, 38396)
