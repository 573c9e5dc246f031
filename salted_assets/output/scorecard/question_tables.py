"""The scorecard's tables of what goes wrong most: questions of all people, of each team, and to coach each agent on."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from salted_assets.output.scorecard.comparison import only_people
from salted_assets.output.scorecard.questions import MIN_ANSWERS, compare_questions, find_to_coach
from salted_assets.output.scorecard.records import Records, keep_first, list_records, order_records
from salted_assets.output.scorecard.table_cells import (
    Cell,
    Heading,
    Row,
    Table,
    is_number,
    text_of,
    write_number,
    write_percent_span,
    write_points,
    write_points_span,
)
from salted_assets.output.scorecard.table_cells import write_words as words
from salted_assets.output.scorecard.trends import FEWEST_PEOPLE

PER_TEAM, PER_AGENT = 5, 3

_QUESTION = Heading("Question", "What was asked.", is_text=True)
_SHARE = Heading("Worst answers", "Share of the scored answers that are the worst, its 95% interval, and the answers.")
_OTHERS = Heading("Others", "The same share of all other people together.")
_REASON = Heading("Top reason", "Reason given most often for a worst answer, and how often.", is_text=True)
_CHANGE = Heading("Change", "Share of the last 28 days less that of the 63 before, with its 95% interval.")
_AUTO = Heading("Auto says", "Share of worst answers of the auto reviewers, and their answers.", is_aside=True)
_SURE = Heading("Beside others", "Whether the interval lies above the share of the others.", is_text=True)
_AGENT = Heading("Agent", "Name as recorded on the engagements.", is_text=True)
_TEAM = Heading("Team", "Team with most of the agents' engagements.", is_text=True)


@dataclass(frozen=True)
class QuestionTables:
    """The section by question.

    `teams_hidden` are the teams of too few people; `pairs_count` the pairs of an agent and a question that were looked
    at, `pairs_above_count` those above the others, `pairs_by_luck_count` how many of them luck alone would give.
    `absent` says why there is nothing, where that is so.
    """

    everyone: Table
    teams: Table
    teams_hidden: tuple[str, ...]
    agents: Table
    pairs_count: int
    pairs_above_count: int
    absent: str

    @property
    def agents_above(self) -> Table:
        """Of whom to coach those above the others by more than the interval."""
        return self._agents_where(is_unsure=False)

    @property
    def agents_unsure(self) -> Table:
        """The others of whom to coach, which may be luck."""
        return self._agents_where(is_unsure=True)

    def _agents_where(self, *, is_unsure: bool) -> Table:
        return replace(self.agents, rows=tuple(row for row in self.agents.rows if row.is_unsure == is_unsure))

    @property
    def pairs_by_luck_count(self) -> int:
        """Pairs that lie above the others by luck, if all agents were alike."""
        return round(self.pairs_count / 40)


def build_question_tables(questions: pd.DataFrame, answers: pd.DataFrame, agents: Records) -> QuestionTables:
    """The section, from rows of `scores/agent_question`, those of `READ_RECENT` and a row of each agent of the window.

    Agents without an engagement in the window count among all people and are not shown by themselves.
    """
    asked, recent = list_records(only_people(questions)), list_records(answers)
    of_pid = {agent["agent_pid"]: agent for agent in agents}
    teams = {pid: team for pid, agent in of_pid.items() if (team := text_of(agent["team"]))}
    sizes = Counter(teams.values())
    large = {pid: team for pid, team in teams.items() if sizes[team] >= FEWEST_PEOPLE}
    everyone = compare_questions(asked, recent, dict.fromkeys((row["agent_pid"] for row in asked), "all"))
    of_teams = [row for row in compare_questions(asked, recent, large) if row["worst_count"] > 0]
    of_agents = compare_questions(asked, recent, {pid: pid for pid in of_pid})
    looked_at = [row for row in of_agents if row["scored_count"] >= MIN_ANSWERS and is_number(row["others_ratio"])]
    return QuestionTables(
        everyone=_with_known_change((_QUESTION, _SHARE, _REASON, _CHANGE, _AUTO), _everyone_rows(everyone)),
        teams=_with_known_change(
            (_TEAM, _QUESTION, _SHARE, _OTHERS, _REASON, _CHANGE),
            _team_rows(order_records(keep_first(of_teams, "group", PER_TEAM), "group", "-worst_low")),
        ),
        teams_hidden=tuple(sorted(team for team, size in sizes.items() if size < FEWEST_PEOPLE)),
        agents=_with_known_change(
            (_AGENT, _QUESTION, _SHARE, _OTHERS, _SURE, _REASON, _CHANGE),
            _agent_rows(find_to_coach(of_agents, PER_AGENT), of_pid),
        ),
        pairs_count=len(looked_at),
        pairs_above_count=sum(row["worst_low"] > row["others_ratio"] for row in looked_at),
        absent=_explain_absence(asked, everyone),
    )


def tabulate_own_questions(rows: Records) -> Table:
    """Questions of one agent beside the others, out of `find_to_coach` or `find_strengths`; unsure ones are quiet."""
    return _with_known_change(
        (_QUESTION, _SHARE, _OTHERS, _REASON, _CHANGE),
        (
            Row(
                (_name(row), _share(row), _others(row), _reason(row), _change(row)),
                is_unsure=not row.get("is_above", True),
            )
            for row in rows
        ),
    )


def _with_known_change(headings: tuple[Heading, ...], rows: Iterable[Row]) -> Table:
    """The table, without its column of changes where no row has one."""
    table, index = Table(headings, tuple(rows)), headings.index(_CHANGE)
    is_known = not table.rows or any(row.cells[index].order for row in table.rows)
    return table if is_known else table.without(_CHANGE.label)


def _explain_absence(questions: Records, everyone: Records) -> str:
    if not questions:
        return "There are no scores by question of this day (scores/agent_question)."
    return "" if everyone else "No reviewer has given a scored answer about a person in these 91 days."


def _everyone_rows(rows: Records) -> Iterator[Row]:
    for row in rows:
        yield Row((_name(row), _share(row), _reason(row), _change(row), _auto(row)))


def _team_rows(rows: Records) -> Iterator[Row]:
    for row in rows:
        cells = (words(row["group"]), _name(row), _share(row), _others(row), _reason(row), _change(row))
        yield Row(cells, team=row["group"])


def _agent_rows(rows: Records, agents: Mapping[str, dict[Any, Any]]) -> Iterator[Row]:
    for row in rows:
        agent = agents[row["group"]]
        sure = words("above", "by more than its interval") if row["is_above"] else words("not sure", "may be luck")
        yield Row(
            agent=row["group"],
            team=text_of(agent["team"]),
            channel=text_of(agent["channel_type"]),
            is_unsure=not row["is_above"],
            cells=(
                words(agent["agent_name"], text_of(agent["team"])),
                *(_name(row), _share(row), _others(row), sure, _reason(row), _change(row)),
            ),
        )


def _name(row: dict[Any, Any]) -> Cell:
    return words(text_of(row["question_name"]) or text_of(row["question_pid"]) or "-")


def _share(row: dict[Any, Any]) -> Cell:
    counts = f"{row['worst_count']:,.0f} of {row['scored_count']:,.0f}"
    span = write_percent_span(row["worst_low"], row["worst_high"])
    return write_number(row["worst_ratio"], "{:.0%}", f"{span}\n{counts}")


def _others(row: dict[Any, Any]) -> Cell:
    return write_number(row["others_ratio"], "{:.0%}")


def _reason(row: dict[Any, Any]) -> Cell:
    reason = text_of(row["worst_reason"])
    count = row["worst_reason_count"]
    return words(reason, "once" if count == 1 else f"{count:,.0f} times") if reason else words("-", "none given")


def _change(row: dict[Any, Any]) -> Cell:
    """Shares differ by percentage points, never by percent."""
    if not is_number(row["change"]):
        return Cell("-", "", "too few answers")
    span = write_points_span(row["change_low"], row["change_high"])
    sure = "more often" if row["change_low"] > 0 else "less often" if row["change_high"] < 0 else "not sure"
    return Cell(f"{write_points(row['change'])} points", f"{row['change']:.9g}", f"{span}\n{sure}")


def _auto(row: dict[Any, Any]) -> Cell:
    count = row["auto_count"]
    return write_number(row["auto_ratio"], "{:.0%}", f"n = {count:,.0f}" if is_number(count) else "")
