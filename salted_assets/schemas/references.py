"""Which columns of a dataset name rows of another: declared here, measured by the asset checks, never enforced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A column that names rows of a dataset by their `pid`. Not certain is what the vendor's pages only suggest."""

    column: str
    target: str
    is_certain: bool = True


REFERENCES: Mapping[str, Sequence[Reference]] = {
    "engagement": (
        Reference("agent_pid", "agent"),
        # the page calls the customers' key a customer, the model's page a contact
        Reference("contact_pid", "customer", is_certain=False),
    ),
    "turn": (Reference("engagement_pid", "engagement"),),
    "review": (
        Reference("engagement_pid", "engagement"),
        Reference("turn_pid", "turn"),
        Reference("agent_pid", "agent"),
    ),
}
"""What points where, by dataset; the others point at nothing."""
