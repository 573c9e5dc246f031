"""What the scorecard says: the frames of the scores turned into tiles, plots, table rows and plain words.

Here: the choice of figures and how a number is written. Not here: where the frames come from (`gathering`), how a plot
is drawn (`plots`), the layout (`page`).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from salted_assets.output.scorecard.cells import (
    Heading,
    Row,
    Table,
    is_number,
    is_true,
    text_of,
    write_number,
    write_span,
)
from salted_assets.output.scorecard.cells import write_words as words
from salted_assets.output.scorecard.drawing import Picture
from salted_assets.output.scorecard.gathering import EVALUATION, WINDOW_DAYS, Material
from salted_assets.output.scorecard.plots import (
    FunnelLimits,
    plot_caterpillar,
    plot_funnel,
    plot_handle_time,
    plot_leniency,
    plot_team_trends,
    plot_trend,
)
from salted_assets.output.scorecard.reviewers import ROWS_MAX, tabulate_agreement, tabulate_precision
from salted_assets.output.scorecard.trends import (
    FEWEST_PEOPLE,
    TeamTrends,
    sums_of,
    trend_of_minutes,
    trend_of_scores,
    trend_teams,
)
from salted_assets.scoring.stats import fit_funnel, mean_interval, pooled_variance

HANDLE_TIME = "handle_time_geometric_ms"
LOW_EVALUATIONS_MAX = 50
NAMES_MAX = 8
_MS_PER_MINUTE = 60_000


@dataclass(frozen=True)
class Tile:
    """One figure of the whole centre."""

    value: str
    label: str
    interval: str = ""


@dataclass(frozen=True)
class Plot:
    """A plot with its heading and what it means; where there is nothing to draw, `absent` says why."""

    title: str
    words: str
    picture: Picture | None
    absent: str


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
    plots: tuple[Plot, ...]
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


_HEADINGS = (
    Heading("Agent", "Name as recorded on the engagements.", is_text=True),
    Heading("Team", "Team and channel type with most of the agent's engagements.", is_text=True, is_aside=True),
    Heading("Engage\u00adments", "Engagements that count: type Agent, status Completed."),
    Heading(
        "Evalu\u00adations",
        "Completed evaluations by reviewers with a scored answer, and how many it would take to know the score to "
        "+-0.05.",
    ),
    Heading("Score", "Mean evaluation score, 0 to 1, with its 95\u00a0% interval."),
    Heading("Best guess", "The score moved towards the colleagues' mean where little is known, with its interval."),
    Heading("Cor\u00adrected", "Score with the leniency of the agent's reviewers taken off."),
    Heading("Place", "Share of the colleagues of the same channel who are below (percentile), with its interval."),
    Heading("Change", "Change of the score against the 28 days before, with its interval."),
    Heading("Handle time", "Geometric mean in minutes, and how many times what the same cases let expect it is."),
    Heading("Cus\u00adtomers", "Mean survey score, 0 to 1, and its number of surveys."),
    Heading("Compare?", "Whether the score can be compared, else why not, and its reliability.", is_text=True),
)


_TEAMS = (
    "A team is the people who worked mostly in it that week. The dashed line is all people together: where a team "
    "moves with it, the reason is hardly in the team. Weeks with fewer than "
    f"{FEWEST_PEOPLE} people are left out: they would show single people, not a team."
)


def build_scorecard(material: Material, *, low_threshold: float, is_simulated: bool) -> Scorecard:
    """The scorecard of the material's end day. Without any engagement it has no row and says so in its tiles."""
    window = material.rolling[material.rolling["window_days"] == WINDOW_DAYS]
    people = window[~window["is_bot"].fillna(value=False).astype(bool)]
    by_measure = {str(name): rows for name, rows in people.groupby("measure", observed=True)}
    evaluation = by_measure.get(EVALUATION, people.head(0))
    rows = tuple(_build_rows(people, by_measure))
    agreement, agreement_unknown = tabulate_agreement(material.calibration)
    return Scorecard(
        end_date=material.end_date,
        window_days=WINDOW_DAYS,
        days_present=material.days_present,
        is_simulated=is_simulated,
        tiles=_build_tiles(material, people, len(rows)),
        plots=(
            *_build_plots(material, evaluation, by_measure.get(HANDLE_TIME, people.head(0))),
            *_build_trends(material),
        ),
        agents=Table(_HEADINGS, rows),
        teams=tuple(sorted({row.team for row in rows if row.team})),
        agreement=agreement,
        agreement_unknown=agreement_unknown,
        precision=tabulate_precision(material.calibration),
        rows_max=ROWS_MAX,
        low_threshold=f"{low_threshold:g}",
        low_evaluations=tuple(_build_low_evaluations(material.low_evaluations)),
        low_evaluations_max=LOW_EVALUATIONS_MAX,
    )


