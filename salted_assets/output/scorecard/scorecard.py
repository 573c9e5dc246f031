"""Everything that a day's scorecard shows, built from its inputs: tiles, plots, tables; and the page out of it."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from salted_assets.explain.auto_drift import read_drift
from salted_assets.explain.review_plan import PlanProgress, find_last_plan
from salted_assets.explain.settlement import (
    STATED_DAYS,
    SeenEvaluations,
    StoredSettlement,
    read_settlement,
    write_statement,
)
from salted_assets.output.scorecard.agent_table import tabulate_agents
from salted_assets.output.scorecard.card_list import write_day
from salted_assets.output.scorecard.channels import with_channels
from salted_assets.output.scorecard.comparison import only_people, with_sides
from salted_assets.output.scorecard.disputes import Disputes, build_disputes
from salted_assets.output.scorecard.expected_table import tabulate_ai_scores
from salted_assets.output.scorecard.far_apart import find_far_apart, tabulate_far_apart
from salted_assets.output.scorecard.inputs import (
    ALARM_DAYS,
    CUSTOMER,
    EVALUATION,
    HANDLE_TIME,
    WINDOW_DAYS,
    ScorecardInputs,
)
from salted_assets.output.scorecard.low_evaluations import tabulate_low_forms, tabulate_low_singles
from salted_assets.output.scorecard.measure_trends import build_measure_trends
from salted_assets.output.scorecard.names import build_agent_names, with_agent_names
from salted_assets.output.scorecard.news import SINCE, News, build_news
from salted_assets.output.scorecard.page_filter import FilterChoices, build_filter
from salted_assets.output.scorecard.pass_rates import PassRates, build_pass_rates
from salted_assets.output.scorecard.planned import Planned, build_planned
from salted_assets.output.scorecard.plot_sections import PlotSection, build_plots, build_trends
from salted_assets.output.scorecard.question_tables import QuestionTables, build_question_tables
from salted_assets.output.scorecard.reading import read_inputs
from salted_assets.output.scorecard.records import Records, keep_first, keep_known, list_records
from salted_assets.output.scorecard.rendering import render
from salted_assets.output.scorecard.restated import Restated, build_restated
from salted_assets.output.scorecard.reviewer_tables import ROWS_MAX, tabulate_agreement, tabulate_precision
from salted_assets.output.scorecard.reviewer_work import tabulate_work
from salted_assets.output.scorecard.summary import summarize
from salted_assets.output.scorecard.table_cells import Table, is_web_address, write_minute, write_percent
from salted_assets.output.scorecard.targets import Targets
from salted_assets.output.scorecard.team_level import (
    hide_few,
    hide_few_in_weeks,
    keep_pictures,
    keep_rows,
    keep_scopes,
    list_shown_teams,
)
from salted_assets.output.scorecard.tiles import AGENTS_SCORE, CUSTOMERS_SCORE, Scope, build_scopes
from salted_assets.output.scorecard.trends import FEWEST_PEOPLE, trend_of_minutes, trend_of_scores
from salted_assets.scoring.stats.agreement import FEWEST_PAIRS_TO_LIST
from salted_assets.warehouse import Warehouse

_NO_TARGETS = Targets()
_DOCS = "docs/scores.md"
_SOURCE = "reviewer"


@dataclass(frozen=True)
class PageOptions:
    """What settings say of pages.

    Below which score the scorecard lists an evaluation, where documentation can be opened, the account that a page is
    about, the time zone whose calendar day is a day, what the account has set out to reach, whether an agent's page
    names reviewers, whether single people are shown at all, and the age in days at which a day's evaluations count as
    complete.
    """

    low_threshold: float
    docs_url: str = ""
    account: str = ""
    zone: str = "UTC"
    targets: Targets = _NO_TARGETS
    name_reviewers: bool = False
    shows_agents: bool = True
    settlement_horizon_days: int = 14


@dataclass(frozen=True)
class Scorecard:
    """Everything the page shows."""

    end_date: date
    window_days: int
    days_present: int
    is_simulated: bool
    account: str
    zone: str
    made_at: str
    docs_link: str | None
    scopes: tuple[Scope, ...]
    summary: tuple[str, ...]
    plots: tuple[PlotSection, ...]
    agents: Table
    filter: FilterChoices
    news: News
    restated: Restated
    questions: QuestionTables
    pass_rates: PassRates
    targets: Targets
    far_apart: Table
    far_apart_count: int
    twice_scored_count: int
    work: Table
    disputes: Disputes
    people_min: int
    ai_scores: Table
    ai_scores_apart_count: int
    ai_scores_count: int
    agreement: Table
    agreement_unknown: int
    precision: Table
    rows_max: int
    pairs_min: int
    low_threshold: str
    low_forms: Table
    low_forms_count: int
    low_singles: Table
    low_singles_count: int
    shows_agents: bool
    people_count: int
    settlement: str
    auto_drift: str
    planned: Planned

    @property
    def scope_records(self) -> list[list[Any]]:
        """The tiles of what may be chosen, as the page's script reads them: team, channel, agent, tiles."""
        return [
            [*(getattr(scope.about, name) for name in ("team", "channel", "agent")), list(map(astuple, scope.tiles))]
            for scope in self.scopes
        ]

    @property
    def end_date_words(self) -> str:
        """The end day with its weekday."""
        return write_day(self.end_date)

    @property
    def is_young(self) -> bool:
        """Whether the window is not filled yet."""
        return self.days_present < self.window_days


