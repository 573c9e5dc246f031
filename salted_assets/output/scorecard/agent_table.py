"""The scorecard's table of agents: its columns, and a row for each agent with an engagement in the window."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from salted_assets.output.scorecard.comparison import describe_auto_worth, describe_comparison
from salted_assets.output.scorecard.evaluations import FORM, SINGLE
from salted_assets.output.scorecard.inputs import CUSTOMER, EVALUATION, HANDLE_TIME
from salted_assets.output.scorecard.records import Records, keep_first, order_records
from salted_assets.output.scorecard.table_cells import (
    Cell,
    Heading,
    Row,
    Table,
    is_number,
    is_true,
    text_of,
    write_clock,
    write_number,
    write_percent_span,
    write_points,
    write_points_span,
    write_span,
)
from salted_assets.output.scorecard.table_cells import write_words as words
from salted_assets.schemas.measures import REPRESENTATIVE

_LEAST_DISTANCE = 0.005
_MEASURES = (EVALUATION, HANDLE_TIME, CUSTOMER, f"{EVALUATION}_{REPRESENTATIVE}")

_HEADINGS = (
    Heading("Agent", "Name as recorded on the engagements.", is_text=True),
    Heading("Team", "Team and channel type with most of the agent's engagements.", is_text=True, is_aside=True),
    Heading("Engage\u00adments", "Engagements that count: type Agent, status Completed."),
    Heading(
        "Fair QA score",
        "What a usual reviewer would give for a usual mix of questions, in percent, with its 95% interval. By auto: "
        "the score by questions that the auto reviewer answers, too, corrected by all its reviews, and how many extra "
        "reviews these are worth.",
    ),
    Heading(
        "Best guess",
        "The fair score moved towards the colleagues' mean, with its 95% interval. Own weight: how much of the "
        "distance between the two is kept, the more the more is known of the agent.",
    ),
    Heading("Col\u00adleagues", "Mean of the fair scores of those with whom the agent is compared, and their number."),
    Heading("Place", "Share of these colleagues who are below (percentile), with its 95% interval."),
    Heading(
        "Beside col\u00adleagues", "Whether the agent stands out, or why nothing is said; reliability.", is_text=True
    ),
    Heading("Forms", "Plain mean QA score of the evaluations with several answers, and their number."),
    Heading("Single answers", "Plain mean of answers that stand alone, and their number."),
    Heading(
        "Change",
        "Plain mean QA score less that of the 28 days before, in percentage points, with its 95% interval; alarms.",
    ),
    Heading(
        "Handle time (AHT)",
        "Mean, then the typical time (geometric mean), in minutes:seconds, then how many times (\u00d7) what the same "
        "cases let expect the typical one is, with its 95% interval.",
    ),
    Heading("CSAT", "Mean score of the customers' surveys, and their number."),
)


def tabulate_agents(people: Records, by_agent: Records, alarms: Mapping[str, tuple[str, date]]) -> Table:
    """A row for each agent, sorted by name.

    Takes the window's rows of people, `with_sides`, sums of plain evaluations by agent, and by agent the direction of
    an alarm of change with the day since when.
    """
    return Table(_HEADINGS, tuple(_build_rows(people, by_agent, alarms)))


def _build_rows(people: Records, by_agent: Records, alarms: Mapping[str, tuple[str, date]]) -> Iterator[Row]:
    of_agent: dict[str, dict[str, dict[Any, Any]]] = {measure: {} for measure in _MEASURES}
    for row in people:
        if row["measure"] in of_agent:
            of_agent[row["measure"]][row["agent_pid"]] = row
    sums = {row["agent_pid"]: row for row in by_agent}
    for agent in order_records(keep_first(people, "agent_pid"), "agent_name", "agent_pid"):
        pid = agent["agent_pid"]
        evaluation, handle_time, survey = (of_agent[measure].get(pid, {}) for measure in _MEASURES[:3])
        yield Row(
            agent=pid,
            team=text_of(agent["team"]),
            channel=text_of(agent["channel_type"]),
            is_unsure=not is_true(evaluation.get("is_reliable")) and not evaluation.get("side"),
            cells=(
                words(agent["agent_name"]),
                words(text_of(agent["team"]), text_of(agent["channel_type"])),
                write_number(agent["engagement_count"], "{:,.0f}"),
                write_number(evaluation.get("fair_mean"), "{:.0%}", _fair_note(evaluation)),
                write_number(
                    evaluation.get("shrunk_mean"), "{:.0%}", _lines(_span(evaluation, "shrunk"), _weight(evaluation))
                ),
                _colleagues(evaluation),
                write_number(evaluation.get("percentile"), "{:.0%}", _span(evaluation, "percentile")),
                _beside(evaluation, _representative_note(evaluation, of_agent, pid)),
                _plain_mean(sums.get(pid, {}), FORM),
                _plain_mean(sums.get(pid, {}), SINGLE),
                _change(evaluation, alarms.get(pid)),
                _handle_time(sums.get(pid, {}), handle_time),
                write_number(survey.get("mean"), "{:.0%}", f"n = {survey['measure_count']:.0f}" if survey else ""),
            ),
        )


def _span(row: dict[Any, Any], name: str) -> str:
    return write_percent_span(row.get(f"{name}_low"), row.get(f"{name}_high"))


def _lines(*texts: str) -> str:
    return "\n".join(text for text in texts if text)


def _fair_note(evaluation: dict[Any, Any]) -> str:
    has_changed = is_true(evaluation.get("has_changed_questions"))
    return _lines(_span(evaluation, "fair"), _auto_note(evaluation), "questions changed" if has_changed else "")


def _auto_note(evaluation: dict[Any, Any]) -> str:
    if not describe_auto_worth(evaluation) or evaluation["anchored_extra_count"] < 1:
        return ""
    return f"by auto {evaluation['anchored_mean']:.0%} (+{evaluation['anchored_extra_count']:,.0f})"


def _weight(evaluation: dict[Any, Any]) -> str:
    figures = [evaluation.get(name) for name in ("shrink_weight", "fair_mean", "group_mean")]
    if not all(map(is_number, figures)):
        return ""
    weight, fair, group = (float(figure or 0) for figure in figures)
    # nothing is moved where there is no distance, and no weight says how much of it was
    return f"own weight {weight:.0%}" if abs(fair - group) >= _LEAST_DISTANCE else ""


def _colleagues(evaluation: dict[Any, Any]) -> Cell:
    if not is_number(evaluation.get("shrunk_mean")):
        return Cell("-", "")
    return write_number(evaluation.get("group_mean"), "{:.0%}", f"{evaluation['group_count']:.0f} agents")


def _beside(evaluation: dict[Any, Any], representative: str) -> Cell:
    """Whether the agent stands out, or why nothing is said; of a reason what is before its colon keeps rows short."""
    said, note = describe_comparison(evaluation)
    if reason := text_of(evaluation.get("not_comparable_reason")):
        said, note = (text.replace(reason, reason.partition(":")[0]) for text in (said, note))
    if representative:
        # how many evaluations count says already that they are too few
        note = note.partition("\n")[0]
    return words(said, _lines(representative, note, _reliability_note(evaluation)))


def _plain_mean(sums: dict[Any, Any], name: str) -> Cell:
    count = sums.get(f"{name}_count", 0)
    return write_number(sums[f"{name}_sum"] / count, "{:.0%}", f"n = {count:,.0f}") if count else Cell("-", "")


def _change(evaluation: dict[Any, Any], alarm: tuple[str, date] | None) -> Cell:
    alarmed = f"alarm: {alarm[0]}\nsince {alarm[1]}" if alarm else ""
    trend, span = evaluation.get("trend"), write_points_span(evaluation.get("trend_low"), evaluation.get("trend_high"))
    if not is_number(trend):
        return Cell("-", "", alarmed)
    return Cell(write_points(trend), f"{trend:.9g}", _lines(span, alarmed))


def _handle_time(sums: dict[Any, Any], handle_time: dict[Any, Any]) -> Cell:
    count, typical = sums.get("handle_time_ms_count", 0), handle_time.get("mean")
    mean = sums["handle_time_ms_sum"] / count if count else None
    note = _lines(f"typical {write_clock(typical)}" if is_number(typical) else "", _ratio_note(handle_time))
    return Cell(write_clock(mean), f"{mean:.9g}" if is_number(mean) else "", note)


def _reliability_note(evaluation: dict[Any, Any]) -> str:
    reliability, needed = evaluation.get("reliability_ratio"), evaluation.get("evaluations_needed_count")
    notes = (
        f"reliability {reliability:.2f}" if is_number(reliability) else "",
        f"{needed:,.0f} evaluations for \u00b15%" if is_number(needed) else "",
    )
    return ", ".join(filter(None, notes))


def _representative_note(evaluation: dict[Any, Any], of_agent: Mapping[str, Any], pid: str) -> str:
    """How many evaluations count for a comparison, where some were chosen on purpose and nothing is compared."""
    count = evaluation.get("measure_count", 0)
    usable = of_agent[_MEASURES[-1]].get(pid, {}).get("measure_count", 0)
    if not text_of(evaluation.get("not_comparable_reason")) or not usable < count:
        return ""
    return f"{usable:,.0f} of {count:,.0f} not chosen on purpose"


def _ratio_note(handle_time: dict[Any, Any]) -> str:
    ratio = handle_time.get("ratio_to_expected")
    if not is_number(ratio):
        return ""
    low, high = (handle_time.get(f"ratio_to_expected_{end}") for end in ("low", "high"))
    span = write_span(low, high, "{:.2f}")
    return f"\u00d7 {ratio:.2f} ({span})" if span else f"\u00d7 {ratio:.2f}"
