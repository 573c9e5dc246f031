"""Who came back: further conversations of the same contact within a week of an engagement."""

from salted_assets.schemas.base import Boolean, Integer, Table, Text, Timestamp, derived

REPEAT_DAYS = 7


class RepeatContact(Table):
    """Engagements that count, each with what the same contact began in the 7 days after it.

    A contact is one address or number: who writes from another one is another contact here. Erased customers are not
    there, and what came before the first landed day is not known.
    """

    engagement_pid: Text = derived("Engagement ID.", sources=("tables/engagement.pid",), nullable=False)
    start_time: Timestamp = derived(
        "When the engagement started.", sources=("tables/engagement.start_time",), unit="UTC", nullable=False
    )
    contact_pid: Text = derived(
        "Contact of the customer.", sources=("tables/engagement.contact_pid",), nullable=False, personal="indirect"
    )
    conversation_id: Text = derived(
        "Conversation that the engagement belongs to.", sources=("tables/engagement.conversation_id",)
    )
    agent_pid: Text = derived(
        "Agent who engaged.", sources=("tables/engagement.agent_pid",), nullable=False, personal="indirect"
    )
    agent_name: Text = derived(
        "Name of the agent, as recorded on the engagement.",
        sources=("tables/engagement.agent_name",),
        personal="direct",
    )
    team: Text = derived("Team that engaged.", sources=("tables/engagement.team",))
    queue: Text = derived("Queue.", sources=("tables/engagement.queue",))
    channel_type: Text = derived("Type of channel.", sources=("tables/engagement.channel_type",))
    repeat_conversation_count: Integer = derived(
        "Other conversations of the contact with an engagement that counts and starts within 7 days after this one's "
        "start.",
        sources=("tables/engagement.contact_pid", "tables/engagement.conversation_id", "tables/engagement.start_time"),
        unit="conversations",
        nullable=False,
    )
    first_repeat_time: Timestamp = derived(
        "Start of the first of these engagements; null where there is none.",
        sources=("tables/engagement.contact_pid", "tables/engagement.conversation_id", "tables/engagement.start_time"),
        unit="UTC",
    )
    same_conversation_count: Integer = derived(
        "Further engagements of the same conversation in these days, such as transfers; they are no repeat contacts.",
        sources=("tables/engagement.contact_pid", "tables/engagement.conversation_id", "tables/engagement.start_time"),
        unit="engagements",
        nullable=False,
    )
    is_window_complete: Boolean = derived(
        "Whether the day of the start (in UTC) and the 7 days after it are landed: where not, conversations may be "
        "missing, so leave the row out of rates.",
        sources=("tables/engagement.start_time",),
        nullable=False,
    )


def build_repeat_contact_query(engagement_exports: str, engagements: str) -> str:
    """The query that gives the rows of `RepeatContact`, in no particular order.

    `engagements` names a relation of the newest engagements, `engagement_exports` one that has the `date` of each
    partition that is there. Engagements count as in scores: type Agent, status Completed, with an agent. Those without
    a contact or a start are left out; one without a conversation is one of its own.
    """
    carried = "agent_pid, agent_name, team, queue, channel_type"
    return f"""
        WITH counted AS (
            SELECT pid AS engagement_pid, start_time, contact_pid, conversation_id, {carried},
                   coalesce(nullif(trim(conversation_id), ''), pid) AS thread,
                   (start_time AT TIME ZONE 'UTC')::DATE AS start_date
            FROM {engagements}
            WHERE lower(trim(type)) = 'agent' AND lower(trim(status)) = 'completed' AND trim(agent_pid) <> ''
                AND trim(contact_pid) <> '' AND start_time IS NOT NULL
        ), landed AS (
            SELECT DISTINCT date FROM {engagement_exports}
        ), followed AS (
            SELECT start_date, count(date) = {REPEAT_DAYS} + 1 AS is_window_complete
            FROM (SELECT DISTINCT start_date FROM counted)
            LEFT JOIN landed ON date BETWEEN start_date AND start_date + {REPEAT_DAYS}
            GROUP BY start_date
        ), further AS (
            SELECT one.engagement_pid,
                   count(DISTINCT another.thread) FILTER (another.thread <> one.thread) AS repeats,
                   min(another.start_time) FILTER (another.thread <> one.thread) AS first_repeat_time,
                   count(*) FILTER (another.thread = one.thread) AS continued
            FROM counted AS one JOIN counted AS another
                ON another.contact_pid = one.contact_pid AND another.start_time > one.start_time
                AND another.start_time <= one.start_time + INTERVAL {REPEAT_DAYS} DAY
            GROUP BY one.engagement_pid
        )
        SELECT engagement_pid, start_time, contact_pid, conversation_id, {carried},
               coalesce(repeats, 0) AS repeat_conversation_count, first_repeat_time,
               coalesce(continued, 0) AS same_conversation_count, is_window_complete
        FROM counted LEFT JOIN further USING (engagement_pid) JOIN followed USING (start_date)
    """  # noqa: S608 - names of our own relations and columns
