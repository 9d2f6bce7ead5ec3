"""Named real sources, and people with planted tastes."""

from habitus.datasets.base import Dataset
from habitus.registry import Registry

DATASETS = Registry[type[Dataset]](
    "dataset",
    {
        "amazon_beauty": "habitus.datasets.amazon_beauty:AmazonBeauty",
        "amazon_scientific": "habitus.datasets.amazon_scientific:AmazonScientific",
        "art_office": "habitus.datasets.art_office:ArtOffice",
        "complete_journey": "habitus.datasets.complete_journey:CompleteJourney",
        "complete_journey_services": "habitus.datasets.complete_journey:CompleteJourneyServices",
        "debate_forum": "habitus.datasets.debate_forum:DebateForum",
        "debate_forum_in_order": "habitus.datasets.debate_forum:DebateForumInOrder",
        "food_kitchen": "habitus.datasets.food_kitchen:FoodKitchen",
        "legislature": "habitus.datasets.legislature:Legislature",
        "movielens_1m": "habitus.datasets.movielens_1m:MovieLens1M",
        "online_retail": "habitus.datasets.online_retail:OnlineRetail",
        "subpopulations": "habitus.datasets.subpopulations:Subpopulations",
        "synthetic": "habitus.datasets.synthetic:Synthetic",
        "synthetic_posts": "habitus.datasets.synthetic:SyntheticPosts",
    },
)

__all__ = ["DATASETS", "Dataset"]