def list_weekly_means(material: Material) -> dict[str, list[float]]:
    """All people's figures week by week, weeks without any left out: evaluation score and handle time in minutes."""
    weeks = material.weeks
    return {
        "evaluation_score": [point.mean for point in trend_of_scores(weeks)],
        "handle_time_minutes": [point.mean for point in trend_of_minutes(weeks)],
    }


def _build_tiles(material: Material, people: pd.DataFrame, agent_count: int) -> tuple[Tile, ...]:
    agents = people.drop_duplicates("agent_pid")
    engagements = int(agents["engagement_count"].sum())
    centre = material.centre
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


def _build_plots(material: Material, evaluation: pd.DataFrame, handle_time: pd.DataFrame) -> Iterator[Plot]:
    scored = evaluation.dropna(subset=["mean"])
    shrunk = evaluation.dropna(subset=["shrunk_mean", "shrunk_low", "shrunk_high"])
    compared = handle_time.dropna(subset=["mean", "expected_mean"])
    yield Plot(
        "Who stands out",
        "The point is the best guess at how an agent works, the line how far off it may be, the tick the mean of the "
        "colleagues in the same channel. Where the line crosses its tick, the agent cannot be told from them.",
        plot_caterpillar(shrunk) if len(shrunk) else None,
        "Nobody is compared yet: fewer than 5 people have enough evaluations.",
    )
    yield Plot(
        "Is it more than luck?",
        "The fewer evaluations, the more a mean is luck. Inside the shaded funnel luck alone explains it (95\u00a0%). "
        "Outside the dashed lines an agent differs by more than luck and more than agents usually do (99.8\u00a0%): "
        "look there first, at the top as much as at the bottom.",
        plot_funnel(scored, _limits_of(scored, material.by_agent)) if len(scored) else None,
        "There is no evaluation by a reviewer in these days.",
    )
    yield Plot(
        "Handle time for the same cases",
        "On the line an agent takes as long as others do in the same channel, queue and language; above it longer. The "
        "band is 10\u00a0% around it.",
        plot_handle_time(compared) if len(compared) else None,
        "There are too few engagements to say what to expect.",
    )
    yield Plot(
        "Who is strict, who is lenient",
        "Each point is a reviewer: right of 0 scores higher than the usual reviewer does for the same agents and "
        "questions, left of it lower, over 91 days. Far from 0: calibrate before anyone is coached on it.",
        plot_leniency(material.leniency) if len(material.leniency) else None,
        "Nobody stands out: reviewers have scored too few of the same agents on the same questions, or differ by no "
        "more than chance.",
    )


def _build_trends(material: Material) -> Iterator[Plot]:
    for name, title, label, trend in (
        ("evaluation", "Score by week", "mean score (0 to 1)", trend_of_scores),
        ("handle-time", "Handle time by week", "minutes (geometric mean)", trend_of_minutes),
    ):
        everyone = trend(material.weeks)
        yield Plot(
            title,
            "All people together, in weeks that end on this day's weekday; the band is the 95\u00a0% interval. "
            "Nothing says that two weeks differ while the point of one lies in the band of the other.",
            plot_trend(name, label, everyone) if len(everyone) > 1 else None,
            "There are not two weeks yet.",
        )
        teams = trend_teams(material, trend)
        yield Plot(
            f"{title}, team by team",
            f"{_TEAMS if name == 'evaluation' else 'Teams and lines as for the score.'} {_left_out(teams)}".strip(),
            plot_team_trends(name, label, teams.shown, everyone) if teams.shown else None,
            f"No team has had {FEWEST_PEOPLE} people or more in two weeks.",
        )


def _left_out(teams: TeamTrends) -> str:
    """Which teams are not drawn, and why; nothing where all are."""
    said = []
    if teams.small:
        said.append(f"Too small in all weeks: {_list(teams.small)}.")
    if teams.further:
        said.append(f"Only the {len(teams.shown)} largest are drawn, not {_list(teams.further)}.")
    return " ".join(said)


def _list(names: Sequence[str]) -> str:
    """The names, a few of them where there are many."""
    shown, rest = names[:NAMES_MAX], len(names) - NAMES_MAX
    return f"{', '.join(shown)} and {rest} more" if rest > 0 else ", ".join(shown)


