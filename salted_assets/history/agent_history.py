"""Who was in which team, department, role and location, under whom, from when to when."""

from typing import Any

import duckdb
import pyarrow as pa

from salted_assets.schemas.base import Boolean, PersonalData, Table, Text, Timestamp, arrow_schema, derived

_ATTRIBUTES = ("name", "team", "department", "role", "location", "manager", "organization")
_ON_ENGAGEMENTS = {
    "name": "agent_name",
    "team": "team",
    "department": "department",
    "role": "agent_role",
    "location": "agent_location",
    "manager": "NULL::VARCHAR",
    "organization": "agent_organization",
}
"""Where an engagement records each attribute; nowhere the manager."""


def _attribute(column: str, what: str, personal: PersonalData | None = None) -> Any:
    recorded = _ON_ENGAGEMENTS[column]
    also = () if "NULL" in recorded else (f"tables/engagement.{recorded}",)
    return derived(what, sources=(f"tables/agent.{column}", *also), personal=personal)


class AgentHistory(Table):
    """Spans of time in which an agent's attributes stayed the same; the spans of an agent neither overlap nor gap."""

    agent_pid: Text = derived(
        "Agent ID.",
        sources=("tables/agent.pid", "tables/engagement.agent_pid"),
        nullable=False,
        personal="indirect",
    )
    name: Text = _attribute("name", "Agent name.", personal="direct")
    team: Text = _attribute("team", "Team.")
    department: Text = _attribute("department", "Department.")
    role: Text = _attribute("role", "Role: a free category, such as onboarding or senior.")
    location: Text = _attribute("location", "Location.")
    manager: Text = _attribute("manager", "Name of the manager; engagements do not record it.", personal="direct")
    organization: Text = _attribute("organization", "Organization.")
    valid_from_utc: Timestamp = derived(
        "From when on this is known to hold: when the export was requested that first said so, or when the engagement "
        "started that first recorded it. Never the exported day: an export of an old day carries today's attributes.",
        sources=("tables/agent.requested_at", "tables/engagement.start_time"),
        unit="UTC",
        nullable=False,
    )
    valid_to_utc: Timestamp = derived(
        "Until when, exclusive: the start of the agent's next span; null for the current one. An agent who is absent "
        "from an export keeps the last span open.",
        sources=("tables/agent.requested_at", "tables/engagement.start_time"),
        unit="UTC",
    )
    is_current: Boolean = derived(
        "Whether it is the agent's last span.", sources=("tables/agent.requested_at",), nullable=False
    )
    source: Text = derived(
        "`export`: agents as exported. `engagement`: as recorded on the agent's engagements, for the time before the "
        "first export that has the agent.",
        sources=("tables/agent.pid", "tables/engagement.pid"),
        nullable=False,
    )


def build_agent_history_query(agent_exports: str, engagements: str) -> str:
    """The query that gives the rows of `AgentHistory`, in no particular order.

    `agent_exports` names a relation of all versions of agents with the `date` of their partition and
    `requested_at_utc`, `engagements` one of the newest engagements. Only engagements of type Agent count, and only
    before the agent's first export. Of versions at the same instant the one of the later partition counts, and of
    engagements that start together the one with the greater ID. Where every version of an agent carries `updated_at`, a
    version that is older than one requested before it is left out; so the last span of an exported agent is always its
    newest version.
    """
    same = ", ".join((*_ATTRIBUTES, "source"))
    recorded = ", ".join(f"{source} AS {name}" for name, source in _ON_ENGAGEMENTS.items())
    nothing = " AND ".join(f"{name} IS NULL" for name in _ATTRIBUTES if name not in {"name", "manager"})
    return f"""
        WITH version AS (
            SELECT *, bool_and(updated_at IS NOT NULL) OVER (PARTITION BY pid) AS is_dated FROM {agent_exports}
        ), exported AS (
            SELECT pid AS agent_pid, {", ".join(_ATTRIBUTES)}, requested_at_utc AS valid_from_utc, 'export' AS source
            FROM (
                SELECT *, max(updated_at) OVER (
                    PARTITION BY pid ORDER BY requested_at_utc, date ROWS UNBOUNDED PRECEDING
                ) AS newest_yet FROM version
            )
            WHERE NOT is_dated OR updated_at = newest_yet
            QUALIFY row_number() OVER (PARTITION BY pid, requested_at_utc ORDER BY date DESC) = 1
        ), first_export AS (
            SELECT agent_pid, min(valid_from_utc) AS first_utc FROM exported GROUP BY agent_pid
        ), engaged AS (
            SELECT pid, agent_pid, {recorded}, start_time AS valid_from_utc, 'engagement' AS source
            FROM {engagements}
            WHERE lower(trim(type)) = 'agent' AND trim(agent_pid) <> '' AND start_time IS NOT NULL
        ), known AS (
            FROM exported
            UNION ALL BY NAME
            SELECT engaged.* EXCLUDE (pid) FROM engaged LEFT JOIN first_export USING (agent_pid)
            WHERE (first_utc IS NULL OR valid_from_utc < first_utc) AND NOT ({nothing})
            QUALIFY row_number() OVER (PARTITION BY agent_pid, valid_from_utc ORDER BY pid DESC) = 1
        ), changed AS (
            FROM known
            WINDOW in_order AS (PARTITION BY agent_pid ORDER BY valid_from_utc)
            QUALIFY row({same}) IS DISTINCT FROM lag(row({same})) OVER in_order
        )
        SELECT
            agent_pid, {", ".join(_ATTRIBUTES)}, valid_from_utc,
            lead(valid_from_utc) OVER in_order AS valid_to_utc,
            lead(valid_from_utc) OVER in_order IS NULL AS is_current,
            source
        FROM changed
        WINDOW in_order AS (PARTITION BY agent_pid ORDER BY valid_from_utc)
    """  # noqa: S608 - names of our own relations and columns


def find_agent_history(agent_exports: pa.Table, engagements: pa.Table) -> pa.Table:
    """The history out of tables at hand, in the order of agents and time; no rows give no rows.

    The tables are those of `build_agent_history_query`.
    """
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("agent_exports", agent_exports)
        connection.register("engagements", engagements)
        query = build_agent_history_query("agent_exports", "engagements")
        found = connection.sql(f"FROM ({query}) ORDER BY agent_pid, valid_from_utc")
        return found.to_arrow_table().cast(arrow_schema(AgentHistory))
