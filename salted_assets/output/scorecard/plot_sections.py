"""Which plots the scorecard shows, and what is written above each of them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from salted_assets.output.scorecard.drawing import Picture
from salted_assets.output.scorecard.inputs import EVALUATION, ScorecardInputs
from salted_assets.output.scorecard.plots import (
    FunnelLimits,
    plot_caterpillar,
    plot_funnel,
    plot_handle_time,
    plot_leniency,
    plot_team_trends,
    plot_trend,
)
from salted_assets.output.scorecard.trends import (
    FEWEST_PEOPLE,
    TeamTrends,
    sums_of,
    trend_of_minutes,
    trend_of_scores,
    trend_teams,
)
from salted_assets.scoring.stats import fit_funnel, pooled_variance

NAMES_MAX = 8


@dataclass(frozen=True)
class PlotSection:
    """A plot with its heading and what it means; where there is nothing to draw, `absent` says why."""

    title: str
    words: str
    picture: Picture | None
    absent: str


_TEAMS = (
    "A team is the people who worked mostly in it that week. The dashed line is all people together: where a team "
    "moves with it, the reason is hardly in the team. Weeks with fewer than "
    f"{FEWEST_PEOPLE} people are left out: they would show single people, not a team."
)


def build_plots(inputs: ScorecardInputs, evaluation: pd.DataFrame, handle_time: pd.DataFrame) -> Iterator[PlotSection]:
    """The plots of the window: `evaluation` and `handle_time` are its rows of these measures."""
    scored = evaluation.dropna(subset=["mean"])
    shrunk = evaluation.dropna(subset=["shrunk_mean", "shrunk_low", "shrunk_high"])
    compared = handle_time.dropna(subset=["mean", "expected_mean"])
    yield PlotSection(
        "Who stands out",
        "The point is the best guess at how an agent works, the line how far off it may be, the tick the mean of the "
        "colleagues in the same channel. Where the line crosses its tick, the agent may well be like them.",
        plot_caterpillar(shrunk) if len(shrunk) else None,
        "Nobody is compared yet: fewer than 6 people have enough evaluations.",
    )
    yield PlotSection(
        "Is it more than luck?",
        "The fewer evaluations, the more a mean is luck. Inside the shaded funnel luck alone explains it (95\u00a0%). "
        "Outside the dashed lines an agent differs by more than luck and more than agents usually do (99.8\u00a0%): "
        "look there first, at the top as much as at the bottom.",
        plot_funnel(scored, _limits_of(scored, inputs.by_agent)) if len(scored) else None,
        "There is no evaluation by a reviewer in these days.",
    )
    yield PlotSection(
        "Handle time for the same cases",
        "On the line an agent takes as long as others do in the same channel, queue and language; above it longer. The "
        "band is 10\u00a0% around it.",
        plot_handle_time(compared) if len(compared) else None,
        "There are too few engagements to say what to expect.",
    )
    yield PlotSection(
        "Who is strict, who is lenient",
        "Each point is a reviewer: right of 0 scores higher than the usual reviewer does for the same agents and "
        "questions, left of it lower, over 91 days. Far from 0: calibrate before anyone is coached on it.",
        plot_leniency(inputs.leniency) if len(inputs.leniency) else None,
        "Nobody stands out: reviewers have scored too few of the same agents on the same questions, or differ by no "
        "more than chance.",
    )


def build_trends(inputs: ScorecardInputs) -> Iterator[PlotSection]:
    """The plots week by week, of all people and team by team."""
    for name, title, label, trend in (
        ("evaluation", "Score by week", "mean score (0 to 1)", trend_of_scores),
        ("handle-time", "Handle time by week", "minutes (geometric mean)", trend_of_minutes),
    ):
        everyone = trend(inputs.weeks)
        yield PlotSection(
            title,
            "All people together, in weeks that end on this day's weekday; the band is the 95\u00a0% interval. "
            "Nothing says that two weeks differ while the point of one lies in the band of the other.",
            plot_trend(name, label, everyone) if len(everyone) > 1 else None,
            "There are not two weeks yet.",
        )
        teams = trend_teams(inputs, trend)
        yield PlotSection(
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


def _limits_of(scored: pd.DataFrame, spread: pd.DataFrame) -> FunnelLimits | None:
    """The funnel around the agents' means; None where their evaluations do not show chance."""
    one_group = np.zeros(len(spread), np.int64)
    within, _ = pooled_variance(*sums_of(spread, EVALUATION), one_group)
    funnel = fit_funnel(scored["measure_count"].to_numpy(float), scored["mean"].to_numpy(float), float(within[0]))
    if not math.isfinite(funnel.target):
        return None
    counts = np.linspace(1, float(scored["measure_count"].max()) * 1.05, 80)
    chance, _ = replace(funnel, between_variance=0.0).limits(counts)
    _, usual = funnel.limits(counts)
    return FunnelLimits(funnel.target, counts, (chance.low, chance.high), (usual.low, usual.high))
