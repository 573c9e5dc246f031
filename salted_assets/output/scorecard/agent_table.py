"""The scorecard's table of agents: its columns, and a row for each agent with an engagement in the window."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from salted_assets.output.scorecard.inputs import EVALUATION, HANDLE_TIME
from salted_assets.output.scorecard.table_cells import (
    Heading,
    Row,
    Table,
    is_number,
    is_true,
    text_of,
    write_number,
    write_span,
)
from salted_assets.output.scorecard.table_cells import write_words as words

_MS_PER_MINUTE = 60_000

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
    Heading("Fair score", "Score with questions, reviewers and kinds of cases taken off, with its interval."),
    Heading(
        "Best guess", "The fair score moved towards the colleagues' mean where little is known, with its interval."
    ),
    Heading("Place", "Share of the colleagues of the same channel who are below (percentile), with its interval."),
    Heading("Change", "Change of the score against the 28 days before, with its interval."),
    Heading("Handle time", "Geometric mean in minutes, and how many times what the same cases let expect it is."),
    Heading("Cus\u00adtomers", "Mean survey score, 0 to 1, and its number of surveys."),
    Heading("Compare?", "Whether the score can be compared, else why not, and its reliability.", is_text=True),
)


def tabulate_agents(people: pd.DataFrame, by_measure: Mapping[str, pd.DataFrame]) -> Table:
    """A row for each agent, sorted by name, from rows of the window, all and by measure."""
    return Table(_HEADINGS, tuple(_build_rows(people, by_measure)))


def _build_rows(people: pd.DataFrame, by_measure: Mapping[str, pd.DataFrame]) -> Iterator[Row]:
    of_agent = {name: rows.set_index("agent_pid").to_dict("index") for name, rows in by_measure.items()}
    agents = people.drop_duplicates("agent_pid").sort_values(["agent_name", "agent_pid"], kind="stable")
    for agent in agents.to_dict("records"):
        pid = agent["agent_pid"]
        evaluation: dict[Any, Any] = of_agent.get(EVALUATION, {}).get(pid, {})
        handle_time: dict[Any, Any] = of_agent.get(HANDLE_TIME, {}).get(pid, {})
        survey: dict[Any, Any] = of_agent.get("evaluation_customer", {}).get(pid, {})
        is_reliable = is_true(evaluation.get("is_reliable"))
        reason = "yes" if is_reliable else text_of(evaluation.get("not_comparable_reason")) or "no evaluation"
        yield Row(
            team=text_of(agent["team"]),
            is_unsure=not is_reliable,
            cells=(
                words(agent["agent_name"]),
                words(text_of(agent["team"]), text_of(agent["channel_type"]).capitalize()),
                write_number(agent["engagement_count"], "{:,.0f}"),
                write_number(evaluation.get("measure_count", 0), "{:,.0f}", _needed_note(evaluation)),
                write_number(evaluation.get("mean"), "{:.2f}", _span(evaluation, "mean", "{:.2f}")),
                write_number(evaluation.get("fair_mean"), "{:.2f}", _span(evaluation, "fair", "{:.2f}")),
                write_number(evaluation.get("shrunk_mean"), "{:.2f}", _span(evaluation, "shrunk", "{:.2f}")),
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
