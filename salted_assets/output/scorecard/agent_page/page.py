"""Everything that the page of an agent shows, built from its inputs, and the page out of it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from salted_assets.explain.review_plan import PlanProgress, find_last_plan
from salted_assets.explain.settlement import Statement, count_seen, read_settlement, write_own_statement
from salted_assets.output.scorecard.agent_page.disclosure import hide_small_groups, label_reviewers
from salted_assets.output.scorecard.agent_page.origin import Origin, OriginInputs, build_origin, read_origin
from salted_assets.output.scorecard.agent_page.people import Person
from salted_assets.output.scorecard.agent_page.questions import OwnQuestions, find_own_questions
from salted_assets.output.scorecard.agent_page.reading import AHT, AgentInputs, read_agent_inputs
from salted_assets.output.scorecard.agent_page.weeks import describe_gaps, plot_weeks, tabulate_weeks
from salted_assets.output.scorecard.channels import write_channel
from salted_assets.output.scorecard.comparison import describe_auto_worth, describe_state, with_sides
from salted_assets.output.scorecard.inputs import CUSTOMER, EVALUATION, HANDLE_TIME, WINDOW_DAYS
from salted_assets.output.scorecard.planned import describe_own, list_own_left
from salted_assets.output.scorecard.plot_sections import PlotSection
from salted_assets.output.scorecard.records import list_records
from salted_assets.output.scorecard.rendering import render
from salted_assets.output.scorecard.scorecard import PageOptions, in_zone
from salted_assets.output.scorecard.table_cells import (
    Table,
    is_number,
    is_true,
    is_web_address,
    text_of,
    write_clock,
    write_minute,
    write_percent,
    write_percent_span,
    write_span,
)
from salted_assets.output.scorecard.tiles import Tile
from salted_assets.schemas.engagement import AI_SCORES
from salted_assets.schemas.scores.fair import FEWEST_IN_GROUP
from salted_assets.warehouse import Warehouse

EVALUATIONS_MAX = 100
_SCORES = ("fair", "shrunk")
_NOTHING_TO_COME = Statement(is_settled=True)


@dataclass(frozen=True)
class Alarm:
    """That evaluations have got better or worse than the agent's own level before, and since when."""

    direction: str
    since: date


@dataclass(frozen=True)
class Answer:
    """An answer of an evaluation that is worth to be read: the question, what was chosen and why."""

    question: str
    answer: str
    reason: str


@dataclass(frozen=True)
class Evaluation:
    """An evaluation by a reviewer: of a form with its worst answers, or a single answer."""

    started: str
    channel: str
    is_single: bool
    score: str
    is_failed_critical: bool
    reviewer: str
    answers: tuple[Answer, ...]
    engagement_pid: str
    link: str | None


@dataclass(frozen=True)
class AgentPage:
    """Everything the page shows. `card_url` leads back to the scorecard, where the page is served beside it."""

    person: Person
    channel: str
    end_date: date
    window_days: int
    is_simulated: bool
    account: str
    zone: str
    made_at: str
    card_url: str | None
    tiles: tuple[Tile, ...]
    summary: tuple[str, ...]
    gaps: tuple[str, ...]
    plots: tuple[PlotSection, ...]
    weeks: Table
    alarms: tuple[Alarm, ...]
    alarm_nearness: str
    questions: OwnQuestions
    ai_below: tuple[str, ...]
    ai_above: tuple[str, ...]
    evaluations: tuple[Evaluation, ...]
    evaluations_count: int
    fewest_in_group: int
    origin: Origin | None
    settlement: str
    planned: str
    planned_left: tuple[tuple[str, str | None], ...]


def make_agent_page(
    warehouse: Warehouse, person: Person, day: date, options: PageOptions, card_url: str | None = None
) -> str:
    """The page of the agent on the day out of the scores, as they are now.

    Raises WarehouseDamaged for a file that cannot be read.
    """
    inputs = read_agent_inputs(warehouse, person.agent_pid, day)
    seen = count_seen(warehouse, "reviewer", day, WINDOW_DAYS)
    page = build_agent_page(
        inputs,
        person,
        options,
        is_simulated=warehouse.simulated,
        card_url=card_url,
        made_at=datetime.now(UTC),
        origin=read_origin(warehouse, person.agent_pid, day, options.zone),
        settlement=read_settlement(warehouse, options.settlement_horizon_days).state("reviewer", seen),
        plan=find_last_plan(warehouse, options.zone, day),
    )
    return render_agent_page(page)


def render_agent_page(page: AgentPage) -> str:
    """The page: every text escaped, plots as inline SVG, styles and script inside."""
    return render("agent_page.html.j2", page=page)


