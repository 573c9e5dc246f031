"""What is new since the last card: who came to stand out or no longer does, and alarms of change."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeAlias

from salted_assets.output.scorecard.comparison import COMPARED, describe_state
from salted_assets.output.scorecard.records import Records, order_records
from salted_assets.output.scorecard.table_cells import (
    Cell,
    Heading,
    Row,
    Table,
    is_number,
    text_of,
    write_percent,
    write_percent_span,
)
from salted_assets.output.scorecard.table_cells import write_words as words

SINCE = timedelta(days=7)
"""How long before this card the one is with which it is compared."""

Alarms: TypeAlias = Mapping[str, tuple[str, date]]

_HEADINGS = (
    Heading("Agent", "Name as recorded on the engagements.", is_text=True),
    Heading("New", "What is new.", is_text=True),
    Heading("Then", "Best guess of the card before, with its 95% interval, and what was said of it.", is_text=True),
    Heading("Now", "The same of this card.", is_text=True),
)
_ORDER = ("below", "perhaps below", "alarm", "above", "perhaps above", "")


@dataclass(frozen=True)
class News:
    """The section: the day of the card before, and what is new; `absent` says why nothing can be said."""

    since: date
    table: Table
    absent: str


def list_news(evaluation: Records, alarms: Alarms, before: Records, alarms_before: Alarms) -> Records:
    """A row for each agent and thing that is new, the most pressing first: those below the colleagues.

    Takes the rows of the reviewers' evaluations of this card and of the card before, both `with_sides`, and by agent
    the alarms of change of both. Gives `agent_pid`, `agent_name`, `team`, `channel_type`, `new` (what is new), `then`
    and `now` (the agent's row of either as a dictionary, empty where there is none). An agent who is newly compared and
    does not stand out is no news.
    """
    then = {row["agent_pid"]: row for row in before}
    found: Records = []
    for row in evaluation:
        pid = row["agent_pid"]
        earlier = then.get(pid, {})
        state, state_before = describe_state(row), describe_state(earlier)
        news = []
        if said := _describe_news(state, state_before):
            news.append((_ORDER.index(state), said))
        alarm, alarm_before = alarms.get(pid), alarms_before.get(pid)
        if alarm and (alarm_before is None or alarm_before[0] != alarm[0]):
            news.append((_ORDER.index("alarm"), f"alarm of change: {alarm[0]} since {alarm[1]}"))
        who = {name: row[name] for name in ("agent_pid", "agent_name", "team", "channel_type")}
        found += [{"order": order, **who, "new": new, "then": earlier, "now": row} for order, new in news]
    return order_records(found, "order", "agent_name", "agent_pid")


def build_news(day: date, evaluation: Records, alarms: Alarms, before: Records, alarms_before: Alarms) -> News:
    """The section. Without any row of the card before nothing can be compared, and it says so."""
    since = day - SINCE
    if not before:
        return News(since, Table(_HEADINGS, ()), f"There are no scores of {since}, so nothing can be said to be new.")
    return News(since, Table(_HEADINGS, tuple(_build_rows(list_news(evaluation, alarms, before, alarms_before)))), "")


def _describe_news(state: str, before: str) -> str:
    """What is new of a state; nothing where it is none, or of one who was only perhaps apart and is not any more."""
    if state == before:
        return ""
    if before in {"below", "above"}:
        still = f": {state} the colleagues" if state else ""
        return f"newly stands out{still}" if state in {"below", "above"} else f"no longer stands out{still}"
    if state.startswith("perhaps"):
        return f"newly outside the funnel: {state} the colleagues"
    return f"newly stands out: {state} the colleagues" if state else ""


def _build_rows(news: Records) -> Iterator[Row]:
    for row in news:
        yield Row(
            agent=row["agent_pid"],
            team=text_of(row["team"]),
            channel=text_of(row["channel_type"]),
            cells=(
                words(row["agent_name"], text_of(row["team"])),
                words(row["new"]),
                _write_state(row["then"]),
                _write_state(row["now"]),
            ),
        )


def _write_state(row: dict[Any, Any]) -> Cell:
    if not all(is_number(row.get(name)) for name in COMPARED):
        return words("not compared", text_of(row.get("not_comparable_reason")))
    state = describe_state(row)
    span = write_percent_span(row["shrunk_low"], row["shrunk_high"])
    beside = f"{state} the colleagues ({write_percent(row['group_mean'])})" if state else "not known to differ"
    return words(write_percent(row["shrunk_mean"]), f"{span}\n{beside}")