def build_scorecard(
    inputs: ScorecardInputs,
    options: PageOptions,
    *,
    is_simulated: bool,
    made_at: datetime | None = None,
    settlement: str = "",
    auto_drift: str = "",
    plan: PlanProgress | None = None,
) -> Scorecard:
    """The scorecard of the inputs' end day. Without any engagement it has no row and says so in its tiles.

    `settlement` is what `SettlementSentences` say, which is of when the page is made and no part of its scores, and
    `auto_drift` what `scores/auto_reviewer_drift` says of the day; `plan` is the last review plan as far as it is.
    Where no setting says where documentation can be opened, the server of the page links its own; `made_at` is the time
    that it says it was made at.
    """
    low_threshold, zone = options.low_threshold, ZoneInfo(options.zone)
    rolling = _list_people(inputs.rolling)
    low_forms, low_singles, pairs = (
        with_channels(list_records(in_zone(rows, zone)))
        for rows in (inputs.low_forms, inputs.low_singles, inputs.far_apart)
    )
    disputes = None if inputs.disputes is None else with_channels(list_records(inputs.disputes))
    names = build_agent_names(rolling, low_forms, low_singles, pairs, disputes or [])
    low_forms, low_singles, pairs = (with_agent_names(rows, names) for rows in (low_forms, low_singles, pairs))
    disputes = None if disputes is None else with_agent_names(disputes, names)
    rolling = with_sides(with_agent_names(rolling, names))
    people = [row for row in rolling if row["window_days"] == WINDOW_DAYS]
    evaluation = [row for row in people if row["measure"] == EVALUATION]
    handle_time = [row for row in people if row["measure"] == HANDLE_TIME]
    of_agents = keep_first(people, "agent_pid")
    teams = {row["agent_pid"]: row["team"] for row in keep_known(of_agents, ["team"])}
    before = _list_people(inputs.before)
    alarms = find_alarms(rolling)
    by_agent, calibration = list_records(inputs.by_agent), list_records(inputs.calibration)
    agents = tabulate_agents(people, by_agent, alarms)
    far_apart = find_far_apart(pairs)
    agreement, agreement_unknown = tabulate_agreement(calibration)
    ai_scores, ai_scores_apart_count, ai_scores_count = tabulate_ai_scores(people)
    low_form_rows, low_single_rows = tabulate_low_forms(low_forms), tabulate_low_singles(low_singles)
    apart, disputed = tabulate_far_apart(far_apart), build_disputes(disputes)
    card = Scorecard(
        end_date=inputs.end_date,
        window_days=WINDOW_DAYS,
        days_present=inputs.days_present,
        is_simulated=is_simulated,
        account=options.account,
        zone=options.zone,
        made_at=write_minute(made_at.astimezone(zone)) if made_at else "",
        docs_link=f"{options.docs_url}/{_DOCS}" if is_web_address(options.docs_url) else None,
        scopes=build_scopes(people, by_agent),
        summary=tuple(summarize(evaluation, alarms, len(agents.rows))),
        plots=(
            *build_plots(evaluation, handle_time, list_records(inputs.leniency)),
            *build_trends(inputs),
            build_measure_trends(list_records(inputs.weeks), list_records(inputs.resolutions)),
        ),
        agents=agents,
        filter=build_filter(people, [low_form_rows, low_single_rows, apart, disputed.open]),
        news=build_news(inputs.end_date, evaluation, alarms, *_split_before(before)),
        restated=build_restated(inputs.end_date - SINCE, inputs.restated, _index_people(names, before, evaluation)),
        pass_rates=build_pass_rates(list_records(inputs.outcomes), teams, options.targets),
        targets=options.targets,
        far_apart=apart,
        far_apart_count=len(far_apart),
        twice_scored_count=len({row["engagement_pid"] for row in pairs}),
        work=tabulate_work(inputs.work, options.targets.weekly_evaluations),
        disputes=disputed,
        questions=build_question_tables(inputs.questions, inputs.question_answers, of_agents),
        people_min=FEWEST_PEOPLE,
        ai_scores=ai_scores,
        ai_scores_apart_count=ai_scores_apart_count,
        ai_scores_count=ai_scores_count,
        agreement=agreement,
        agreement_unknown=agreement_unknown,
        precision=tabulate_precision(calibration),
        rows_max=ROWS_MAX,
        pairs_min=FEWEST_PAIRS_TO_LIST,
        low_threshold=write_percent(low_threshold),
        low_forms=low_form_rows,
        low_forms_count=len(low_forms),
        low_singles=low_single_rows,
        low_singles_count=len(low_singles),
        shows_agents=options.shows_agents,
        people_count=len(of_agents),
        settlement=settlement,
        auto_drift=auto_drift,
        planned=build_planned(plan if options.shows_agents else None, names, zone),
    )
    return card if options.shows_agents else _keep_teams(card, inputs, people, teams)


