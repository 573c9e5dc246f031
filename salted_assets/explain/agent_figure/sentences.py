"""The figure of an agent in sentences, for commands and pages."""

from salted_assets.explain.agent_figure.figure import ONE_DAY, AgentFigure, Estimate
from salted_assets.explain.agent_figure.measures import QA_SCORE, ValueWords, name_in_trade

_COUNTED = {QA_SCORE: "evaluation by reviewers", "evaluation_customer": "customers' survey"}


def describe_figure(figure: AgentFigure) -> str:
    """What it is, with its interval, days and the number that it rests on."""
    words = ValueWords.of(figure.measure)
    name = name_in_trade(figure.measure)
    when = (
        f"on {figure.end_date}" if figure.window_days == ONE_DAY else f"{figure.window_days} days to {figure.end_date}"
    )
    kind = "fair " if figure.fair else ""
    return f"{kind}{name} {_write(figure.headline, words)}, {when}, from {_count(figure)}"


def describe_comparison(figure: AgentFigure) -> str:
    """Whether it is compared with the colleagues', and why not."""
    comparison, best = figure.comparison, figure.best_guess
    reason = f": {comparison.reason}" if comparison.reason else ""
    if best is None or comparison.group_mean is None:
        return f"Not compared with colleagues{reason}."
    words = ValueWords.of(figure.measure)
    beside = (
        f"The best guess, which looks at all agents together, is {_write(best, words)}; the mean of the "
        f"{comparison.group_count} people compared is {words.write(comparison.group_mean)}."
    )
    if comparison.state == "compared":
        return f"Compared with colleagues. {beside}"
    return f"Provisional, not yet compared{reason}. {beside}"


def describe_anchored(figure: AgentFigure) -> str:
    """The figure corrected by auto reviews and what these are worth, or why they tell nothing; else nothing."""
    anchored = figure.anchored
    if anchored is None:
        return ""
    if anchored.estimate is None or anchored.extra_count is None:
        return f"Auto reviews tell nothing here: {anchored.reason}." if anchored.reason else ""
    one = "evaluation" if anchored.count == 1 else "evaluations"
    return (
        f"Corrected by auto reviews: {_write(anchored.estimate, ValueWords.of(figure.measure))}, from "
        f"{anchored.count:,} {one} with questions in common; auto reviews are worth "
        f"{describe_extra(anchored.extra_count)} here."
    )


def describe_extra(count: float) -> str:
    """How many extra reviews the auto reviews are worth.

    >>> [describe_extra(count) for count in (0.6, 1.2, 3.9)]
    ['less than 1 extra review', '1 extra review', '4 extra reviews']
    """
    if count < 1:
        return "less than 1 extra review"
    return f"{count:,.0f} extra review{'s' * (round(count) > 1)}"


def _write(estimate: Estimate, words: ValueWords) -> str:
    if estimate.low is None or estimate.high is None:
        return words.write(estimate.value)
    low = f"{words.round(estimate.low):.{words.digits}f}"
    return f"{words.write(estimate.value)} (95% interval {low} to {words.write(estimate.high)})"


def _count(figure: AgentFigure) -> str:
    one = figure.count == 1
    first, _, rest = _COUNTED.get(figure.measure.name, figure.measure.per).partition(" ")
    if figure.measure.name == "evaluation_customer":
        return f"{figure.count:,} customers' {'survey' if one else 'surveys'}"
    return f"{figure.count:,} {first}{'' if one else 's'}{f' {rest}' if rest else ''}"
