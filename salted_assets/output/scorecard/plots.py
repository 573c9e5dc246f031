"""The scorecard's plots, each a picture of figures that the tables hold; nothing is computed here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from salted_assets.output.scorecard.comparison import ChanceBand, describe_comparison
from salted_assets.output.scorecard.drawing import (
    BAD,
    BAND,
    GOOD,
    INK,
    QUIET,
    Picture,
    draw,
    draw_panels,
    mark_points,
    render,
)
from salted_assets.output.scorecard.table_cells import write_span

LINES_MAX = 36
"""The agents that a plot with a line for each can show and still be read."""

_ROW_INCHES = 0.2
_PANEL_INCHES = 0.95
_WEEK = timedelta(days=7)
_MS_PER_MINUTE = 60_000


@dataclass(frozen=True)
class TrendPoint:
    """A week's mean with its interval; `last_day` is the week's end."""

    last_day: date
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class TeamTrend:
    """A team's weeks, and how many people it had in the last of them."""

    name: str
    people: int
    points: tuple[TrendPoint, ...]


def plot_caterpillar(agents: pd.DataFrame) -> Picture:
    """Agents from the lowest to the highest best guess, each with its interval and a tick at the mean of the group.

    Takes rows of one measure and window, `with_sides`, that have a shrunk mean; where there are more than
    `LINES_MAX`, the two ends are shown, for they are what is looked for.
    """
    rows, left_out = _both_ends(agents.sort_values(["shrunk_mean", "agent_name"], kind="stable"))
    with draw("caterpillar", 1.1 + _ROW_INCHES * max(6, len(rows))) as (figure, axes):
        heights = np.arange(len(rows))
        axes.hlines(heights, rows["shrunk_low"], rows["shrunk_high"], color=QUIET, linewidth=1.4)
        axes.vlines(rows["group_mean"], heights - 0.3, heights + 0.3, color=INK, linewidth=1.4)
        _mark_agents(axes, rows, rows["shrunk_mean"], heights)
        _name_rows(axes, rows["agent_name"], left_out)
        axes.set_xlabel("best guess at the score (0 to 1), 95 % interval")
        between = f"; {left_out} agents between the two halves are in the table" if left_out else ""
        description = (
            f"Best guesses at the scores of {len(rows)} agents from lowest to highest with intervals{between}."
        )
        return render(figure, "caterpillar", description, _split_tips(rows, _tip))


def plot_funnel(agents: pd.DataFrame, band: ChanceBand) -> Picture:
    """How far fair scores are from the colleagues' mean, against what they stand on, with the band of chance.

    Takes rows of one measure and window, `with_sides`, that the band is made of.
    """
    with draw("funnel", 3.2) as (figure, axes):
        axes.fill_between(band.counts, band.low, band.high, color=BAND, linewidth=0)
        axes.axhline(0, color=QUIET, linewidth=1)
        distance = agents["fair_mean"] - agents["group_mean"]
        _mark_agents(axes, agents, agents["effective_count"], distance)
        edge = 1.25 * max(0.05, float(distance.abs().max()), float(-band.low[-1]), float(band.high[-1]))
        axes.set_ylim(-edge, edge)
        axes.set_xlim(left=0)
        axes.set_xlabel("evaluated engagements that the score is worth")
        axes.set_ylabel("fair score less colleagues' mean")
        description = f"Distance of the fair score of {len(agents)} agents from their colleagues' mean."
        return render(figure, "funnel", description, _split_tips(agents, _tip))


def plot_expected(agents: pd.DataFrame) -> Picture:
    """How many times what the same cases let expect each agent's handle time is, with its interval.

    Takes rows of the geometric handle time, `with_sides`, that have a ratio with limits.
    """
    rows, left_out = _both_ends(agents.sort_values(["ratio_to_expected", "agent_name"], kind="stable"))
    with draw("handle-time", 1.1 + _ROW_INCHES * max(6, len(rows))) as (figure, axes):
        heights = np.arange(len(rows))
        axes.axvline(1, color=INK, linewidth=1.2)
        axes.hlines(heights, rows["ratio_to_expected_low"], rows["ratio_to_expected_high"], color=QUIET, linewidth=1.4)
        _mark_agents(axes, rows, rows["ratio_to_expected"], heights)
        _name_rows(axes, rows["agent_name"], left_out)
        axes.set_xscale("log")
        _label_ratios(axes.xaxis, rows["ratio_to_expected_low"].min(), rows["ratio_to_expected_high"].max())
        axes.set_xlabel("times the handle time expected for the same cases")
        between = f"; {left_out} agents between the two halves are in the table" if left_out else ""
        description = f"Handle time of {len(rows)} agents beside what their cases let expect, with intervals{between}."
        return render(figure, "handle-time", description, _split_tips(rows, _tip_of_expected))


