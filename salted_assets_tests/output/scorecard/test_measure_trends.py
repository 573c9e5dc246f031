"""Figures beside the reviewers' week by week: each on its own scale, with what there is none of."""

from typing import Any

import pytest

from salted_assets.output.scorecard.measure_trends import build_measure_trends
from salted_assets.output.scorecard.plot_sections import PlotSection
from salted_assets.output.scorecard.records import list_records
from salted_assets.output.scorecard.trends import trend_of_shares
from salted_assets_tests.support.page_reader import Page
from salted_assets_tests.support.scorecard_rows import build_inputs

RESOLVED = "resolved, of engagements with a resolution (%)"


def build(week_count: int, *, seen: list[str] | None = None, **sums: Any) -> PlotSection:
    """The section of so many even weeks with these sums, where these resolutions were seen."""
    inputs = build_inputs([], week_count=week_count)
    resolutions = list_records(inputs.resolutions) if seen is None else [{"resolution": value} for value in seen]
    return build_measure_trends(list_records(inputs.weeks.assign(**sums)), resolutions)


def test_each_figure_has_a_panel_and_what_is_missing_is_named() -> None:
    section = build(5)

    assert section.picture is not None
    page = Page(section.picture.svg)
    titles = [text for text in page.texts if "(%)" in text or "scale)" in text]
    assert titles[:4] == [
        "QA score of reviewers' forms (%)",
        "CSAT, customers' surveys (%)",
        "QA score of auto reviews (%)",
        "sentiment of customers (vendor's scale)",
    ]
    assert "Not in two weeks: sentiment of agents (vendor's scale)." in section.words
    marks = [attributes for tag, attributes in page.tags if attributes.get("class") == "compared"]
    assert len(marks) == 4 * 5
    assert len({attributes.get("cx") for attributes in marks}) == 5, "the weeks of all lie below each other"


def test_without_two_weeks_there_is_no_picture_and_it_says_why() -> None:
    section = build(1)

    assert section.picture is None
    assert section.absent == "There are not two weeks of any of them yet."


def test_where_values_mean_resolved_their_share_is_a_panel_of_its_own() -> None:
    section = build(5, resolution_judged_count=[10.0, 0.0, 10.0, 10.0, 10.0], resolved_count=[9.0, 0.0, 9.0, 9.0, 9.0])

    assert section.picture is not None
    page = Page(section.picture.svg)
    assert RESOLVED in page.texts
    marks = [attributes for tag, attributes in page.tags if attributes.get("class") == "compared"]
    assert len(marks) == 4 * 5 + 4, "a week in which nothing has a resolution has no share"
    assert "any other resolution counts as not resolved" in section.words
    assert "escalated" not in section.words


def test_a_weeks_share_has_wilsons_interval() -> None:
    weeks = build_inputs([], week_count=2).weeks.assign(resolution_judged_count=10.0, resolved_count=9.0)
    point = trend_of_shares(list_records(weeks), "resolved_count", "resolution_judged_count")[-1]

    assert (point.mean, point.low, point.high) == pytest.approx((0.9, 0.596, 0.982), abs=0.001)


def test_where_no_setting_says_what_means_resolved_the_values_seen_and_the_setting_are_named() -> None:
    assert (
        "the setting SALTED_RESOLVED_VALUES does not say which of the resolutions seen (resolved, <i>escalated) mean "
        "resolved."
    ) in build(5).words
    many = build(5, seen=[f"value {number}" for number in range(13)]).words
    assert "value 9 and 3 more) mean resolved." in many
    assert "value 10" not in many


def test_where_no_engagement_has_a_resolution_that_is_said_and_no_setting_asked_for() -> None:
    words = build(5, seen=[]).words

    assert "no engagement has a resolution." in words
    assert "SALTED_RESOLVED_VALUES" not in words
