"""How many forms pass and how many a critical question fails, with their intervals, beside the account's targets."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from salted_assets.output.scorecard.records import Records
from salted_assets.output.scorecard.table_cells import (
    Cell,
    Heading,
    Row,
    Table,
    write_number,
    write_percent,
    write_percent_span,
)
from salted_assets.output.scorecard.table_cells import write_words as words
from salted_assets.output.scorecard.targets import Targets, judge_rate
from salted_assets.output.scorecard.trends import FEWEST_PEOPLE
from salted_assets.scoring.stats import wilson_interval

READ_OUTCOMES = """
    SELECT
        end_date, agent_pid, count(*)::DOUBLE AS form_count,
        count(*) FILTER (WHERE is_random_or_all)::DOUBLE AS random_count,
        count(*) FILTER (
            WHERE is_random_or_all AND score >= {pass_score:f} - 1e-9 AND is_failed_critical IS NOT TRUE
        )::DOUBLE AS passed_count,
        count(is_failed_critical) FILTER (WHERE is_random_or_all)::DOUBLE AS critical_count,
        count(*) FILTER (WHERE is_random_or_all AND is_failed_critical)::DOUBLE AS failed_count
    FROM evaluation JOIN card ON start_date BETWEEN window_start AND end_date
    WHERE form
    GROUP BY end_date, agent_pid ORDER BY end_date, agent_pid
"""
"""Of each card form evaluations by agent: all, those of engagements not chosen on purpose, and what became of these."""

_COUNTS = ["form_count", "random_count", "passed_count", "critical_count", "failed_count"]
_HEADINGS = (
    Heading("Whose", "All people, or a team of five or more.", is_text=True),
    Heading("Pass rate", "Forms at or above the pass score that no critical question failed, with its 95% interval."),
    Heading("Pass target", "Whether the interval lies on the good side of the target.", is_text=True),
    Heading("Auto-fail rate", "Forms that a critical question failed, with its 95% interval."),
    Heading("Auto-fail target", "Whether the interval lies on the good side of the target.", is_text=True),
    Heading("Left out", "Forms about engagements that were chosen on purpose (Focused, Selected)."),
)


@dataclass(frozen=True)
class PassRates:
    """The section: the table, teams too small for it, and what has to be said where something is not known."""

    table: Table
    teams_hidden: tuple[str, ...]
    absent: str
    note: str


def rate_outcomes(outcomes: Records, group_of: Mapping[str, str]) -> Records:
    """A row for each group of agents with a form: its counts, and both shares with Wilson's interval.

    Takes rows of `READ_OUTCOMES` and the group of each agent by pid. Gives `group`, the counts, `pass_rate` and
    `auto_fail_rate`, each with `_low` and `_high`: shares of the forms about engagements not chosen on purpose, NaN
    where there are none. The auto-fail rate is of those of which it is known, none where no question is critical.
    """
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    for row in outcomes:
        if row["agent_pid"] in group_of:
            totals[group_of[row["agent_pid"]]].update({name: row[name] for name in _COUNTS})
    rows: Records = [{"group": group, **counts} for group, counts in sorted(totals.items())]
    for name, part, whole in (
        ("pass_rate", "passed_count", "random_count"),
        ("auto_fail_rate", "failed_count", "critical_count"),
    ):
        interval = wilson_interval([row[part] for row in rows], [row[whole] for row in rows])
        for row, values in zip(rows, np.array(interval).T.tolist(), strict=True):
            row.update(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))
    return rows


def build_pass_rates(outcomes: Records, team_of: Mapping[str, str], targets: Targets) -> PassRates:
    """The section, from rows of `READ_OUTCOMES` and each person's team by pid."""
    sizes = Counter(team_of.values())
    large = {pid: team for pid, team in team_of.items() if sizes[team] >= FEWEST_PEOPLE}
    everyone = rate_outcomes(outcomes, {row["agent_pid"]: "All people" for row in outcomes})
    teams = rate_outcomes(outcomes, large)
    rows = [*_build_rows(everyone, targets, is_team=False), *_build_rows(teams, targets, is_team=True)]
    return PassRates(
        Table(_HEADINGS, tuple(rows)),
        tuple(sorted(team for team, size in sizes.items() if size < FEWEST_PEOPLE)),
        _explain_absence(outcomes),
        _describe_targets(outcomes, targets),
    )


def _explain_absence(outcomes: Records) -> str:
    if not outcomes:
        return "No reviewer has evaluated anybody with a form in these days."
    if not any(row["random_count"] for row in outcomes):
        return (
            "All forms of these days are about engagements that were chosen on purpose (Focused, Selected), so they "
            "say nothing of how many would pass. Have some picked at random."
        )
    return ""


def _describe_targets(outcomes: Records, targets: Targets) -> str:
    sentences = []
    if not any(row["critical_count"] for row in outcomes):
        sentences.append("No question is named as critical (SALTED_CRITICAL_QUESTIONS), so nothing auto-fails.")
    unset = [
        name
        for name, value in (
            ("SALTED_PASS_RATE_TARGET", targets.pass_rate),
            ("SALTED_AUTO_FAIL_RATE_TARGET", targets.auto_fail_rate),
        )
        if value is None
    ]
    if unset:
        sentences.append(f"No target is set ({', '.join(unset)})." if len(unset) > 1 else f"{unset[0]} is not set.")
    return " ".join(sentences)


def _build_rows(rows: Records, targets: Targets, *, is_team: bool) -> Iterator[Row]:
    for row in rows:
        yield Row(
            team=row["group"] if is_team else None,
            cells=(
                words(row["group"]),
                _rate(row, "pass_rate", "random_count"),
                _write_judgement(row, "pass_rate", targets.pass_rate, is_most=False),
                _rate(row, "auto_fail_rate", "critical_count"),
                _write_judgement(row, "auto_fail_rate", targets.auto_fail_rate, is_most=True),
                write_number(row["form_count"] - row["random_count"], "{:,.0f}", f"of {row['form_count']:,.0f}"),
            ),
        )


def _rate(row: dict[Any, Any], name: str, count: str) -> Cell:
    span = write_percent_span(row[f"{name}_low"], row[f"{name}_high"])
    return write_number(row[name], "{:.0%}", f"{span}\nn = {row[count]:,.0f}")


def _write_judgement(row: dict[Any, Any], name: str, target: float | None, *, is_most: bool) -> Cell:
    judgement = judge_rate(row[f"{name}_low"], row[f"{name}_high"], target, is_most=is_most)
    if not judgement or np.isnan(row[name]):
        return words("-")
    return words(judgement, f"{'at most' if is_most else 'at least'} {write_percent(target)}")
