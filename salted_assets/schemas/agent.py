"""The agent dataset (`agents.csv`): current attributes; history has them as recorded on engagements."""

from salted_assets.schemas.base import DatasetTable, Number, TableFacts, Text, number, text


class Agent(DatasetTable):
    """Agents with their attributes as they were when the export was made; no history is delivered."""

    pid: Text = text("Agent ID.", key=True, personal="indirect")
    external_id: Text = text("ID in the platform that the agent comes from.", personal="indirect")
    name: Text = text("Agent name; the current label, the ID is what stays.", personal="direct")
    status: Text = text(
        "Whether the agent exists in the platform (Active) or was deleted (Inactive); says nothing of availability.",
        known_values=("Active", "Inactive"),
    )
    type: Text = text(
        "Agent type; only `User` is a human employee.", known_values=("Menu", "Bot", "External", "User", "Voicemail")
    )
    hourly_cost: Number = number("Current cost of an hour.", unit="currency of the account", ge=0)
    engagement_cost: Number = number("Current cost of an engagement.", unit="currency of the account", ge=0)
    team: Text = text("Current team; that of the time is on the engagement.")
    department: Text = text("Current department; that of the time is on the engagement.")
    location: Text = text("Current location; that of the time is on the engagement.")
    organization: Text = text("Current organization; that of the time is on the engagement.")
    role: Text = text("Current role: a free category, such as onboarding or senior.")
    manager: Text = text("Name of the current manager.", personal="direct")

    class Config:
        metadata = {"salted": TableFacts("agent", "agents.csv", "version of an agent delivered by the day's export")}