def _build_rows(people: pd.DataFrame, by_measure: dict[str, pd.DataFrame]) -> Iterator[Row]:
    of_agent = {name: rows.set_index("agent_pid").to_dict("index") for name, rows in by_measure.items()}
    agents = people.drop_duplicates("agent_pid").sort_values(["agent_name", "agent_pid"], kind="stable")
    for agent in agents.to_dict("records"):
        pid = agent["agent_pid"]
        evaluation: dict[Any, Any] = of_agent.get(EVALUATION, {}).get(pid, {})
        handle_time: dict[Any, Any] = of_agent.get(HANDLE_TIME, {}).get(pid, {})
        survey: dict[Any, Any] = of_agent.get("evaluation_customer", {}).get(pid, {})
        is_reliable = is_true(evaluation.get("is_reliable"))
        reason = "yes" if is_reliable else text_of(evaluation.get("unreliable_reason")) or "no evaluation"
        yield Row(
            team=text_of(agent["team"]),
            is_unsure=not is_reliable,
            cells=(
                words(text_of(agent["agent_name"]) or pid),
                words(text_of(agent["team"]), text_of(agent["channel_type"]).capitalize()),
                write_number(agent["engagement_count"], "{:,.0f}"),
                write_number(evaluation.get("measure_count", 0), "{:,.0f}", _needed_note(evaluation)),
                write_number(evaluation.get("mean"), "{:.2f}", _span(evaluation, "mean", "{:.2f}")),
                write_number(evaluation.get("shrunk_mean"), "{:.2f}", _span(evaluation, "shrunk", "{:.2f}")),
                write_number(evaluation.get("leniency_corrected_mean"), "{:.2f}"),
                write_number(
                    evaluation.get("percentile"),
                    "{:.0%}",
                    _span(evaluation, "percentile", "{:.0%}"),
                ),
                write_number(evaluation.get("trend"), "{:+.2f}", _span(evaluation, "trend", "{:+.2f}")),
                write_number(
                    _minutes(handle_time.get("mean")), "{:.1f}", _ratio_note(handle_time.get("ratio_to_expected"))
                ),
                write_number(survey.get("mean"), "{:.2f}", f"n = {survey['measure_count']:.0f}" if survey else ""),
                words(reason, _reliability_note(evaluation)),
            ),
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


def _limits_of(scored: pd.DataFrame, spread: pd.DataFrame) -> FunnelLimits | None:
    """The funnel around the agents' means; None where chance cannot be told from their evaluations."""
    one_group = np.zeros(len(spread), np.int64)
    within, _ = pooled_variance(*sums_of(spread, EVALUATION), one_group)
    funnel = fit_funnel(scored["measure_count"].to_numpy(float), scored["mean"].to_numpy(float), float(within[0]))
    if not math.isfinite(funnel.target):
        return None
    counts = np.linspace(1, float(scored["measure_count"].max()) * 1.05, 80)
    chance, _ = replace(funnel, between_variance=0.0).limits(counts)
    _, usual = funnel.limits(counts)
    return FunnelLimits(funnel.target, counts, (chance.low, chance.high), (usual.low, usual.high))


def _mean_with_interval(centre: pd.DataFrame, name: str) -> tuple[float, float, float]:
    mean, low, high = mean_interval(*(part.sum() for part in sums_of(centre, name)))
    return float(mean), float(low), float(high)


def _geometric_minutes(centre: pd.DataFrame) -> str:
    count, total, _ = (part.sum() for part in sums_of(centre, "handle_time_log"))
    return f"{math.exp(total / count) / _MS_PER_MINUTE:.1f}" if count else "-"


def _span(row: dict[Any, Any], name: str, form: str) -> str:
    return write_span(row.get(f"{name}_low"), row.get(f"{name}_high"), form)


def _minutes(value: Any) -> float | None:
    return value / _MS_PER_MINUTE if is_number(value) else None


def _needed_note(evaluation: dict[Any, Any]) -> str:
    needed = evaluation.get("evaluations_needed_count")
    return f"of {needed:,.0f} needed" if is_number(needed) else ""


def _reliability_note(evaluation: dict[Any, Any]) -> str:
    reliability = evaluation.get("reliability_ratio")
    return f"reliability {reliability:.2f}" if is_number(reliability) else ""


def _ratio_note(ratio: Any) -> str:
    return f"\u00d7 {ratio:.2f}" if is_number(ratio) else ""


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
