import numpy as np

from habitus.datasets.population import SyntheticConfig, make_catalogue
from habitus.datasets.synthetic_items import Names, make_items, prices

CONFIG = SyntheticConfig(num_users=1500, seed=3)


def test_an_item_has_one_price_and_words_of_its_taste() -> None:
    items = make_items(CONFIG).to_pylist()
    words: dict[str, set[str]] = {}
    for item in items:
        words.setdefault(item["category"], set()).update(item["text"].split()[:3])
    tastes = list(words.values())
    assert len(tastes) == CONFIG.num_tastes
    assert not any(a & b for n, a in enumerate(tastes) for b in tastes[:n])


def test_items_are_those_of_the_catalogue() -> None:
    names, items, catalogue = Names(CONFIG), make_items(CONFIG), make_catalogue(CONFIG)
    assert items["item_id"].to_pylist() == names.items.to_pylist()
    assert items["category"].to_pylist() == [f"taste-{k}" for k in catalogue.taste_I]
    assert items["service"].to_pylist() == [f"service-{s}" for s in catalogue.service_I]
    assert items["price"].to_pylist() == names.price_I.tolist()


def test_prices_lie_around_the_level_of_their_taste() -> None:
    log_I = np.log(prices(SyntheticConfig(num_items=6_000)))
    spread_K = [log_I[k::6].std() for k in range(6)]
    # The noise has a standard deviation of .3; its standard error over 1,000 items is .007.
    np.testing.assert_allclose(spread_K, 0.3, atol=0.03)