def plot_trend(name: str, label: str, points: Sequence[TrendPoint]) -> Picture:
    """A figure week by week with the band of its intervals."""
    with draw(f"trend-{name}", 2.3) as (figure, axes):
        _draw_line(axes, points)
        axes.set_ylabel(label)
        _mark_weeks(axes, [points])
        return render(figure, f"trend-{name}", f"{label}, {len(points)} weeks, each with its 95 % interval.")


def plot_team_trends(name: str, label: str, teams: Sequence[TeamTrend], everyone: Sequence[TrendPoint]) -> Picture:
    """A panel for each team with its figure week by week and the band of its intervals, and all people's line."""
    with draw_panels(f"teams-{name}", 0.5 + _PANEL_INCHES * len(teams), len(teams)) as (figure, panels):
        for axes, team in zip(panels, teams, strict=True):
            _draw_line(axes, everyone, is_background=True)
            _draw_line(axes, team.points)
            axes.set_title(f"{_short(team.name, 40)} ({team.people} people)", loc="left", fontsize=9, pad=3)
            axes.tick_params(labelsize=8.5)
        _mark_weeks(panels[-1], [everyone, *(team.points for team in teams)])
        figure.supylabel(label, fontsize=9.5)
        description = f"{label} of {len(teams)} teams week by week, each with its 95 % interval."
        return render(figure, f"teams-{name}", description)


