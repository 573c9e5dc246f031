"""`report/scorecard`: the page for the quality manager."""

import base64
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from salted_assets.defs.asset_checks.reporting import report_outcomes
from salted_assets.defs.asset_checks.scores import build_page_check_spec, check_page
from salted_assets.defs.asset_keys import SCORECARD, score_key
from salted_assets.defs.assets.labels import label_asset
from salted_assets.defs.metadata.recipes import describe_origin, describe_recipe
from salted_assets.defs.page_options import build_page_options
from salted_assets.defs.partitions import build_backfill_policy, build_partitions, days_of
from salted_assets.defs.resources import WarehouseResource
from salted_assets.defs.restatement.score_layout import RESTATED_TAG, WINDOWED, build_inputs
from salted_assets.defs.step_days import materialize_in_turn
from salted_assets.explain.auto_drift import read_drift
from salted_assets.explain.review_plan import LastPlans, PlanProgress
from salted_assets.history import Recipe
from salted_assets.output.scorecard import (
    ScorecardInputs,
    build_scorecard,
    draw_sparkline,
    list_weekly_means,
    open_reader,
    render_page,
)
from salted_assets.output.scorecard.inputs import TREND_DAYS
from salted_assets.output.scorecard.scorecard import PageOptions, SettlementSentences
from salted_assets.output.scorecard.server import scorecard_url
from salted_assets.output.scorecard.team_level import hide_few_in_weeks
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse, report_file

_DESCRIPTION = """\
One page per day: who stands out and whether it is more than luck, over the 28 days that end on the partition's day.

A self-contained HTML file without anything from outside, for a laptop or a phone, light or dark. Click the link in \
the partition's metadata; where there is none (SALTED_REPORTS_URL), open the path beside it, or let `salted reports` \
serve it, or send the file (0.2 MB for 20 agents, 1 MB for 300): it names agents and reviewers, so only to those who \
may see that. Agents are compared by the fair score and its best guess, with the plain figures beside. It shows who \
stands out, the funnel, handle time and AI scores against what the cases let expect, alarms of change, trends of all \
people and of teams, what goes wrong most by question and what to coach whom on, what is new since a week before, pass \
and auto-fail rates, how strict reviewers are, whether they agree, what they did, what to calibrate on, disputes and \
how they ended, what was confirmed of auto reviews, a table that sorts, one filter for \
all of it by team, channel and agent, and the forms and, apart from them, the single answers below {threshold:g} \
(SALTED_LOW_SCORE_THRESHOLD) with links.

`salted backfill` without `--select` and `salted restate` make the pages of the newest days alone \
(SALTED_SCORECARD_DAYS), and again those that are there. `salted reports` makes any other of the scores when it is \
asked for, without storing it; materialize a partition to have it stored.
"""

_PAGE_VERSION = 4
"""Raised when the same scores come to another page: pages of an earlier one are then made again by a backfill."""

_UPSTREAM = (
    *("engagement", "answer", "agent_daily", "agent_segment_daily", "agent_rolling", "fair"),
    *("agent_question", "reviewer_calibration", "auto_reviewer_drift"),
)


