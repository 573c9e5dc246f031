"""Which plots the scorecard shows, and what is written above each of them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from salted_assets.output.scorecard.about import About
from salted_assets.output.scorecard.comparison import COMPARED, find_chance_band, list_names
from salted_assets.output.scorecard.evaluations import FORM
from salted_assets.output.scorecard.inputs import ScorecardInputs
from salted_assets.output.scorecard.plots import plot_caterpillar, plot_expected, plot_funnel, plot_leniency
from salted_assets.output.scorecard.records import Records, keep_known, list_records
from salted_assets.output.scorecard.svg import Picture
from salted_assets.output.scorecard.trend_plots import TrendPoint, draw_team_trends, plot_trend
from salted_assets.output.scorecard.trends import (
    FEWEST_PEOPLE,
    TeamTrends,
    find_incomplete_weeks,
    trend_of_minutes,
    trend_of_scores,
    trend_teams,
)

_PERCENT = 100.0

FUNNELS_MAX = 6
"""The types of channel whose funnel is drawn: those of most agents."""


@dataclass(frozen=True)
class PlotSection:
    """A plot with its heading and what it means; where there is nothing to draw, `absent` says why.

    `further` are plots below the first, such as one for each team. One that is of `everyone` cannot be filtered.
    """

    title: str
    words: str
    picture: Picture | None
    absent: str
    further: tuple[Picture, ...] = ()
    is_of_everyone: bool = False

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All that is drawn."""
        return (self.picture, *self.further) if self.picture else ()


_TEAMS = (
    "A team is the people who worked mostly in it that week. The dashed line is all people together: where a team "
    "moves with it, the reason is hardly in the team. Weeks with fewer than "
    f"{FEWEST_PEOPLE} people are not drawn: they would show single people, not a team."
)


def build_plots(evaluation: Records, handle_time: Records, leniency: Records) -> Iterator[PlotSection]:
    """The plots of the window: `evaluation` and `handle_time` are its rows of these measures, `with_sides`.

    `leniency` is a row per reviewer.
    """
    compared = keep_known(evaluation, COMPARED)
    funnels, funnels_left_out = _draw_funnels(compared)
    expected = keep_known(handle_time, ("expected_mean", *(f"ratio_to_expected{end}" for end in ("", "_low", "_high"))))
    yield PlotSection(
        "Who stands out",
        "The point is the best guess at how an agent works, the line how far off it may be, the tick the mean of the "
        "colleagues with whom the agent is compared. An orange diamond stands out. Where the line crosses its tick, "
        "it is not sure that the agent differs from them.",
        plot_caterpillar(compared) if compared else None,
        "Nobody is compared by the fair score yet; the table of agents says why.",
    )
    yield PlotSection(
        "Is it more than luck?",
        "How far the fair QA score is from the colleagues' mean. The fewer evaluations, the more luck moves it: the "
        "shaded funnel is as wide as that (95%). Each type of channel has its own, for colleagues are people of one. "
        "The orange diamonds are those of the first plot; they lie outside it. Who lies outside without a diamond "
        "perhaps differs: by the own evaluations, but the best guess, "
        "which looks at all agents together, is not sure of it."
        f"{f' Not drawn, for there are too many: {list_names(funnels_left_out)}.' if funnels_left_out else ''}",
        funnels[0] if funnels else None,
        "Nobody is compared by the fair score yet; the table of agents says why.",
        funnels[1:],
    )
    yield PlotSection(
        "Handle time (AHT) for the same cases",
        "1 is as long as the colleagues would take for the agent's own cases (channel, queue, language), 1.1 ten "
        "percent longer. The line is how far off it may be: where it crosses 1, the agent may well be as fast as they "
        "are. An orange diamond stands out also when all agents are looked at together.",
        plot_expected(expected) if expected else None,
        "There are too few engagements to say what to expect.",
    )
    yield PlotSection(
        "Who is strict, who is lenient",
        "Each point is a reviewer: right of 0 scores higher than the usual reviewer does for the same agents and "
        "questions, left of it lower, over 91 days; the line is how far off that may be. Fair scores are without it. "
        "Far from 0: calibrate before anyone is coached on it.",
        plot_leniency(leniency) if leniency else None,
        "Nothing can be said yet: reviewers have scored too few of the same agents on the same questions.",
        is_of_everyone=True,
    )


def _draw_funnels(compared: Records) -> tuple[tuple[Picture, ...], tuple[str, ...]]:
    """A funnel for each type of channel, those of most agents first, and the channels that are too many to draw."""
    pictures: list[Picture] = []
    sizes = Counter(row["channel_type"] for row in compared)
    by_size = sorted(sizes, key=lambda channel: (-sizes[channel], channel))
    for channel in by_size[:FUNNELS_MAX]:
        agents = [row for row in compared if row["channel_type"] == channel and row["effective_count"] > 0]
        if band := find_chance_band(agents):
            name = f"funnel-{len(pictures) + 1}" if pictures else "funnel"
            title = f"{channel or 'No known channel'}, {len(agents)} agents"
            picture = plot_funnel(agents, band, name, title if len(by_size) > 1 else "")
            pictures.append(replace(picture, about=About(channel=channel)))
    return tuple(pictures), tuple(by_size[FUNNELS_MAX:])


def build_trends(inputs: ScorecardInputs) -> Iterator[PlotSection]:
    """The plots week by week, of all people and team by team."""
    weeks, team_weeks = list_records(inputs.weeks), list_records(inputs.team_weeks)
    for name, title, label, trend in (
        ("evaluation", "QA score by week", "mean QA score of forms (%)", _percent_of_scores),
        ("handle-time", "Handle time (AHT) by week", "typical minutes (geometric mean)", trend_of_minutes),
    ):
        everyone = trend(weeks)
        incomplete = find_incomplete_weeks(weeks, f"{FORM}_count" if name == "evaluation" else None)
        marked = f"Hollow: {'; '.join(incomplete.values())}." if incomplete else ""
        yield PlotSection(
            title,
            "All people together, in weeks that end on this day's weekday; the band is the 95% interval. "
            "Nothing says that two weeks differ while the point of one lies in the band of the other. "
            f"{marked}".strip(),
            plot_trend(name, label, everyone, incomplete) if len(everyone) > 1 else None,
            "There are not two weeks yet.",
            is_of_everyone=True,
        )
        teams = trend_teams(team_weeks, trend)
        panels = draw_team_trends(name, label, teams.shown, everyone, incomplete)
        yield PlotSection(
            f"{title}, team by team",
            f"{_TEAMS if name == 'evaluation' else 'Teams and lines as for the score.'} {_left_out(teams)}".strip(),
            panels[0] if panels else None,
            f"No team has had {FEWEST_PEOPLE} people or more in most of its weeks.",
            panels[1:],
        )


def _percent_of_scores(weeks: Records) -> list[TrendPoint]:
    return [
        TrendPoint(point.last_day, *(_PERCENT * value for value in (point.mean, point.low, point.high)))
        for point in trend_of_scores(weeks)
    ]


def _left_out(teams: TeamTrends) -> str:
    """Which teams are not drawn, and why; nothing where all are."""
    said = []
    if teams.small:
        said.append(f"Too small to draw: {list_names(teams.small)}.")
    if teams.further:
        said.append(f"Only the {len(teams.shown)} largest are drawn, not {list_names(teams.further)}.")
    return " ".join(said)
