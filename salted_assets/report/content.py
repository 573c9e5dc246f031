"""What the scorecard says: the frames of the scores turned into tiles, plots, table rows and plain words.

Here: the choice of figures and how a number is written. Not here: where the frames come from (`gathering`), how a plot
is drawn (`plots`), the layout (`page`).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from salted_assets.report.drawing import Picture
from salted_assets.report.gathering import WINDOW_DAYS, Material
from salted_assets.report.plots import (
    FunnelLimits,
    TrendPoint,
    plot_caterpillar,
    plot_funnel,
    plot_handle_time,
    plot_leniency,
    plot_trend,
)
from salted_assets.statistics import Interval, fit_funnel, geometric_mean_interval, mean_interval, pooled_variance

EVALUATION = "evaluation_reviewer"
HANDLE_TIME = "handle_time_geometric_ms"
LOW_EVALUATIONS_MAX = 50
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
class Heading:
    """A column of the table of agents."""

    label: str
    words: str
    is_text: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell: what is read, what is written small below, and what it sorts by (empty: last)."""

    text: str
    order: str
    note: str = ""
    is_text: bool = False


@dataclass(frozen=True)
class Row:
    """An agent's row."""

    team: str
    is_reliable: bool
    cells: tuple[Cell, ...]


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
    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]
    teams: tuple[str, ...]
    low_threshold: str
    low_evaluations: tuple[LowEvaluation, ...]
    low_evaluations_max: int

    @property
    def is_young(self) -> bool:
        """Whether the window is not filled yet."""
        return self.days_present < self.window_days


_HEADINGS = (
    Heading("Agent", "Name as recorded on the engagements.", is_text=True),
    Heading("Team", "Team and channel type with most of the agent's engagements.", is_text=True),
    Heading("Engage\u00adments", "Engagements that count: type Agent, status Completed."),
    Heading(
        "Evalu\u00adations",
        "Completed evaluations by reviewers with a scored answer, and how many it would take to know the score to "
        "+-0.05.",
    ),
    Heading("Score", "Mean evaluation score, 0 to 1, with its 95 % interval."),
    Heading("Shrunk", "The better guess, pulled towards the peers where there is little; with its interval."),
    Heading("Cor\u00adrected", "Score with the leniency of the agent's reviewers taken off."),
    Heading("Per\u00adcentile", "Among people of the same channel, with its interval."),
    Heading("Trend", "Change of the score against the window before, with its interval."),
    Heading("Handle time", "Geometric mean in minutes, and how many times what the same cases let expect it is."),
    Heading("Cus\u00adtomers", "Mean survey score, 0 to 1, and its number of surveys."),
    Heading("Trust it?", "Whether the score can be compared, else why not, and its reliability.", is_text=True),
)


def build_scorecard(material: Material, *, low_threshold: float, is_simulated: bool) -> Scorecard:
    """The scorecard of the material's end day. Without any engagement it has no row and says so in its tiles."""
    window = material.rolling[material.rolling["window_days"] == WINDOW_DAYS]
    people = window[~window["is_bot"].fillna(value=False).astype(bool)]
    by_measure = {str(name): rows for name, rows in people.groupby("measure", observed=True)}
    evaluation = by_measure.get(EVALUATION, people.head(0))
    rows = tuple(_build_rows(people, by_measure))
    return Scorecard(
        end_date=material.end_date,
        window_days=WINDOW_DAYS,
        days_present=material.days_present,
        is_simulated=is_simulated,
        tiles=_build_tiles(material, people, len(rows)),
        plots=tuple(_build_plots(material, evaluation, by_measure.get(HANDLE_TIME, people.head(0)))),
        headings=_HEADINGS,
        rows=rows,
        teams=tuple(sorted({row.team for row in rows if row.team})),
        low_threshold=f"{low_threshold:g}",
        low_evaluations=tuple(_build_low_evaluations(material.low_evaluations)),
        low_evaluations_max=LOW_EVALUATIONS_MAX,
    )


def list_weekly_means(material: Material) -> dict[str, list[float]]:
    """All people's figures week by week, weeks without any left out: evaluation score and handle time in minutes."""
    weeks = material.weeks
    return {
        "evaluation_score": [point.mean for point in _trend_of_scores(weeks)],
        "handle_time_minutes": [point.mean for point in _trend_of_minutes(weeks)],
    }