def build_scorecard_asset(settings: Settings) -> list[dg.AssetsDefinition]:
    """The asset; none where reviews, or the engagements they are about, are not exported."""
    if not {"engagement", "review"} <= set(settings.datasets):
        return []
    base, options = settings.reports_url, build_page_options(settings)
    threshold, targets = options.low_threshold, options.targets
    given: dict[str, Any] = {"low_score_threshold": threshold, "docs_url": settings.docs_url}
    # pages of before there was the setting show agents
    given |= {} if settings.shows_agents else {"agent_level": settings.agent_level}
    recipe = Recipe.of(_PAGE_VERSION, given | asdict(targets))

    @dg.asset(
        key=SCORECARD,
        deps=[score_key(name) for name in _UPSTREAM],
        partitions_def=build_partitions(settings),
        backfill_policy=build_backfill_policy(settings),
        check_specs=[build_page_check_spec(SCORECARD, build_partitions(settings))],
        **label_asset(settings, "report", "html", **{RESTATED_TAG: WINDOWED}),
        description=_DESCRIPTION.format(threshold=threshold),
        metadata=describe_recipe(recipe) | _link_all(base),
    )
    def scorecard(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        opened = warehouse.open()
        days = days_of(context)
        # asked before anything is read: what is replaced while the pages are made is then not recorded
        inputs_of = build_inputs(context, opened, TREND_DAYS)
        made_of = inputs_of(days)
        shown: dict[date, dict[str, Any]] = {}
        settlement = SettlementSentences(opened, options.settlement_horizon_days)
        plans = LastPlans(opened, options.zone)
        with open_reader(opened, days, low_threshold=threshold, pass_score=targets.pass_score) as read:

            def write(day: date) -> dict[str, Any]:
                origin = describe_origin(made_of[day], recipe)
                plan = plans.find(day) if options.shows_agents else None
                shown[day] = _write_scorecard(opened, read(day), options, settlement.describe(day), plan)
                return _link(base, day) | origin | shown[day]

            yield materialize_in_turn(context, write)
        now = inputs_of(days)
        outcomes = {day: [check_page(shown[day], now[day].differing_from(made_of[day]))] for day in days}
        yield from report_outcomes(context, context.asset_key, outcomes)

    return [scorecard]


def _link_all(base: str) -> dict[str, dg.MetadataValue]:
    """What opens the list of all days where it is served now: the link of a day stays as it was recorded."""
    return {"all_days": dg.MetadataValue.url(f"{base.rstrip('/')}/")} if base else {}


def _link(base: str, day: date) -> dict[str, dg.MetadataValue]:
    """What opens the page by a click, where it is served anywhere: pages of http may not link files."""
    return {"link": dg.MetadataValue.url(scorecard_url(base, day))} if base else {}


def _write_scorecard(
    warehouse: Warehouse, inputs: ScorecardInputs, options: PageOptions, settlement: str, plan: PlanProgress | None
) -> dict[str, Any]:
    """Write the page of the inputs' day; gives what the UI shows of it."""
    day = inputs.end_date
    card = build_scorecard(
        inputs,
        options,
        is_simulated=warehouse.simulated,
        made_at=datetime.now(UTC),
        settlement=settlement,
        auto_drift=read_drift(warehouse, day).sentence,
        plan=plan,
    )
    page = render_page(card).encode()
    trend = _write_trend(warehouse, day, inputs if options.shows_agents else hide_few_in_weeks(inputs, frozenset()))
    # the page last: where it is, what goes with it is there too
    path = report_file(SCORECARD.path, day, f"{SCORECARD.path[-1]}.html")
    warehouse.write_bytes(path, page)
    uri = f"{warehouse.uri}/{path}"
    is_local = not uri.startswith("s3://")
    return {
        "page": dg.MetadataValue.path(uri) if is_local else dg.MetadataValue.text(uri),
        "dagster/uri": uri,
        "file_bytes": len(page),
        "agents": len(card.agents.rows),
        "engagements": int(inputs.centre["engagement_count"].sum()),
        "agents_comparable": sum(not row.is_unsure for row in card.agents.rows),
        "form_evaluations": int(inputs.centre["form_evaluation_count"].sum()),
        "single_answers": int(inputs.centre["single_answer_count"].sum()),
        "evaluations_below_threshold": len(inputs.low_forms),
        "new_since_week_before": len(card.news.table.rows),
        "days_present": card.days_present,
        "simulated": warehouse.simulated,
        **trend,
    }


def _write_trend(warehouse: Warehouse, day: date, inputs: ScorecardInputs) -> dict[str, Any]:
    """The last week's figures of all people, which the UI plots over the partitions, and their line of 13 weeks.

    The line is also written beside the page, for pages elsewhere to show.
    """
    shown: dict[str, Any] = {}
    for name, means in list_weekly_means(inputs).items():
        if means:
            shown[f"week_{name}"] = round(means[-1], 4)
        line = draw_sparkline(means)
        if len(means) > 1:
            data = base64.b64encode(line.encode()).decode()
            shown[f"trend_{name}"] = dg.MetadataValue.md(f"![13 weeks](data:image/svg+xml;base64,{data})")
        # a blank one is written too, so that no line of another time stays
        warehouse.write_bytes(report_file(SCORECARD.path, day, f"trend_{name}.svg"), line.encode())
    return shown