def build_agent_page(
    inputs: AgentInputs,
    person: Person,
    options: PageOptions,
    *,
    is_simulated: bool,
    card_url: str | None = None,
    made_at: datetime | None = None,
    origin: OriginInputs | None = None,
    settlement: Statement = _NOTHING_TO_COME,
    plan: PlanProgress | None = None,
) -> AgentPage:
    """The page of an agent. What is not known is left out, and the page says so.

    `settlement` says how many evaluations by reviewers of all agents are still to come, by default none; of `plan`, the
    last review plan, the agent's own engagements alone are shown.

    Nothing on it tells of another agent, nor of fewer of them than `disclosure` allows. Reviewers are numbers unless
    the options name them.
    """
    zone = ZoneInfo(options.zone)
    newest = inputs.windows[inputs.windows["end_date"] == inputs.end_date]
    rows = {row["measure"]: row for row in with_sides(list_records(hide_small_groups(newest)))}
    alarms = tuple(_list_alarms(inputs.alarms))
    questions = find_own_questions(inputs.questions, inputs.question_answers, inputs.agent_pid)
    evaluation = rows.get(EVALUATION, {})
    is_hidden = bool(newest.loc[newest["measure"] == EVALUATION, "group_count"].between(1, FEWEST_IN_GROUP - 1).any())
    return AgentPage(
        person=person,
        channel=write_channel(evaluation.get("channel_type")),
        end_date=inputs.end_date,
        window_days=WINDOW_DAYS,
        is_simulated=is_simulated,
        account=options.account,
        zone=options.zone,
        made_at=write_minute(made_at.astimezone(zone)) if made_at else "",
        card_url=card_url,
        tiles=tuple(_build_tiles(rows)),
        summary=tuple(_summarize(evaluation, alarms, questions, is_hidden=is_hidden)),
        gaps=tuple(describe_gaps(inputs)),
        plots=tuple(plot_weeks(inputs)),
        weeks=tabulate_weeks(inputs),
        alarms=alarms,
        alarm_nearness=_describe_nearness(inputs),
        questions=questions,
        ai_below=tuple(_list_ai_scores(rows, -1)),
        ai_above=tuple(_list_ai_scores(rows, 1)),
        evaluations=tuple(_build_evaluations(in_zone(inputs.evaluations, zone), by_name=options.name_reviewers)),
        evaluations_count=len(inputs.evaluations),
        fewest_in_group=FEWEST_IN_GROUP,
        origin=None if origin is None else build_origin(origin),
        settlement=_describe_settlement(settlement, evaluation),
        planned=describe_own(plan, person.agent_pid),
        planned_left=tuple(list_own_left(plan, person.agent_pid, zone)),
    )


def _describe_settlement(settlement: Statement, evaluation: dict[Any, Any]) -> str:
    count = evaluation.get("measure_count")
    return write_own_statement(settlement, WINDOW_DAYS, int(count) if count is not None and is_number(count) else 0)


def _build_tiles(rows: dict[str, dict[Any, Any]]) -> Iterator[Tile]:
    evaluation, typical, survey = (rows.get(name, {}) for name in (EVALUATION, HANDLE_TIME, CUSTOMER))
    fair, guess = (
        write_percent_span(*(evaluation.get(f"{name}_{end}") for end in ("low", "high"))) for name in _SCORES
    )
    yield Tile(write_percent(evaluation.get("fair_mean")), "fair QA score", fair and f"95% interval {fair}")
    if worth := describe_auto_worth(evaluation):
        span = write_percent_span(evaluation.get("anchored_low"), evaluation.get("anchored_high"))
        note = f"{span and f'95% interval {span}; '}auto reviews are worth {worth} here"
        yield Tile(write_percent(evaluation["anchored_mean"]), "score corrected by auto reviews", note)
    if is_number(evaluation.get("shrunk_mean")):
        yield Tile(write_percent(evaluation["shrunk_mean"]), "best guess at it", guess and f"95% interval {guess}")
        yield Tile(
            write_percent(evaluation["group_mean"]),
            "colleagues' mean",
            f"{evaluation['group_count']:,.0f} people compared, the agent among them",
        )
    count = evaluation.get("measure_count")
    yield Tile(
        f"{count:,.0f}" if is_number(count) else "0",
        "evaluations by reviewers",
        f"plain mean {write_percent(evaluation['mean'])}" if is_number(evaluation.get("mean")) else "",
    )
    usual = f"typical {write_clock(typical['mean'])}" if is_number(typical.get("mean")) else ""
    ratio = typical.get("ratio_to_expected")
    expected = f"\u00d7 {ratio:.2f} of what the same cases let expect" if is_number(ratio) else ""
    yield Tile(
        write_clock(rows.get(AHT, {}).get("mean")),
        "handle time (AHT), mean",
        "; ".join(filter(None, (usual, expected))),
    )
    surveys = survey.get("measure_count")
    yield Tile(
        write_percent(survey.get("mean")),
        "CSAT, mean of customers' surveys",
        f"{surveys:,.0f} surveys" if is_number(surveys) else "",
    )
    engagements = next(iter(rows.values()), {}).get("engagement_count")
    yield Tile(f"{engagements:,.0f}" if is_number(engagements) else "0", "engagements that count")


