"""Warnings to mind before using a table, and which table each of them holds for."""

from collections.abc import Mapping
from types import MappingProxyType

SIMULATED = "simulated"

USAGE_WARNINGS: Mapping[str, str] = MappingProxyType(
    {
        SIMULATED: "Simulated data: made up by the built-in simulator, nobody's work.",
        "several_versions": "Holds several versions of a row, one for each export that brought it: "
        "take the newest of each `pid`.",
        "not_only_agents": "Queues, menus and missed invitations are rows too: "
        "an agent's work is type `Agent` with status `Completed`.",
        "current_attributes": "Team, manager and cost are those at the export, not those at the time of the work.",
        "several_sources": "Auto reviews outnumber human ones: never mix the sources in one figure.",
        "unpublished_scale": "The vendor does not publish the scales of its AI scores and sentiment: "
        "compare only like with like.",
        "personal_data": "Names people, or leads to them: show it only to those who may see that.",
        "free_text": "Free text: may hold anybody's personal data.",
        "restated": "A day is scored again when later exports change its rows: figures of the past can move.",
        "overlapping_windows": "Each partition sums up many days, the next one mostly the same: do not add them up.",
    }
)
"""Each warning by its name, which is also its tag in the UI, in the order in which they are shown."""

_TABLE = ("several_versions",)
_PEOPLE_BY_DAY = ("personal_data", "restated")

USAGE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "tables/engagement": (*_TABLE, "not_only_agents", "unpublished_scale", "personal_data"),
        "tables/customer": (*_TABLE, "personal_data"),
        "tables/turn": (*_TABLE, "unpublished_scale", "free_text"),
        "tables/review": (*_TABLE, "several_sources", "personal_data", "free_text"),
        "tables/agent": (*_TABLE, "current_attributes", "personal_data"),
        "scores/answer": ("several_sources", *_PEOPLE_BY_DAY, "free_text"),
        "scores/engagement": ("unpublished_scale", *_PEOPLE_BY_DAY),
        "scores/agent_daily": ("unpublished_scale", *_PEOPLE_BY_DAY),
        "scores/agent_segment_daily": ("unpublished_scale", *_PEOPLE_BY_DAY),
        "scores/queue_daily": ("unpublished_scale", "restated"),
        "scores/agent_question": ("several_sources", "personal_data", "overlapping_windows"),
        "scores/agent_rolling": ("unpublished_scale", "personal_data", "overlapping_windows"),
        "scores/team_rolling": ("unpublished_scale", "overlapping_windows"),
        "scores/fair": ("unpublished_scale", "personal_data", "overlapping_windows"),
        "scores/reviewer_calibration": ("several_sources", "personal_data", "overlapping_windows"),
        "scores/auto_reviewer_drift": ("overlapping_windows",),
        "scores/settlement": ("several_sources",),
        "report/scorecard": ("personal_data", "overlapping_windows"),
    }
)
"""The warnings of each table beside `simulated`, which depends on the deployment; others have those of `_OTHERS`."""

_OTHERS: Mapping[str, tuple[str, ...]] = MappingProxyType({"tables": _TABLE, "scores": ("restated",)})


def list_warnings(path: str, *, simulated: bool) -> tuple[str, ...]:
    """The names of the warnings that hold for an asset, in their order; for one without any columns, none but that."""
    own = USAGE.get(path, _OTHERS.get(path.partition("/")[0], ()))
    held = {*own, *([SIMULATED] if simulated else [])}
    return tuple(name for name in USAGE_WARNINGS if name in held)