def _build_tiles(material: Material, people: pd.DataFrame, agent_count: int) -> tuple[Tile, ...]:
    agents = people.drop_duplicates("agent_pid")
    engagements = int(agents["engagement_count"].sum())
    centre = material.centre
    mean, low, high = _mean_with_interval(centre, EVALUATION)
    score = f"{mean:.2f}" if math.isfinite(mean) else "-"
    span = f"95 % interval {low:.2f} to {high:.2f}" if math.isfinite(low) else ""
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
    weeks = material.weeks
    yield Plot(
        "Who stands out",
        "Each line is an agent's shrunk score with its interval, its tick the mean of the peers in the same channel. "
        "An agent whose line holds its tick cannot be told apart from the peers.",
        plot_caterpillar(shrunk) if len(shrunk) else None,
        "Nothing is compared yet: fewer than 5 people have enough evaluations.",
    )
    yield Plot(
        "Is it more than chance?",
        "The shaded funnel holds what chance alone does to the mean of so many evaluations (95 %). The dashed lines "
        "also allow for the usual differences between agents (99.8 %): who is outside them deserves a look, at the top "
        "as much as at the bottom.",
        plot_funnel(scored, _limits_of(scored, material.by_agent)) if len(scored) else None,
        "There is no evaluation by a reviewer in these days.",
    )
    yield Plot(
        "Handle time for the same cases",
        "On the line an agent needs what others need for the same channel, queue and language; the band is 10 % around "
        "it. Above it: longer.",
        plot_handle_time(compared) if len(compared) else None,
        "There are too few engagements to say what to expect.",
    )
    yield Plot(
        "Reviewers",
        "Who scores higher (right) or lower (left) than the usual reviewer for the same agents and questions, over 91 "
        "days. Far from 0: time to calibrate, before anyone is coached on it.",
        plot_leniency(material.leniency) if len(material.leniency) else None,
        "Nobody's leniency shows: reviewers have scored too few of the same agents on the same questions, or differ by "
        "no more than chance.",
    )
    for name, title, label, points in (
        ("evaluation", "Score by week", "mean score (0 to 1)", _trend_of_scores(weeks)),
        ("handle-time", "Handle time by week", "minutes (geometric mean)", _trend_of_minutes(weeks)),
    ):
        yield Plot(
            title,
            "All people together, in weeks that end on this day's weekday, with 95 % intervals. Where the band of each "
            "of two weeks holds the other's point, nothing says that they differ.",
            plot_trend(name, label, points) if len(points) > 1 else None,
            "There are not two weeks yet.",
        )


def _build_rows(people: pd.DataFrame, by_measure: dict[str, pd.DataFrame]) -> Iterator[Row]:
    of_agent = {name: rows.set_index("agent_pid").to_dict("index") for name, rows in by_measure.items()}
    agents = people.drop_duplicates("agent_pid").sort_values(["agent_name", "agent_pid"], kind="stable")
    for agent in agents.to_dict("records"):
        pid = agent["agent_pid"]
        evaluation: dict[Any, Any] = of_agent.get(EVALUATION, {}).get(pid, {})
        handle_time: dict[Any, Any] = of_agent.get(HANDLE_TIME, {}).get(pid, {})
        survey: dict[Any, Any] = of_agent.get("evaluation_customer", {}).get(pid, {})
        is_reliable = _is_true(evaluation.get("is_reliable"))
        reason = "yes" if is_reliable else _text(evaluation.get("unreliable_reason")) or "no evaluation"
        yield Row(
            team=_text(agent["team"]),
            is_reliable=is_reliable,
            cells=(
                _words(_text(agent["agent_name"]) or pid),
                _words(_text(agent["team"]), _text(agent["channel_type"]).capitalize()),
                _number(agent["engagement_count"], "{:,.0f}"),
                _number(evaluation.get("measure_count", 0), "{:,.0f}", _needed_note(evaluation)),
                _number(evaluation.get("mean"), "{:.2f}", _span(evaluation, "mean_low", "mean_high", "{:.2f}")),
                _number(
                    evaluation.get("shrunk_mean"), "{:.2f}", _span(evaluation, "shrunk_low", "shrunk_high", "{:.2f}")
                ),
                _number(evaluation.get("leniency_corrected_mean"), "{:.2f}"),
                _number(
                    evaluation.get("percentile"),
                    "{:.0%}",
                    _span(evaluation, "percentile_low", "percentile_high", "{:.0%}"),
                ),
                _number(evaluation.get("trend"), "{:+.2f}", _span(evaluation, "trend_low", "trend_high", "{:+.2f}")),
                _number(_minutes(handle_time.get("mean")), "{:.1f}", _ratio_note(handle_time.get("ratio_to_expected"))),
                _number(survey.get("mean"), "{:.2f}", f"n = {survey['measure_count']:.0f}" if survey else ""),
                _words(reason, _reliability_note(evaluation)),
            ),
        )


