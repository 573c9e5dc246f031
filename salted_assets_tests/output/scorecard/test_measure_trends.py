"""Figures beside the reviewers' week by week: each on its own scale, with what there is none of."""

from salted_assets.output.scorecard.measure_trends import build_measure_trends
from salted_assets_tests.support.page_reader import Page
from salted_assets_tests.support.scorecard_rows import build_inputs


def test_each_figure_has_a_panel_and_what_is_missing_is_named() -> None:
    section = build_measure_trends(build_inputs([], week_count=5).weeks)

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
    section = build_measure_trends(build_inputs([], week_count=1).weeks)

    assert section.picture is None
    assert section.absent == "There are not two weeks of any of them yet."