def _list_people(rolling: pd.DataFrame) -> Records:
    """The rows of people, each type of channel in one spelling."""
    return with_channels(list_records(only_people(rolling)))


def _keep_teams(card: Scorecard, inputs: ScorecardInputs, people: Records, team_of: Mapping[str, str]) -> Scorecard:
    """The card with nothing of single people in what its page and `csv_tables` show."""
    is_group = card.people_count >= card.people_min
    shown = list_shown_teams(team_of.values(), card.people_count)
    rated = inputs.outcomes.loc[inputs.outcomes["random_count"] > 0, "agent_pid"].tolist()
    scopes = keep_scopes(card.scopes, shown)
    for label, measure, column in ((AGENTS_SCORE, EVALUATION, "fair_mean"), (CUSTOMERS_SCORE, CUSTOMER, "mean")):
        known = [row["agent_pid"] for row in keep_known(people, [column]) if row["measure"] == measure]
        scopes = hide_few(scopes, label, [team_of.get(pid) for pid in known])
    return replace(
        card,
        scopes=scopes,
        plots=keep_pictures(build_trends(hide_few_in_weeks(inputs, shown)), shown),
        questions=replace(
            card.questions,
            everyone=keep_rows(card.questions.everyone, shown, is_group=is_group),
            teams=keep_rows(card.questions.teams, shown, is_group=is_group),
        ),
        pass_rates=replace(
            card.pass_rates,
            table=keep_rows(
                card.pass_rates.table,
                shown & list_shown_teams(map(team_of.get, rated), len(rated)),
                is_group=is_group and len(rated) >= card.people_min,
            ),
        ),
    )


