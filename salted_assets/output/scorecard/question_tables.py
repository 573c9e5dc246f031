"""The scorecard's tables of what goes wrong most: questions of all people, of each team, and to coach each agent on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from salted_assets.output.scorecard.comparison import only_people
from salted_assets.output.scorecard.questions import MIN_ANSWERS, compare_questions, find_to_coach
from salted_assets.output.scorecard.table_cells import (
    Cell,
    Heading,
    Row,
    Table,
    is_number,
    list_records,
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


def build_question_tables(questions: pd.DataFrame, recent: pd.DataFrame, people: pd.DataFrame) -> QuestionTables:
    """The section, from the frames that `compare_questions` takes and the window's rows of people.

    Agents without an engagement in the window count among all people and are not shown by themselves.
    """
    questions = only_people(questions)
    agents = people.drop_duplicates("agent_pid").set_index("agent_pid")
    teams = agents["team"].dropna()
    sizes = teams.value_counts()
    large = teams[teams.map(sizes) >= FEWEST_PEOPLE]
    everyone = compare_questions(questions, recent, dict.fromkeys(questions["agent_pid"], "all"))
    of_teams = compare_questions(questions, recent, dict(zip(large.index, large, strict=True)))
    of_agents = compare_questions(questions, recent, {pid: pid for pid in agents.index})
    looked_at = of_agents[(of_agents["scored_count"] >= MIN_ANSWERS) & of_agents["others_ratio"].notna()]
    return QuestionTables(
        everyone=_with_known_change((_QUESTION, _SHARE, _REASON, _CHANGE, _AUTO), _everyone_rows(everyone)),
        teams=_with_known_change(
            (_TEAM, _QUESTION, _SHARE, _OTHERS, _REASON, _CHANGE),
            _team_rows(of_teams[of_teams["worst_count"] > 0].groupby("group", sort=True).head(PER_TEAM)),
        ),
        teams_hidden=tuple(sorted(sizes.index[sizes < FEWEST_PEOPLE])),
        agents=_with_known_change(
            (_AGENT, _QUESTION, _SHARE, _OTHERS, _SURE, _REASON, _CHANGE),
            _agent_rows(find_to_coach(of_agents, PER_AGENT), agents),
        ),
        pairs_count=len(looked_at),
        pairs_above_count=int((looked_at["worst_low"] > looked_at["others_ratio"]).sum()),
        absent=_explain_absence(questions, everyone),
    )


def tabulate_own_questions(rows: pd.DataFrame) -> Table:
    """Questions of one agent beside the others, out of `find_to_coach` or `find_strengths`; unsure ones are quiet."""
    is_sure = [row.get("is_above", True) for row in list_records(rows)]
    return _with_known_change(
        (_QUESTION, _SHARE, _OTHERS, _REASON, _CHANGE),
        (
            Row((_name(row), _share(row), _others(row), _reason(row), _change(row)), is_unsure=not sure)
            for row, sure in zip(list_records(rows), is_sure, strict=True)
        ),
    )


def _with_known_change(headings: tuple[Heading, ...], rows: Iterable[Row]) -> Table:
    """The table, without its column of changes where no row has one."""
    table, index = Table(headings, tuple(rows)), headings.index(_CHANGE)
    is_known = not table.rows or any(row.cells[index].order for row in table.rows)
    return table if is_known else table.without(_CHANGE.label)


def _explain_absence(questions: pd.DataFrame, everyone: pd.DataFrame) -> str:
    if questions.empty:
        return "There are no scores by question of this day (scores/agent_question)."
    return "" if len(everyone) else "No reviewer has given a scored answer about a person in these 91 days."


def _everyone_rows(rows: pd.DataFrame) -> Iterator[Row]:
    for row in list_records(rows):
        yield Row((_name(row), _share(row), _reason(row), _change(row), _auto(row)))


def _team_rows(rows: pd.DataFrame) -> Iterator[Row]:
    ordered = rows.sort_values(["group", "worst_low"], ascending=[True, False], kind="stable")
    for row in list_records(ordered):
        cells = (words(row["group"]), _name(row), _share(row), _others(row), _reason(row), _change(row))
        yield Row(cells, team=row["group"])


def _agent_rows(rows: pd.DataFrame, agents: pd.DataFrame) -> Iterator[Row]:
    for row in list_records(rows):
        agent = agents.loc[row["group"]]
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