def _summarize(
    evaluation: dict[Any, Any], alarms: tuple[Alarm, ...], questions: OwnQuestions, *, is_hidden: bool
) -> Iterator[str]:
    yield _describe_beside(evaluation, is_hidden=is_hidden)
    if alarms:
        yield f"Alarm of change: evaluations {alarms[0].direction} since {alarms[0].since}."
    if is_number(evaluation.get("anchored_count")) and (reason := text_of(evaluation.get("anchored_reason"))):
        yield f"Auto reviews tell nothing here: {reason}."
    if questions.surely_worse:
        yield f"More worst answers than others get, and more than luck explains: {_quoted(questions.surely_worse)}."
    elif questions.to_coach.rows:
        yield "Luck may explain the worst answers to each question; the grey rows say where to listen in."
    if questions.surely_better:
        yield f"Fewer worst answers than others get: {_quoted(questions.surely_better)}."


def _describe_beside(evaluation: dict[Any, Any], *, is_hidden: bool) -> str:
    if not evaluation or not evaluation["measure_count"]:
        return f"No reviewer has evaluated the agent in these {WINDOW_DAYS} days."
    if is_hidden:
        return (
            f"Not shown beside colleagues: fewer than {FEWEST_IN_GROUP} people are compared with each other here, and "
            "a figure of so few would tell of single ones."
        )
    state = describe_state(evaluation)
    if evaluation["side"]:
        return f"{state.capitalize()} the colleagues, more than luck explains."
    if state:
        return (
            f"{state.capitalize()} the colleagues: by the own evaluations, which the best guess, looking at all agents "
            "together, is not sure of."
        )
    if not is_number(evaluation["shrunk_mean"]):
        reason = text_of(evaluation["not_comparable_reason"])
        return f"Not compared with colleagues{f': {reason}' if reason else ''}."
    return "Not known to differ from the colleagues: luck may explain the distance."


def _list_alarms(weeks: pd.DataFrame) -> Iterator[Alarm]:
    """The alarms of these 13 weeks, each once, the newest first."""
    alarmed = weeks.dropna(subset=["change_direction", "change_since"])
    days = pd.to_datetime(alarmed["change_since"]).dt.date
    found = {Alarm(what, since) for what, since in zip(alarmed["change_direction"], days, strict=True)}
    yield from sorted(found, key=lambda alarm: (alarm.since, alarm.direction), reverse=True)


def _describe_nearness(inputs: AgentInputs) -> str:
    newest = inputs.alarms[inputs.alarms["end_date"] == inputs.end_date]["change_statistic"].dropna()
    if newest.empty:
        return ""
    value = float(newest.iloc[0])
    side = "above" if value >= 0 else "below"
    return f"Evaluations since lie {side} the earlier level, {abs(value):.0%} of the way to an alarm."


def _list_ai_scores(rows: dict[str, dict[Any, Any]], side: int) -> Iterator[str]:
    """AI scores in which the agent surely is on this side of what the own cases let expect."""
    for name in AI_SCORES:
        row = rows.get(name, {})
        low, high = (row.get(f"difference_to_expected_{end}", math.nan) for end in ("low", "high"))
        if row.get("side") == side and (low > 0 if side > 0 else high < 0):
            score, count = name.replace("_", " ").capitalize(), f"n = {row['measure_count']:,.0f}"
            difference = f"difference {write_span(low, high, '{:+.2f}')}"
            yield f"{score} {row['mean']:.2f}, expected {row['expected_mean']:.2f} ({difference}, {count})"


def _build_evaluations(rows: pd.DataFrame, *, by_name: bool) -> Iterator[Evaluation]:
    newest = rows.head(EVALUATIONS_MAX)
    reviewers = label_reviewers(newest, by_name=by_name)
    for row, reviewer in zip(list_records(newest), reviewers, strict=True):
        link, is_single = text_of(row["link"]), not row["form"]
        yield Evaluation(
            started=write_minute(row["start_time"]),
            channel=write_channel(row["channel_type"]),
            is_single=is_single,
            score=write_percent(row["score"]),
            is_failed_critical=is_true(row["is_failed_critical"]),
            reviewer=reviewer,
            answers=tuple(
                Answer(*(text_of(answer[name]) for name in ("question", "answer", "reason")))
                for answer in row["answers"]
                if is_single or answer["is_worst"]
            ),
            engagement_pid=row["engagement_pid"],
            # what is not a web address could be a script
            link=link if is_web_address(link) else None,
        )


def _quoted(questions: tuple[str, ...]) -> str:
    return ", ".join(f"\u201c{question}\u201d" for question in questions)
