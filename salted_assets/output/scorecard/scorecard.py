"""Everything that a day's scorecard shows, built from its inputs: tiles, plots, tables; and the page out of it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pandas as pd

from salted_assets.output.scorecard.agent_table import tabulate_agents
from salted_assets.output.scorecard.inputs import EVALUATION, HANDLE_TIME, WINDOW_DAYS, ScorecardInputs
from salted_assets.output.scorecard.plot_sections import PlotSection, build_plots, build_trends
from salted_assets.output.scorecard.reviewer_tables import ROWS_MAX, tabulate_agreement, tabulate_precision
from salted_assets.output.scorecard.table_cells import Table, text_of
from salted_assets.output.scorecard.trends import sums_of, trend_of_minutes, trend_of_scores
from salted_assets.scoring.stats import mean_interval

LOW_EVALUATIONS_MAX = 50
_MS_PER_MINUTE = 60_000


@dataclass(frozen=True)
class Tile:
    """One figure of the whole centre."""

    value: str
    label: str
    interval: str = ""


@dataclass(frozen=True)
class LowEvaluation:
    """An engagement whose evaluation by a reviewer is below the threshold."""

    agent_name: str
    team: str
    started: str
    score: str
    engagement_pid: str
    link: str | None


@dataclass(frozen=True)
class Scorecard:
    """Everything the page shows."""

    end_date: date
    window_days: int
    days_present: int
    is_simulated: bool
    tiles: tuple[Tile, ...]
    plots: tuple[PlotSection, ...]
    agents: Table
    teams: tuple[str, ...]
    agreement: Table
    agreement_unknown: int
    precision: Table
    rows_max: int
    low_threshold: str
    low_evaluations: tuple[LowEvaluation, ...]
    low_evaluations_max: int

    @property
    def is_young(self) -> bool:
        """Whether the window is not filled yet."""
        return self.days_present < self.window_days


def build_scorecard(inputs: ScorecardInputs, *, low_threshold: float, is_simulated: bool) -> Scorecard:
    """The scorecard of the inputs' end day. Without any engagement it has no row and says so in its tiles."""
    window = inputs.rolling[inputs.rolling["window_days"] == WINDOW_DAYS]
    people = window[~window["is_bot"].fillna(value=False).astype(bool)]
    people = people.assign(agent_name=people["agent_name"].fillna(people["agent_pid"]))
    by_measure = {str(name): rows for name, rows in people.groupby("measure", observed=True)}
    evaluation = by_measure.get(EVALUATION, people.head(0))
    agents = tabulate_agents(people, by_measure)
    agreement, agreement_unknown = tabulate_agreement(inputs.calibration)
    return Scorecard(
        end_date=inputs.end_date,
        window_days=WINDOW_DAYS,
        days_present=inputs.days_present,
        is_simulated=is_simulated,
        tiles=_build_tiles(inputs, people, len(agents.rows)),
        plots=(
            *build_plots(inputs, evaluation, by_measure.get(HANDLE_TIME, people.head(0))),
            *build_trends(inputs),
        ),
        agents=agents,
        teams=tuple(sorted({row.team for row in agents.rows if row.team})),
        agreement=agreement,
        agreement_unknown=agreement_unknown,
        precision=tabulate_precision(inputs.calibration),
        rows_max=ROWS_MAX,
        low_threshold=f"{low_threshold:g}",
        low_evaluations=tuple(_build_low_evaluations(inputs.low_evaluations)),
        low_evaluations_max=LOW_EVALUATIONS_MAX,
    )


def list_weekly_means(inputs: ScorecardInputs) -> dict[str, list[float]]:
    """All people's figures week by week, weeks without any left out: evaluation score and handle time in minutes."""
    weeks = inputs.weeks
    return {
        "evaluation_score": [point.mean for point in trend_of_scores(weeks)],
        "handle_time_minutes": [point.mean for point in trend_of_minutes(weeks)],
    }


def _build_tiles(inputs: ScorecardInputs, people: pd.DataFrame, agent_count: int) -> tuple[Tile, ...]:
    agents = people.drop_duplicates("agent_pid")
    engagements = int(agents["engagement_count"].sum())
    centre = inputs.centre
    mean, low, high = _mean_with_interval(centre, EVALUATION)
    score = f"{mean:.2f}" if math.isfinite(mean) else "-"
    span = f"95\u00a0% interval {low:.2f} to {high:.2f}" if math.isfinite(low) else ""
    minutes = _geometric_minutes(centre)
    evaluated = int(centre[f"{EVALUATION}_engagement_count"].sum())
    coverage = f"{evaluated / engagements:.1%}" if engagements else "-"
    return (
        Tile(f"{agent_count:,}", "agents (people) with engagements"),
        Tile(f"{engagements:,}", "engagements that count"),
        Tile(f"{int(centre[f'{EVALUATION}_count'].sum()):,}", "evaluations by reviewers"),
        Tile(coverage, "of engagements evaluated by reviewers"),
        Tile(score, "mean evaluation score, 0 to 1", span),
        Tile(minutes, "handle time in minutes, geometric mean"),
    )


def _build_low_evaluations(rows: pd.DataFrame) -> Iterator[LowEvaluation]:
    for row in rows.head(LOW_EVALUATIONS_MAX).to_dict("records"):
        link = text_of(row["link"])
        yield LowEvaluation(
            agent_name=text_of(row["agent_name"]) or row["agent_pid"],
            team=text_of(row["team"]),
            started=f"{row['start_time']:%Y-%m-%d %H:%M}",
            score=f"{row[f'{EVALUATION}_mean']:.2f}",
            engagement_pid=row["engagement_pid"],
            # what is not a web address could be a script
            link=link if link.startswith(("https://", "http://")) else None,
        )


def _mean_with_interval(centre: pd.DataFrame, name: str) -> tuple[float, float, float]:
    mean, low, high = mean_interval(*(part.sum() for part in sums_of(centre, name)))
    return float(mean), float(low), float(high)


def _geometric_minutes(centre: pd.DataFrame) -> str:
    count, total, _ = (part.sum() for part in sums_of(centre, "handle_time_log"))
    return f"{math.exp(total / count) / _MS_PER_MINUTE:.1f}" if count else "-"


def render_page(card: Scorecard) -> str:
    """The page: every text escaped, plots as inline SVG, styles and script inside."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - only a report needs it

    environment = Environment(
        loader=PackageLoader("salted_assets.output.scorecard", package_path="."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("scorecard.html.j2").render(card=card)