def plot_leniency(reviewers: pd.DataFrame) -> Picture:
    """How much higher or lower each reviewer scores than others do for the same agents and questions."""
    rows = reviewers.sort_values(["leniency", "reviewer_name"], kind="stable").reset_index(drop=True)
    if len(rows) > LINES_MAX:
        rows = pd.concat([rows.head(LINES_MAX // 2), rows.tail(LINES_MAX // 2)], ignore_index=True)
    with draw("leniency", 1.0 + _ROW_INCHES * max(4, len(rows))) as (figure, axes):
        heights = np.arange(len(rows))
        axes.axvline(0, color=QUIET, linewidth=1)
        axes.hlines(heights, rows["leniency_low"], rows["leniency_high"], color=QUIET, linewidth=1.4)
        mark_points(axes, rows["leniency"], heights, gid="points", color=GOOD)
        axes.set_yticks(heights, [_short(name) for name in rows["reviewer_name"]], fontsize=8.5)
        axes.set_ylim(-0.8, len(rows) - 0.2)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("stricter  <  0  <  more lenient (score points)")
        tips = [
            f"{row['reviewer_name']}: {row['leniency']:+.3f}"
            f"{_bracket(write_span(row['leniency_low'], row['leniency_high'], '{:+.3f}'))}"
            for row in _records(rows)
        ]
        return render(figure, "leniency", f"Leniency of {len(rows)} reviewers with intervals.", {"points": tips})


def draw_sparkline(values: Sequence[float]) -> str:
    """A line of a few dozen pixels as SVG, short enough for the UI to show; blank for fewer than two values."""
    picture = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="16">{}</svg>'
    finite = [value for value in values if np.isfinite(value)]
    if len(finite) < 2:  # noqa: PLR2004 - a line has two ends
        return picture.format("")
    low, span = min(finite), (max(finite) - min(finite)) or 1.0
    step = 60 / (len(finite) - 1)
    points = " ".join(f"{n * step:.0f},{14 - 12 * (value - low) / span:.0f}" for n, value in enumerate(finite))
    return picture.format(f'<polyline points="{points}" fill="none" stroke="#0072b2"/>')


def _draw_line(axes: Any, points: Sequence[TrendPoint], *, is_background: bool = False) -> None:
    """The points with their band, joined where they are a week apart: where a week is missing, so is the line."""
    days: list[date] = []
    values: list[tuple[float, float, float]] = []
    for point in points:
        if days and point.last_day - days[-1] > _WEEK:
            days.append(days[-1] + _WEEK)
            values.append((np.nan,) * 3)
        days.append(point.last_day)
        values.append((point.mean, point.low, point.high))
    mean, low, high = np.array(values).reshape(-1, 3).T
    if is_background:
        axes.plot(days, mean, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
        return
    axes.fill_between(days, low, high, color=BAND, linewidth=0)
    axes.plot(days, mean, color=GOOD, linewidth=1.8, marker="o", markersize=4)


def _mark_weeks(axes: Any, lines: Sequence[Sequence[TrendPoint]]) -> None:
    """Ticks at the ends of some of the weeks, the last one always."""
    days = sorted({point.last_day for points in lines for point in points})
    step = -(-len(days) // 6)
    marked = days[::-step]
    axes.set_xticks(marked, [f"{day:%-d %b}" for day in marked])
    axes.margins(x=0.03)


def _both_ends(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The first and the last rows where there are too many, and how many are left out between them."""
    left_out = max(0, len(rows) - LINES_MAX)
    if left_out:
        half = LINES_MAX // 2
        rows = pd.concat([rows.head(half), rows.tail(half)])
    return rows.reset_index(drop=True), left_out


def _name_rows(axes: Any, names: pd.Series, left_out: int) -> None:
    if left_out:
        axes.axhline(len(names) / 2 - 0.5, color=INK, linewidth=0.8, linestyle=":")
    axes.set_yticks(np.arange(len(names)), [_short(name) for name in names], fontsize=8.5)
    axes.set_ylim(-0.8, len(names) - 0.2)
    axes.grid(visible=False, axis="y")


def _kinds(rows: pd.DataFrame) -> dict[str, Any]:
    """Which rows are marked in the same way: those that stand out, those to be compared, and the rest."""
    apart = rows["side"].to_numpy() != 0
    reliable = rows["is_reliable"].fillna(value=False).to_numpy(bool)
    return {"apart": apart, "compared": ~apart & reliable, "unsure": ~apart & ~reliable}


def _mark_agents(axes: Any, rows: pd.DataFrame, x: Any, y: Any) -> None:
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    kinds = _kinds(rows)
    for gid, look in (
        ("unsure", {"color": GOOD, "is_hollow": True}),
        ("compared", {"color": GOOD}),
        ("apart", {"color": BAD, "marker": "D"}),
    ):
        mark_points(axes, x[kinds[gid]], y[kinds[gid]], gid=gid, **look)


def _split_tips(rows: pd.DataFrame, write_tip: Callable[[dict[Any, Any]], str]) -> dict[str, Sequence[str]]:
    return {gid: [write_tip(row) for row in _records(rows[chosen])] for gid, chosen in _kinds(rows).items()}


def _tip(row: dict[Any, Any]) -> str:
    fair, guess = (
        f"{row[f'{name}_mean']:.3f}{_bracket(write_span(row[f'{name}_low'], row[f'{name}_high'], '{:.3f}'))}"
        for name in ("fair", "shrunk")
    )
    said, note = describe_comparison(row)
    return (
        f"{row['agent_name']}: fair score {fair}, best guess {guess}, colleagues {row['group_mean']:.3f}, "
        f"{row['measure_count']} evaluations; {said}{_bracket(note)}"
    )


def _tip_of_expected(row: dict[Any, Any]) -> str:
    limits = write_span(row["ratio_to_expected_low"], row["ratio_to_expected_high"], "{:.2f}")
    return (
        f"{row['agent_name']}: {row['ratio_to_expected']:.2f} times{_bracket(limits)} the expected "
        f"{row['expected_mean'] / _MS_PER_MINUTE:.1f} min, {row['measure_count']} engagements"
    )


def _bracket(text: str) -> str:
    return f" ({text})" if text else ""


def _records(rows: pd.DataFrame) -> list[dict[Any, Any]]:
    return rows.to_dict("records")


def _label_ratios(axis: Any, low: float, high: float) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter  # noqa: PLC0415 - heavy, as in `drawing`

    coarse, fine = (0.1, 0.2, 0.5, 1, 2, 5, 10), (0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.5, 1.7, 2)
    marks = fine if low > 0.6 and high < 1.7 else coarse if low < 0.4 or high > 2.5 else (0.5, 0.7, 1, 1.4, 2)  # noqa: PLR2004 - what fits
    steps = [mark for mark in marks if low * 0.98 <= mark <= high * 1.02]
    axis.set_major_locator(FixedLocator(steps))
    axis.set_major_formatter(FixedFormatter([f"{step:g}" for step in steps]))
    axis.set_minor_formatter(NullFormatter())


def _short(name: str, longest: int = 22) -> str:
    """The name, cut to what fits beside a plot."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
