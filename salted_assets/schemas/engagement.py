"""The engagement dataset (`engagements.csv`)."""

import pandas as pd
import pandera.pandas as pandera

from salted_assets.schemas.base import (
    DatasetTable,
    Integer,
    Number,
    TableFacts,
    Text,
    Timestamp,
    integer,
    milliseconds,
    number,
    text,
    timestamp,
)

ENGAGEMENT_TYPES = ("Agent", "Queue", "Invitation", "Menu", "Application", "Technical")
CHANNEL_TYPES = ("Email", "Chat", "SMS", "Task", "Video", "Voice")

AI_SCORES = (
    "adaptability",
    "adherence",
    "clarity",
    "completeness",
    "customer_satisfaction",
    "empathy",
    "expressed_satisfaction",
    "language_skills",
    "persuasion",
    "severity",
    "understanding",
)
"""The scores that the vendor's AI puts on an engagement; scale, direction and null rule are not published."""


class Engagement(DatasetTable):
    """Interactions of a customer with an agent, bot or service; queues, menus and missed invitations are rows too."""

    pid: Text = text("Engagement ID.", key=True)
    external_id: Text = text("ID in the source platform.")
    name: Text = text("Label of the engagement in the source platform.", personal="direct")
    link: Text = text("Link to the engagement in the source platform.", personal="indirect")
    agent_pid: Text = text("Agent who engaged; null while nobody is responsible, as in a queue.", personal="indirect")
    agent_name: Text = text("Name of the agent who engaged.", personal="direct")
    contact_pid: Text = text("Contact (a phone, address or user name) that the customer used.", personal="indirect")
    contact_name: Text = text("Name of the contact.", personal="direct")
    conversation_start_time: Timestamp = timestamp("Start of the whole conversation, the same for all its engagements.")
    start_time: Timestamp = timestamp("Start of the engagement, preparation included.")
    end_time: Timestamp = timestamp("End of the engagement, wrap-up included; null while it is in progress.")
    conversation_id: Text = text("Conversation: all engagements about one request; never ends.")
    conversation_external_id: Text = text("Conversation ID in the source platform.")
    channel_type: Text = text("Type of channel.", known_values=CHANNEL_TYPES)
    direction: Text = text("Who reached out: the customer (inbound) or the company (outbound).")
    status: Text = text("Engagement status; `Completed` when it is over.")
    type: Text = text(
        "What the row stands for; `Agent`: somebody engaged with a customer; `Technical` only serves the model.",
        known_values=ENGAGEMENT_TYPES,
    )
    outcome_type: Text = text("Type of outcome; values not published.")
    service_level: Text = text("Whether the service level was met; `Ignore` keeps the engagement out of the figure.")
    terminated_by: Text = text("Which side ended the engagement; values not published.")
    initiated_by: Text = text("Which side began the engagement; values not published.")
    resolution: Text = text("How the matter was resolved, as recorded; values not published.")
    channel: Text = text("Channel, finer than its type: such as one mailbox or one chat widget.")
    queue: Text = text("Queue in which the customer waited; the waiting itself is a row of type Queue, with no agent.")
    team: Text = text("Team that engaged, as recorded on the engagement.")
    department: Text = text("Department that engaged, as recorded on the engagement.")
    outcome: Text = text("Outcome, out of the account's own list.")
    outcome_category: Text = text("Category of the outcome, out of the account's own list.")
    reason: Text = text("Reason of the engagement, out of the account's own list.")
    reason_category: Text = text("Category of the reason, out of the account's own list.")
    case_name: Text = text("Case; can span engagements, conversations and customers.", personal="indirect")
    platform: Text = text("Connected platform that the engagement took place on.")
    source: Text = text("Source that the engagement was loaded from.")
    language: Text = text("Language of the engagement; how languages are written is not published.")
    channel_vendor: Text = text("Vendor that carries the channel.")
    category: Text = text("Category, out of the account's own list.")
    campaign: Text = text("Outbound, mailing or marketing campaign.")
    priority: Text = text("Priority; values and their order not published.")
    menu_path: Text = text("Path that the customer took through the menu, such as an IVR, before the engagement.")
    flow: Text = text("Flow that the engagement went through; meaning not published.")
    service: Text = text("Product or partner that the conversation is about.")
    company_contact: Text = text("Number or address of the company that was reached or used.")
    brand: Text = text("Brand of the company that the conversation is about.")
    topic_category: Text = text("Category of the topic, out of the account's own list.")
    topic: Text = text("What the engagement is about, out of the account's own list.")
    attribute_01: Text = text("Custom attribute 1, defined by the account.", personal="indirect")
    attribute_02: Text = text("Custom attribute 2, defined by the account.", personal="indirect")
    attribute_03: Text = text("Custom attribute 3, defined by the account.", personal="indirect")
    attribute_04: Text = text("Custom attribute 4, defined by the account.", personal="indirect")
    agent_location: Text = text("Location of the agent, as recorded on the engagement.")
    agent_role: Text = text("Role of the agent, as recorded on the engagement: a free category.")
    agent_organization: Text = text("Organization of the agent, as recorded on the engagement.")
    external_agent_name: Text = text("Person or organization outside the company that took part.", personal="direct")
    cost: Number = number("Cost of the engagement.", unit="currency of the account")
    engagement_time: Integer = milliseconds(
        "Time in the conversation, from joining until moving to wrap-up.", essential=True
    )
    focus_time: Integer = milliseconds("Focus time; definition not published.")
    hold_time: Integer = milliseconds("Hold time; whether it lies within the engagement time is not published.")
    invitation_time: Integer = milliseconds(
        "Time from inviting the agent to the answer; an invitation that was missed is a row of type Invitation."
    )
    menu_time: Integer = milliseconds("Time that the customer spent in a menu.")
    preparation_time: Integer = milliseconds("Work before engaging, such as reading up.", essential=True)
    wait_time: Integer = milliseconds(
        "Time that the customer waited; on a row of type Queue the time in the queue.", essential=True
    )
    wrap_up_time: Integer = milliseconds("Work after leaving the conversation, such as notes.", essential=True)
    total_time: Integer = milliseconds("Total time; whether it is the sum of the parts is not published.")
    engagement_fact_01: Number = number("Custom fact 1, defined by the account.", unit="as the account defines")
    engagement_fact_02: Number = number("Custom fact 2, defined by the account.", unit="as the account defines")
    engagement_fact_03: Number = number("Custom fact 3, defined by the account.", unit="as the account defines")
    wait_for_customer_time: Integer = milliseconds(
        "Time that the agent waited for the customer; how it is told is not published."
    )
    order_agent_engagements: Integer = integer(
        "Position of this engagement among the agent engagements of the conversation.", unit="ordinal", ge=0
    )
    total_conversation_agent_engagements: Integer = integer(
        "Number of agent engagements in the conversation; can grow later.", unit="engagements", ge=0
    )
    adaptability: Number = number(
        "AI score: leaves the script where that serves the customer; rare without the company's process descriptions.",
        unit="score",
    )
    adherence: Number = number(
        "AI score: follows script and process; rare without the company's process descriptions.", unit="score"
    )
    clarity: Number = number("AI score: clarity of what the agent says; definition not published.", unit="score")
    completeness: Number = number(
        "AI score: completeness of what the agent says; definition not published.", unit="score"
    )
    customer_satisfaction: Number = number(
        "AI score: satisfaction inferred from the conversation; not a survey.", unit="score"
    )
    empathy: Number = number("AI score: empathy of the agent; definition not published.", unit="score")
    expressed_satisfaction: Number = number("AI score: satisfaction that the customer put into words.", unit="score")
    language_skills: Number = number("AI score: language skills of the agent; definition not published.", unit="score")
    persuasion: Number = number("AI score: persuasion by the agent; definition not published.", unit="score")
    severity: Number = number("AI score: severity of the case; describes the case, not the agent.", unit="score")
    understanding: Number = number(
        "AI score: grasps and answers the actual request; lower where the customer has to repeat it.", unit="score"
    )

    @pandera.dataframe_check(name="start_time_not_after_end_time")
    def _start_time_not_after_end_time(cls, engagements: pd.DataFrame) -> "pd.Series[bool]":  # noqa: N805 - pandera's way
        return (engagements["start_time"] <= engagements["end_time"]).fillna(True)

    class Config:
        metadata = {
            "salted": TableFacts(
                "engagement", "engagements.csv", "version of an engagement delivered by the day's export"
            )
        }