def _build_low_evaluations(rows: pd.DataFrame) -> Iterator[LowEvaluation]:
    for row in rows.head(LOW_EVALUATIONS_MAX).to_dict("records"):
        link = _text(row["link"])
        yield LowEvaluation(
            agent_name=_text(row["agent_name"]) or row["agent_pid"],
            team=_text(row["team"]),
            started=f"{row['start_time']:%Y-%m-%d %H:%M}",
            score=f"{row[f'{EVALUATION}_mean']:.2f}",
            engagement_pid=row["engagement_pid"],
            # what is not a web address could be a script
            link=link if link.startswith(("https://", "http://")) else None,
        )


def _limits_of(scored: pd.DataFrame, spread: pd.DataFrame) -> FunnelLimits | None:
    """The funnel around the agents' means; None where chance cannot be told from their evaluations."""
    one_group = np.zeros(len(spread), np.int64)
    within, _ = pooled_variance(*_sums(spread, EVALUATION), one_group)
    funnel = fit_funnel(scored["measure_count"].to_numpy(float), scored["mean"].to_numpy(float), float(within[0]))
    if not math.isfinite(funnel.target):
        return None
    counts = np.linspace(1, float(scored["measure_count"].max()) * 1.05, 80)
    chance, _ = replace(funnel, between_variance=0.0).limits(counts)
    _, usual = funnel.limits(counts)
    return FunnelLimits(funnel.target, counts, (chance.low, chance.high), (usual.low, usual.high))


def _trend_of_scores(weeks: pd.DataFrame) -> list[TrendPoint]:
    rows = weeks[weeks[f"{EVALUATION}_count"] > 1]
    return _points(rows["last_day"], mean_interval(*_sums(rows, EVALUATION)))


def _trend_of_minutes(weeks: pd.DataFrame) -> list[TrendPoint]:
    rows = weeks[weeks["handle_time_log_count"] > 1]
    minutes = [part / _MS_PER_MINUTE for part in geometric_mean_interval(*_sums(rows, "handle_time_log"))]
    return _points(rows["last_day"], Interval(*minutes))


def _points(days: pd.Series, interval: Interval) -> list[TrendPoint]:
    return [
        TrendPoint(day.date(), float(mean), float(low), float(high))
        for day, mean, low, high in zip(pd.to_datetime(days), *interval, strict=True)
    ]


def _sums(rows: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count, total, squares = (rows[f"{name}_{part}"].to_numpy(float) for part in ("count", "sum", "sum_of_squares"))
    return count, total, squares


def _mean_with_interval(centre: pd.DataFrame, name: str) -> tuple[float, float, float]:
    mean, low, high = mean_interval(*(part.sum() for part in _sums(centre, name)))
    return float(mean), float(low), float(high)


def _geometric_minutes(centre: pd.DataFrame) -> str:
    count, total, _ = (part.sum() for part in _sums(centre, "handle_time_log"))
    return f"{math.exp(total / count) / _MS_PER_MINUTE:.1f}" if count else "-"


def _is_number(value: Any) -> bool:
    return value is not None and not pd.isna(value) and math.isfinite(value)


def _is_true(value: Any) -> bool:
    return value is not None and not pd.isna(value) and bool(value)


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def _words(text: str, note: str = "") -> Cell:
    return Cell(text, text.lower(), note, is_text=True)


def _number(value: Any, form: str, note: str = "") -> Cell:
    if not _is_number(value):
        return Cell("-", "")
    return Cell(_write(value, form), f"{float(value):.9g}", note)


def _span(row: dict[Any, Any], low: str, high: str, form: str) -> str:
    if not (_is_number(row.get(low)) and _is_number(row.get(high))):
        return ""
    return f"{_write(row[low], form)} to {_write(row[high], form)}"


def _write(value: Any, form: str) -> str:
    """The number, 0 never with a minus."""
    text = form.format(value)
    return text if text.strip("-0.") else form.format(0.0)


def _minutes(value: Any) -> float | None:
    return value / _MS_PER_MINUTE if _is_number(value) else None


def _needed_note(evaluation: dict[Any, Any]) -> str:
    needed = evaluation.get("evaluations_needed_count")
    return f"of {needed:,.0f} needed" if _is_number(needed) else ""


def _reliability_note(evaluation: dict[Any, Any]) -> str:
    reliability = evaluation.get("reliability_ratio")
    return f"reliability {reliability:.2f}" if _is_number(reliability) else ""


def _ratio_note(ratio: Any) -> str:
    return f"\u00d7 {ratio:.2f}" if _is_number(ratio) else ""
