"""Every table's columns, described once: type, unit, meaning, checks.

Here: a module a dataset, `scores/` for computed tables, and renderings of the descriptions (`docs/`). Not here:
reading, writing, scoring, Dagster.
"""

from salted_assets.schemas.agent import Agent
from salted_assets.schemas.base import DatasetTable, facts_of
from salted_assets.schemas.customer import Customer
from salted_assets.schemas.engagement import Engagement
from salted_assets.schemas.review import Review
from salted_assets.schemas.turn import Turn

DATASET_MODELS: dict[str, type[DatasetTable]] = {
    "engagement": Engagement,
    "customer": Customer,
    "turn": Turn,
    "review": Review,
    "agent": Agent,
}
"""The vendor's datasets in the order of its page."""

FILE_NAMES: dict[str, str] = {dataset: facts_of(model).file_name for dataset, model in DATASET_MODELS.items()}
"""What the vendor calls the file of each dataset."""
