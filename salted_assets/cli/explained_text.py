"""The explanation of a figure as lines for the terminal."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from salted_assets.explain.agent_figure import (
    MOVED_TOO,
    EngagementValue,
    Evaluation,
    FigureExplanation,
    SharedPart,
    ValueWords,
    describe_anchored,
    describe_change,
    describe_comparison,
    describe_figure,
    name_in_trade,
    share_points,
)
from salted_assets.output.scorecard.table_cells import write_percent

NEWEST_MAX, LOWEST_MAX = 8, 4
ENGAGEMENTS_MAX = 5
_WIDTH = 110
_ANSWERS_MAX = 2


def write_explanation(found: FigureExplanation, *, is_simulated: bool) -> Iterator[str]:
    """The figure in a sentence, its steps, and what it rests on, of which the newest and the lowest are named."""
    figure = found.figure
    yield ""
    simulated = " (simulated data)" if is_simulated else ""
    yield from _wrap(f"{figure.agent_name}{simulated}: {describe_figure(figure)}.")
    yield from _wrap(describe_comparison(figure))
    yield from _wrap(describe_anchored(figure))
    if figure.published_at_utc:
        yield f"Published at {figure.published_at_utc:%Y-%m-%d %H:%M} UTC."
    yield ""
    yield from _write_steps(found)
    yield ""
    links = {each.engagement_pid: each.link for each in found.evaluations}
    links |= {each.engagement_pid: each.link for each in found.values}
    yield from _write_changes(found, links)
    yield ""
    yield from _write_week(found, links)
    yield from _write_evaluations(found)
    yield from _write_values(found)


def _write_steps(found: FigureExplanation) -> Iterator[str]:
    figure, derivation = found.figure, found.derivation
    words = ValueWords.of(figure.measure)
    name = name_in_trade(figure.measure)
    yield f"How it comes about, in {words.points}"
    rows = [("plain mean", f"of {figure.count:,} {figure.measure.unit_of_count}", "", words.write(derivation.start))]
    for step, points in zip(derivation.steps, derivation.round_steps(words), strict=True):
        if derivation.shrunk_from is not None and step is derivation.steps[-1]:
            rows.append((f"= fair {name}", "", "", words.write(derivation.shrunk_from)))
        rows.append((step.name, step.describe(points), words.write_difference(points), ""))
    if derivation.shrunk_from is not None:
        rows.append(("= best guess", "", "", words.write(derivation.end)))
    elif derivation.steps:
        rows.append((f"= fair {name}", "", "", words.write(derivation.end)))
    yield from align(rows, numbers=2)
    if derivation.note:
        yield from _wrap(f"Note: {derivation.note}.", "  ")


def _write_changes(found: FigureExplanation, links: Mapping[str, str | None]) -> Iterator[str]:
    words = ValueWords.of(found.figure.measure)
    changed = [change for change in found.changes if change.is_changed]
    since = f"{found.since:%Y-%m-%d}" if found.since else "it was first published"
    if not changed:
        yield f"No change since {since} is on record."
        return
    published = changed[0].explanation.published_at
    first = f" ({published:%Y-%m-%d %H:%M} UTC)" if published and not found.since else ""
    yield f"What changed since {since}{first}"
    for change in changed:
        yield f"  {describe_change(change, words)}"
        if not change.is_split:
            continue
        yield from _write_parts(share_points(change, words), words, links)
        yield from (line for note in change.explanation.notes for line in _wrap(f"Note: {note}", "  "))
    if not all(change.is_split for change in changed):
        yield from _wrap(MOVED_TOO, "  ")


def _write_week(found: FigureExplanation, links: Mapping[str, str | None]) -> Iterator[str]:
    week, words = found.week_change, ValueWords.of(found.figure.measure)
    if week is None:
        return
    moved = words.write_difference(words.subtract(week.now, week.reported))
    yield (
        f"Since the figure of {week.day}, as it was reported: {words.write(week.reported)} -> {words.write(week.now)}, "
        f"{moved} {words.points}"
    )
    yield from _write_parts(week.share_points(words), words, links)
    yield ""


def _write_parts(parts: Sequence[SharedPart], words: ValueWords, links: Mapping[str, str | None]) -> Iterator[str]:
    """A line for each cause, and below it the engagements that it touched."""
    for part in parts:
        points = "" if part.points is None else words.write_difference(part.points)
        yield f"  {points:>8}  {part.name:<22}  {part.where}".rstrip()
        named = part.cause.engagement_pids
        yield from (f"{' ' * 12}{links.get(pid) or pid}" for pid in named[:ENGAGEMENTS_MAX])
        if len(named) > ENGAGEMENTS_MAX:
            yield f"{' ' * 12}{len(named) - ENGAGEMENTS_MAX} more: `--json` has them all"


def _write_evaluations(found: FigureExplanation) -> Iterator[str]:
    every = found.evaluations
    if not every:
        return
    newest = every[:NEWEST_MAX]
    rest = sorted(every[NEWEST_MAX:], key=lambda each: each.score)[:LOWEST_MAX]
    yield f"Evaluations it rests on: {len(every):,}" + (
        f", of which the newest {len(newest)} and the {len(rest)} lowest of the others are listed" if rest else ""
    )
    if found.derivation.shares:
        yield "`counts` is how much of the fair score each makes up."
    yield from _table_of_evaluations(found, newest)
    if rest:
        yield "  ..."
        yield from _table_of_evaluations(found, rest)
    left = len(every) - len(newest) - len(rest)
    if left > 0:
        yield f"  {left:,} more: `--json` has them all"


def _table_of_evaluations(found: FigureExplanation, listed: Sequence[Evaluation]) -> Iterator[str]:
    shares = found.derivation.shares
    for each in listed:
        share = shares.get((each.engagement_pid, each.evaluation))
        counts = f"counts {write_percent(share)}" if share is not None else ""
        kind = "single answer" if len(each.answers) == 1 else f"{len(each.answers)} answers"
        notes = ", ".join(
            filter(
                None,
                (each.reviewer, kind, "picked" if each.was_chosen else "", "auto-fail" if each.is_auto_fail else ""),
            )
        )
        yield f"  {each.day}  {write_percent(each.score, 1):>6}  {counts:<11}  {notes}"
        for answer in each.answers[:_ANSWERS_MAX]:
            yield from _wrap(f"{answer.question}: {answer.answer} ({write_percent(answer.score)})", " " * 14)
        if len(each.answers) > _ANSWERS_MAX:
            yield f"{' ' * 14}and {len(each.answers) - _ANSWERS_MAX} better ones"
        yield f"{' ' * 14}{each.link or each.engagement_pid}"


def _write_values(found: FigureExplanation) -> Iterator[str]:
    every = found.values
    if not every:
        return
    words = ValueWords.of(found.figure.measure)
    newest = every[:NEWEST_MAX]
    rest = sorted(every[NEWEST_MAX:], key=lambda each: each.value)[:LOWEST_MAX]
    yield f"Engagements it rests on: {len(every):,}" + (
        f", of which the newest {len(newest)} and the {len(rest)} lowest of the others are listed" if rest else ""
    )
    yield from align([_cells(each, words) for each in (*newest, *rest)], numbers=0)
    left = len(every) - len(newest) - len(rest)
    if left > 0:
        yield f"  {left:,} more: `--json` has them all"


def _cells(each: EngagementValue, words: ValueWords) -> tuple[str, str, str]:
    return f"{each.day}", words.write(each.value), each.link or each.engagement_pid


def align(rows: Sequence[Sequence[str]], *, numbers: int) -> Iterator[str]:
    """The rows in columns, of which the last ones are numbers."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(width) if column >= len(row) - numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"  {'  '.join(cells)}".rstrip()


def _wrap(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
