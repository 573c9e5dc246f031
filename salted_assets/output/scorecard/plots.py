"""The scorecard's plots of people, each a picture of figures that the tables hold; nothing is computed here."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from salted_assets.output.scorecard.comparison import ChanceBand, describe_comparison, is_outside_chance, list_names
from salted_assets.output.scorecard.interval_rows import ROWS_MAX, IntervalRow, draw_rows
from salted_assets.output.scorecard.label_places import place_labels
from salted_assets.output.scorecard.records import Records, order_records
from salted_assets.output.scorecard.scales import Scale, mark_even
from salted_assets.output.scorecard.svg import LABEL_ROOM, TICK_ROOM, WIDTH, Drawing, Panel, Picture, Point
from salted_assets.output.scorecard.table_cells import (
    about_agent,
    is_true,
    write_clock,
    write_percent,
    write_percent_span,
    write_points,
    write_points_span,
    write_span,
)
from salted_assets.output.scorecard.text_width import FONT_SIZE, measure, shorten_name

_FUNNEL_HEIGHT = 216.0
_NAME_WIDTH = 150.0
_PERCENT = 100.0


def plot_caterpillar(agents: Records) -> Picture:
    """Agents from the lowest to the highest best guess, each with its interval and a tick at the mean of the group.

    Takes rows of one measure and window, `with_sides`, that have a shrunk mean; where there are more than
    `ROWS_MAX`, the two ends are shown, for they are what is looked for.
    """
    rows, left_out = _both_ends(order_records(agents, "shrunk_mean", "agent_name"))
    return draw_rows(
        "caterpillar",
        _rows_of(rows, "shrunk_mean", "shrunk", _tip, beside="group_mean", unit=_PERCENT),
        "best guess at the QA score (%), 95% interval",
        f"Best guesses at the scores of {len(rows) - left_out} agents from lowest to highest with intervals"
        f"{_between(left_out)}.",
    )


def plot_funnel(agents: Records, band: ChanceBand, name: str = "funnel", title: str = "") -> Picture:
    """How far fair scores are from the colleagues' mean, against what they stand on, with the band of chance.

    Takes rows of one measure and window, `with_sides`, that the band is made of. Who stands out is named where there
    is room, those farthest out first, then who lies outside the band; who finds no room is named below.
    """
    rows = [row | {"distance": _PERCENT * (row["fair_mean"] - row["group_mean"]), "look": _look(row)} for row in agents]
    low, high = _PERCENT * band.low, _PERCENT * band.high
    edge = 1.25 * max(5.0, *(abs(row["distance"]) for row in rows), float(-low[-1]), float(high[-1]))
    top, bottom = FONT_SIZE + 8, FONT_SIZE + 8 + _FUNNEL_HEIGHT
    up = Scale(-edge, edge, bottom, top)
    beside = mark_even(up, is_upright=True)
    left = max(measure(tick.label) for tick in beside) + 8
    panel = Panel(Scale(0, max(float(band.counts[-1]), 1.0), left, WIDTH - 6), up)
    drawing = Drawing(name, bottom + TICK_ROOM + LABEL_ROOM)
    drawing.text((0, FONT_SIZE), "fair QA score less colleagues' mean (percentage points)")
    with drawing.clipped(panel):
        limits = [zip(map(panel.x, band.counts), map(up, limit), strict=True) for limit in (low, high)]
        drawing.way([*limits[0], *list(limits[1])[::-1]], "band", is_closed=True)
    drawing.axis_beside(panel, beside)
    drawing.axis_below(panel, mark_even(panel.x), "evaluated engagements that the score is worth")
    drawing.line((panel.left, up(0)), (panel.right, up(0)), "zero")
    places = [(panel.x(row["effective_count"]), up(row["distance"])) for row in rows]
    for look in ("unsure", "compared", "apart"):
        with drawing.group(look):
            for row, at in zip(rows, places, strict=True):
                if row["look"] == look:
                    with drawing.titled(_tip(row), about_agent(row)):
                        drawing.mark(at, look)
    unnamed = _name_outside(drawing, panel, rows, places)
    picture = drawing.finish(f"Distance of the fair score of {len(agents)} agents from their colleagues' mean.")
    note = f"No room for the names of: {list_names(unnamed)}." if unnamed else ""
    return replace(picture, title=title, note=note)


def _name_outside(drawing: Drawing, panel: Panel, rows: list[dict[Any, Any]], places: list[Point]) -> list[str]:
    """Name the points outside the band where there is room; gives the names that found none."""
    outside = [
        (row["look"] == "apart", abs(row["distance"]), at, row)
        for row, at in zip(rows, places, strict=True)
        if row["look"] == "apart" or is_outside_chance(row)
    ]
    outside.sort(key=lambda each: (*each[:2], each[3]["agent_name"]), reverse=True)
    wanted = [(at, shorten_name(row["agent_name"], _NAME_WIDTH, is_strong=True)) for *_, at, row in outside]
    placed = place_labels(panel, wanted, places)
    for label in placed:
        is_apart, _, _, row = outside[label.index]
        if label.leader:
            drawing.line(*label.leader, "axis", about_agent(row))
        look, about = "strong" if is_apart else "name", about_agent(row)
        drawing.text(label.at, label.text, look, about=about, agent=about.agent)
    named = {label.index for label in placed}
    return [row["agent_name"] for index, (*_, row) in enumerate(outside) if index not in named]


def plot_expected(agents: Records) -> Picture:
    """How many times what the same cases let expect each agent's handle time is, with its interval.

    Takes rows of the geometric handle time, `with_sides`, that have a ratio with limits.
    """
    rows, left_out = _both_ends(order_records(agents, "ratio_to_expected", "agent_name"))
    return draw_rows(
        "handle-time",
        _rows_of(rows, "ratio_to_expected", "ratio_to_expected", _tip_of_expected),
        "times the handle time expected for the same cases",
        f"Handle time of {len(rows) - left_out} agents beside what their cases let expect, with intervals"
        f"{_between(left_out)}.",
        line_at=1.0,
        is_ratio=True,
    )


def plot_leniency(reviewers: Records) -> Picture:
    """How much higher or lower each reviewer scores than others do for the same agents and questions."""
    rows, left_out = _both_ends(order_records(reviewers, "leniency", "reviewer_name"))
    return draw_rows(
        "leniency",
        [
            IntervalRow(
                row["reviewer_name"],
                _PERCENT * row["leniency"],
                _PERCENT * row["leniency_low"],
                _PERCENT * row["leniency_high"],
                "compared",
                f"{row['reviewer_name']}: {write_points(row['leniency'])} points"
                f"{_bracket(write_points_span(row['leniency_low'], row['leniency_high']))}",
                is_kept_back=row["is_kept_back"],
            )
            for row in rows
        ],
        "stricter  <  0  <  more lenient (percentage points)",
        f"Leniency of {len(rows) - left_out} reviewers with intervals.",
        line_at=0.0,
    )


def _rows_of(
    rows: Records,
    point: str,
    limits: str,
    write_tip: Callable[[dict[Any, Any]], str],
    *,
    beside: str | None = None,
    unit: float = 1.0,
) -> list[IntervalRow]:
    return [
        IntervalRow(
            row["agent_name"],
            unit * row[point],
            unit * row[f"{limits}_low"],
            unit * row[f"{limits}_high"],
            _look(row),
            write_tip(row),
            unit * row[beside] if beside else None,
            about_agent(row),
            is_kept_back=row["is_kept_back"],
        )
        for row in rows
    ]


def _look(row: Mapping[Any, Any]) -> str:
    """How a row is marked: one that stands out, one to be compared, or one of whom too little is known."""
    return "apart" if row["side"] else "compared" if is_true(row["is_reliable"]) else "unsure"


def _both_ends(rows: Records) -> tuple[Records, int]:
    """The rows with `is_kept_back` true of those in the middle where there are too many, and how many these are."""
    left_out, half = max(0, len(rows) - ROWS_MAX), ROWS_MAX // 2
    places = range(half, len(rows) - half) if left_out else range(0)
    return [row | {"is_kept_back": place in places} for place, row in enumerate(rows)], left_out


def _between(left_out: int) -> str:
    return f"; {left_out} agents between the two halves are in the table" if left_out else ""


def _tip(row: dict[Any, Any]) -> str:
    fair, guess = (
        f"{write_percent(row[f'{name}_mean'])}{_bracket(write_percent_span(row[f'{name}_low'], row[f'{name}_high']))}"
        for name in ("fair", "shrunk")
    )
    said, note = describe_comparison(row)
    return (
        f"{row['agent_name']}: fair QA score {fair}, best guess {guess}, colleagues {row['group_mean']:.0%}, "
        f"{row['measure_count']} evaluations; {said}{_bracket(note.replace(chr(10), '; '))}"
    )


def _tip_of_expected(row: dict[Any, Any]) -> str:
    limits = write_span(row["ratio_to_expected_low"], row["ratio_to_expected_high"], "{:.2f}")
    return (
        f"{row['agent_name']}: {row['ratio_to_expected']:.2f} times{_bracket(limits)} the expected "
        f"{write_clock(row['expected_mean'])}, {row['measure_count']} engagements"
    )


def _bracket(text: str) -> str:
    return f" ({text})" if text else ""