def _index_people(names: Mapping[str, str], before: Records, evaluation: Records) -> dict[str, dict[Any, Any]]:
    """Who the people of this card and the card before are, by agent; called as this card does."""
    rows = (*before, *evaluation)
    return {row["agent_pid"]: row | {"agent_name": names.get(row["agent_pid"]) or row["agent_name"]} for row in rows}


def _split_before(before: Records) -> tuple[Records, dict[str, tuple[str, date]]]:
    """The rows of the reviewers' evaluations of the card before, `with_sides`, and its alarms."""
    return with_sides([row for row in before if row["window_days"] == WINDOW_DAYS]), find_alarms(before)


def find_alarms(rolling: Records) -> dict[str, tuple[str, date]]:
    """By agent the direction of the alarm of change and the day since when, from the rows of seven days."""
    return {
        row["agent_pid"]: (row["change_direction"], row["change_since"])
        for row in keep_known(rolling, ("change_direction", "change_since"))
        if row["window_days"] == ALARM_DAYS and row["measure"] == EVALUATION
    }


def list_weekly_means(inputs: ScorecardInputs) -> dict[str, list[float]]:
    """All people's figures week by week, weeks without any left out: evaluation score and handle time in minutes."""
    weeks = list_records(inputs.weeks)
    return {
        "evaluation_score": [point.mean for point in trend_of_scores(weeks)],
        "handle_time_minutes": [point.mean for point in trend_of_minutes(weeks)],
    }


def in_zone(rows: pd.DataFrame, zone: ZoneInfo) -> pd.DataFrame:
    """The rows with their `start_time` in the zone."""
    return rows.assign(start_time=pd.to_datetime(rows["start_time"], utc=True).dt.tz_convert(zone))


def render_page(card: Scorecard) -> str:
    """The page: every text escaped, plots as inline SVG, styles and script inside."""
    return render("scorecard.html.j2" if card.shows_agents else "team_scorecard.html.j2", card=card)


def make_card(warehouse: Warehouse, day: date, options: PageOptions) -> Scorecard:
    """The scorecard of a day out of its scores, as they are now."""
    inputs = read_inputs(warehouse, day, low_threshold=options.low_threshold, pass_score=options.targets.pass_score)
    settlement = SettlementSentences(warehouse, options.settlement_horizon_days).describe(day)
    return build_scorecard(
        inputs,
        options,
        is_simulated=warehouse.simulated,
        made_at=datetime.now(UTC),
        settlement=settlement,
        auto_drift=read_drift(warehouse, day).sentence,
        plan=find_last_plan(warehouse, options.zone, day),
    )


class SettlementSentences:
    """How many reviewer evaluations of a day's last seven are still to come, as far as is known now, in a sentence.

    What sentences of several days share is read once. Raises WarehouseDamaged for a file that cannot be read.
    """

    def __init__(self, warehouse: Warehouse, horizon: int) -> None:
        self._warehouse, self._horizon = warehouse, horizon
        self._seen = SeenEvaluations(warehouse, _SOURCE)

    def describe(self, day: date) -> str:
        """The sentence of one day."""
        statement = self._stored.state(_SOURCE, self._seen.count(day, STATED_DAYS))
        return write_statement(statement, _SOURCE, STATED_DAYS)

    @cached_property
    def _stored(self) -> StoredSettlement:
        return read_settlement(self._warehouse, self._horizon)


def make_page(warehouse: Warehouse, day: date, options: PageOptions) -> str:
    """The page of a day out of its scores, as they are now."""
    return render_page(make_card(warehouse, day, options))
