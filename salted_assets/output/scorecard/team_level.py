"""The scorecard without anybody on it: what of it is about all people or teams of several, and which pages are such.

The one place that says whether single people may be shown. Hidden groups are never so small that a difference tells
their figures. Not here: what anything on the page is.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from salted_assets.output.scorecard.inputs import TREND_SUMS, ScorecardInputs
from salted_assets.output.scorecard.plot_sections import PlotSection
from salted_assets.output.scorecard.table_cells import Table
from salted_assets.output.scorecard.tiles import AGENTS_SCORE, Scope
from salted_assets.output.scorecard.trends import FEWEST_PEOPLE

_MARK = '<meta name="agent-level" content="team">'
"""What a page without single people has in its head."""


def is_servable(page: bytes, *, shows_agents: bool) -> bool:
    """Whether a stored page is one of the level that is asked for; a page of full detail never is one of teams.

    >>> is_servable(b"<head></head>", shows_agents=True), is_servable(b"<head></head>", shows_agents=False)
    (True, False)
    """
    return (_MARK.encode() in page) is not shows_agents


def list_shown_teams(teams: Iterable[str | None], people_count: int) -> frozenset[str]:
    """The teams that may be shown beside all people, from each person's team, None where it is not known.

    Those of five people or more; and where fewer than five people are in none of these, not the smallest of them
    either, for what all people have and the teams have not would be theirs.

    >>> sizes = {"North": 6, "South": 7, "East": 2}
    >>> sorted(list_shown_teams((team for team, size in sizes.items() for _ in range(size)), 15))
    ['South']
    """
    return _choose_large(Counter(filter(None, teams)), people_count)


def _choose_large(sizes: Mapping[str, int], people_count: int) -> frozenset[str]:
    """As `list_shown_teams`, from the number of people by team."""
    shown = [(size, str(team)) for team, size in sizes.items() if size >= FEWEST_PEOPLE]
    shown.sort(reverse=True)
    while shown and 0 < people_count - sum(size for size, _ in shown) < FEWEST_PEOPLE:
        shown.pop()
    return frozenset(team for _, team in shown)


def keep_scopes(scopes: Iterable[Scope], teams: frozenset[str]) -> tuple[Scope, ...]:
    """The tiles of all people and of these teams, without the best and the worst agent's figures."""
    kept = (scope for scope in scopes if not (scope.about.agent or scope.about.channel))
    return tuple(
        replace(
            scope,
            tiles=tuple(replace(tile, beside="") if tile.label == AGENTS_SCORE else tile for tile in scope.tiles),
        )
        for scope in kept
        if not scope.about.team or scope.about.team in teams
    )


def hide_few(scopes: Iterable[Scope], label: str, teams_of_known: Sequence[str | None]) -> tuple[Scope, ...]:
    """The tiles without the figure of this name where it is that of fewer than five people, by those who have one.

    Takes the team of each person who has a figure. It is hidden as `list_shown_teams` hides teams: a difference tells
    no more than a figure does.
    """
    shown = list_shown_teams(teams_of_known, len(teams_of_known))
    is_group = len(teams_of_known) >= FEWEST_PEOPLE

    def hide(scope: Scope) -> Scope:
        if scope.about.team in shown or (is_group and not scope.about.team):
            return scope
        few = f"of fewer than {FEWEST_PEOPLE} people"
        tiles = (replace(tile, value="-", beside=few) if tile.label == label else tile for tile in scope.tiles)
        return replace(scope, tiles=tuple(tiles))

    return tuple(map(hide, scopes))


def hide_few_in_weeks(inputs: ScorecardInputs, teams: frozenset[str]) -> ScorecardInputs:
    """The inputs whose weeks have a trend's values where they are of five people or more; without any the count is NaN.

    Of teams only these are left, hidden in each week as `list_shown_teams` hides teams.
    """
    weeks, team_weeks = inputs.weeks.copy(), inputs.team_weeks.copy()
    for name in TREND_SUMS:
        people, count = f"{name}_agent_count", f"{name}_count"
        in_week = weeks.set_index("last_day")[people]
        weeks[count] = weeks[count].where(weeks[people] >= FEWEST_PEOPLE)
        is_of_group = pd.Series(data=False, index=team_weeks.index)
        for day, rows in team_weeks[team_weeks["team"].isin(teams)].groupby("last_day"):
            large = _choose_large(dict(zip(rows["team"], rows[people], strict=True)), in_week[day])
            is_of_group[rows.index] = rows["team"].isin(large)
        team_weeks[count] = team_weeks[count].where(is_of_group)
    return replace(inputs, weeks=weeks, team_weeks=team_weeks)


def keep_pictures(plots: Iterable[PlotSection], teams: frozenset[str]) -> tuple[PlotSection, ...]:
    """The plots, of teams those of these teams alone; one of which nothing is left says why."""
    kept = []
    for plot in plots:
        pictures = [picture for picture in plot.pictures if not picture.about.team or picture.about.team in teams]
        first, further = (pictures[0], tuple(pictures[1:])) if pictures else (None, ())
        kept.append(replace(plot, picture=first, further=further))
    return tuple(kept)


def keep_rows(table: Table, teams: frozenset[str], *, is_group: bool) -> Table:
    """The rows of all people, where these are enough for a group, and of these teams."""
    return replace(table, rows=tuple(row for row in table.rows if is_group and (not row.team or row.team in teams)))
