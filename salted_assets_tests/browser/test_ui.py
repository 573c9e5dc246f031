"""The pages that an analyst and an operator read, by what is visible on them."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from salted_assets.explain.agent_figure import FigureChange, WeekChange
from salted_assets.explain.explanation import CausePart
from salted_assets.output.scorecard import build_scorecard, render_page
from salted_assets.output.scorecard.agent_links import link_agents
from salted_assets.output.scorecard.agent_page import AgentPage, build_agent_page, render_agent_page
from salted_assets.output.scorecard.scorecard import PageOptions, make_page
from salted_assets.warehouse import Warehouse, report_file
from salted_assets_tests.support import rolling_rows
from salted_assets_tests.support.agent_page_rows import PERSON, build_agent_inputs
from salted_assets_tests.support.browser import PICTURES, Visitor, visiting
from salted_assets_tests.support.demo_browser import OWNER, SPOILED_CELLS, DemoUi
from salted_assets_tests.support.origin_inputs import build_origin_inputs, explanation
from salted_assets_tests.support.reports_server import running_server
from salted_assets_tests.support.rolling_rows import Engagements
from salted_assets_tests.support.scorecard_rows import (
    END,
    agent_rows,
    build_inputs,
    low_evaluation,
    team_weeks,
    write_scored_day,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

ENGAGEMENT = "/assets/tables/engagement"
JOBS = "/locations/salted_assets.definitions/jobs"
GROUPS = ["raw", "tables", "scores", "report"]
WIDE = {"width": 1900, "height": 3000}
PHONE = {"width": 390, "height": 844}
PAPER = {"width": 718, "height": 1040}
"""What A4 leaves between its margins, at 96 dots an inch."""

FAINTEST_TEXT = """plots => {
  const light = text => {
    const parts = text.match(/[0-9.]+/g).slice(0, 3).map(each => each / 255);
    const [r, g, b] = parts.map(each => each <= .03928 ? each / 12.92 : ((each + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ratios = plots.flatMap(plot => {
    const paper = light(getComputedStyle(plot.closest("section")).backgroundColor);
    return [...plot.querySelectorAll("text")].map(text => light(getComputedStyle(text).fill)).map(
      ink => (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05));
  });
  return Math.min(...ratios);
}"""
"""The least contrast of a text in plots with its paper, as WCAG 2 counts it."""


def test_the_backfill_that_was_launched_by_clicks_made_every_asset_of_its_days(demo: DemoUi, visitor: Visitor) -> None:
    visitor.open("/runs?view=backfills")
    visitor.sees("3 partitions", "Success")
    for path in ("raw/export", "tables/turn", "scores/agent_rolling", "report/scorecard"):
        assert len(list((demo.folder / "data" / "demo" / path).glob("date=*"))) == len(demo.days)


def test_lineage_folds_into_its_layers(visitor: Visitor) -> None:
    visitor.open("/asset-groups")
    visitor.sees(*GROUPS, within="svg")
    visitor.keeps("lineage")


def test_lineage_unfolds_into_all_assets(visitor: Visitor) -> None:
    visitor.page.set_viewport_size(WIDE)
    visitor.open(f"/asset-groups?expanded={'%2C'.join(f'global%40global%3A{group}' for group in GROUPS)}")
    for asset in ("export", "turn", "customer", "agent_daily", "team_rolling", "scorecard"):
        visitor.sees(re.compile(f"^{asset}$"), within="svg")
    visitor.keeps("graph")


def test_an_asset_says_what_its_rows_are_what_to_mind_and_what_its_columns_mean(visitor: Visitor) -> None:
    visitor.open(ENGAGEMENT)
    visitor.sees("One row per version of an engagement delivered by the day's export.", "Before you use it:")
    visitor.sees("Simulated data: made up by the built-in simulator", "Names people, or leads to them")
    visitor.sees(OWNER, "Parquet", "usage/personal_data", "tables.py", "tables.engagement")
    visitor.sees("Engagement ID.", "non-nullable", "personal_data: direct")
    visitor.keeps("asset")


def test_columns_show_units_bounds_and_known_values(visitor: Visitor) -> None:
    visitor.open(ENGAGEMENT)
    visitor.writes("time", into="Filter columns")
    visitor.sees("Time in the conversation, from joining until moving to wrap-up. Unit: ms.", "≥ 0")
    visitor.page.get_by_text("conversation_start_time").first.scroll_into_view_if_needed()
    visitor.keeps("asset-columns")


def test_metadata_of_a_table_are_counted_and_linked(visitor: Visitor) -> None:
    visitor.open(ENGAGEMENT)
    visitor.writes("rejected", into="Filter metadata keys")
    visitor.sees("rejected_cells", "rejected_records")
    visitor.page.get_by_text("Upstream assets").scroll_into_view_if_needed()
    visitor.keeps("asset-metadata")


def test_a_partition_tells_its_rows_place_and_preview(demo: DemoUi, visitor: Visitor) -> None:
    visitor.open(f"{ENGAGEMENT}?view=partitions")
    visitor.sees("Materialized (3)", "Failed (0)", demo.spoiled)
    visitor.page.get_by_text(demo.spoiled, exact=True).locator("visible=true").last.click()
    visitor.sees("dagster/partition_row_count", "dagster/uri", "rejected_cells", "late_rows", "requested_at")
    visitor.sees(f"date={demo.spoiled}/part-0.parquet")
    visitor.keeps("partitions")
    header = visitor.page.get_by_role("columnheader", name="conversation_start_time")
    link = visitor.page.get_by_text("Show Markdown")  # in place of a preview that is long
    header.or_(link).first.scroll_into_view_if_needed()
    if link.count():
        link.click()
    visitor.sees("conversation_start_time", "channel_type")
    assert "agent_name" not in visitor.reads()
    visitor.keeps("preview")


def test_checks_say_what_they_ask(visitor: Visitor) -> None:
    visitor.open(f"{ENGAGEMENT}?view=checks&checkDetail=key")
    visitor.sees("Checks (7)", "Every row of the table as written has a key, and no key comes twice.")
    for check in ("failed_partitions", "key", "referential", "rejects", "schema", "values", "volume"):
        visitor.sees(re.compile(f"^{check}$"))
    visitor.keeps("checks")


def test_a_failed_check_shows_the_cases_their_number_and_what_to_do(demo: DemoUi, visitor: Visitor) -> None:
    visitor.open(f"{ENGAGEMENT}?view=checks&checkDetail=rejects")
    visitor.sees("Failed", "days_not_passed", demo.spoiled)
    visitor.sees("rejected_cells", f"engagement_time: {SPOILED_CELLS}", "what_to_do")
    visitor.sees("The refused text is in rejects/engagement of this day")
    visitor.keeps("failing-check")


def test_the_launchpad_presets_a_refresh_for_the_day_that_is_chosen(demo: DemoUi, visitor: Visitor) -> None:
    visitor.open(f"{JOBS}/refresh_day/playground")
    visitor.writes(demo.days[-1], into="Partition")
    visitor.sees(f"partition: {demo.days[-1]}", "No errors")
    assert re.search(r"refresh:\s*true", visitor.reads(".CodeMirror"))
    visitor.keeps("launchpad")


def test_the_launchpad_of_a_contact_export_opens_filled_in_but_for_the_days(visitor: Visitor) -> None:
    visitor.open(f"{JOBS}/contact_export/playground")
    visitor.sees("first_day", "last_day", "SALTED_CONTACT", "No errors")
    visitor.keeps("launchpad-contact-export")


def test_runs_of_commands_are_on_the_timeline(visitor: Visitor) -> None:
    visitor.open("/timeline/overview")
    visitor.sees("salted_assets.definitions", "Jobless asset materializations")
    visitor.keeps("timeline")


def test_jobs_say_what_they_are_for(visitor: Visitor) -> None:
    visitor.open(f"{JOBS}/refresh_day")
    visitor.sees("A new export of a day, then its tables and scores")
    visitor.keeps("job")


def test_a_score_names_its_readings_and_the_sources_of_its_columns(visitor: Visitor) -> None:
    visitor.open("/assets/scores/agent_daily")
    visitor.sees("One row per agent and start day with at least one engagement that counts.", "part of the key")
    visitor.sees("From scores/engagement: agent_pid.")
    visitor.keeps("score")


def test_an_analyst_comes_from_the_graph_by_an_asset_and_its_checks_to_the_documentation(visitor: Visitor) -> None:
    visitor.open("/assets/catalog?view=lineage&lineageScope=upstream")
    visitor.sees(re.compile("^agent_daily$"), within="svg")
    visitor.keeps("catalog-lineage")
    visitor.open("/assets/scores/agent_daily?view=checks&checkDetail=reconciles")
    visitor.sees("Sums agree with those of what the score is made of", "Passed", "engagement_count")
    for check in ("failed_partitions", "plausible", "reconciles"):
        visitor.sees(re.compile(f"^{check}$"))
    visitor.keeps("checks-of-a-score")
    visitor.open("/assets/scores/agent_daily")
    visitor.page.locator('a[href$="/docs/scores.md#scoresagent_daily"]').first.click()
    visitor.sees("scores/agent_daily", "engagement_count")
    visitor.presses("All pages")
    visitor.presses("Querying")
    visitor.sees(re.compile("questions over weeks$"))
    visitor.page.screenshot(path=PICTURES / "docs.png")
    visitor.page.emulate_media(color_scheme="dark")
    visitor.page.screenshot(path=PICTURES / "docs-dark.png")


def test_the_raw_export_lists_its_files(visitor: Visitor) -> None:
    visitor.open("/assets/raw/export")
    visitor.sees("One landing per day", "dagster/partition_row_count", "stored_bytes", "superseded_exports")
    visitor.keeps("raw")


def test_the_scorecard_opens_by_the_link_that_its_partition_shows(demo: DemoUi, visitor: Visitor) -> None:
    visitor.open("/assets/report/scorecard")
    visitor.sees("One page per day: who stands out", "scorecard.html")
    visitor.keeps("report")
    page = visitor.follows(f"/scorecard/date={demo.days[-1]}/scorecard.html")
    page.sees("Simulated", "Reviewers", demo.days[-1])
    page.keeps("report-page")


def test_a_manager_goes_from_the_list_to_a_card_to_an_agent_and_to_the_card_before(
    browser: Any, tmp_path: Path
) -> None:
    warehouse = Warehouse(str(tmp_path))
    teams = {"Ada": "North", "Ben": "North", "Eve": "South"}
    write_scored_day(warehouse, [Engagements(agent=name.lower(), name=name, team=team) for name, team in teams.items()])
    before = rolling_rows.END - timedelta(days=1)
    copied = make_page(warehouse, rolling_rows.END, PageOptions(0.5)).encode()
    warehouse.write_bytes(report_file(("report", "scorecard"), before, "scorecard.html"), copied)
    with running_server(warehouse) as port, visiting(browser, f"http://127.0.0.1:{port}") as visitor:
        visitor.open("/")
        visitor.keeps("report-list")
        visitor.passes_axe()
        page, rows = visitor.page, visitor.page.locator("#table tbody tr:visible td:first-child")
        page.get_by_text("Newest:").click()
        page.locator("#filter-team").select_option("North")
        assert rows.all_inner_texts() == ["Ada", "Ben"]
        assert page.locator(".tile b").first.inner_text() == "2"
        page.reload()
        assert rows.all_inner_texts() == ["Ada", "Ben"]
        page.get_by_text("Previous card").click()
        assert page.url.endswith(f"date={before}/scorecard.html?team=North")
        assert rows.all_inner_texts() == ["Ada", "Ben"]
        page.get_by_text("Next card").click()
        rows.get_by_role("link", name="Ben").click()
        visitor.sees("Ben", within="h1")
        visitor.keeps("report-agent")
        visitor.passes_axe()
        visitor.open("/docs/concepts.md")
        visitor.passes_axe()


def _explained_agent() -> AgentPage:
    """The page of an agent whose figure is explained, with what changed since it was published and in a week."""
    moved = explanation("mean", 0.60, 0.57, CausePart("late", -0.03))
    week = WeekChange(END - timedelta(days=7), FigureChange("plain mean", moved))
    origin = build_origin_inputs(week=week)
    return build_agent_page(build_agent_inputs(), PERSON, PageOptions(0.5), is_simulated=True, origin=origin)


@pytest.fixture(name="card")
def fixture_card(browser: Any, tmp_path: Path) -> Any:
    """A card of forty agents, two of one name, opened as a file."""
    agents = [row for number in range(40) for row in agent_rows(number)]
    agents += agent_rows(40, agent_name="Agent 7", team="Team 2", channel_type="Chat")
    teams = team_weeks({**{f"Team {number}": 13 for number in range(3)}, "T" * 300: 13})
    low = [
        low_evaluation(agent_pid=f"p{number}", agent_name=f"Agent {number}", team=f"Team {number % 3}")
        for number in [*range(40), *range(20)]
    ]
    inputs = build_inputs(agents, teams=teams, low=low)
    page = render_page(build_scorecard(inputs, PageOptions(0.5), is_simulated=True))
    (tmp_path / "card.html").write_bytes(link_agents(page.encode(), "", END))
    (tmp_path / "agent.html").write_text(render_agent_page(_explained_agent()), encoding="utf-8")
    with visiting(browser, f"file://{tmp_path}") as visitor:
        visitor.open("/card.html?team=Team+1")
        yield visitor


def test_one_filter_goes_for_tiles_plots_and_tables(card: Visitor) -> None:
    page = card.page
    plot = page.locator("svg:has(#caterpillar-compared)")
    assert page.locator(".tile b").first.inner_text() == "13"
    assert page.locator("#table tbody tr:visible").count() == 13
    assert plot.locator("g[data-rank]:visible").count() == 13
    assert page.locator("#low tbody tr:visible").count() == 16
    card.sees("among the 50 listed rows alone, of 60", within="#low")
    assert page.locator("figure[data-team]:visible figcaption").all_inner_texts() == ["Team 1 (13 people)"] * 2
    page.locator("#filter-agent").select_option("p1")
    assert plot.locator("g[data-rank]:visible text").all_text_contents() == ["Agent 1"]
    card.sees("Agent 1: fair QA score 61%", within="#plots")
    assert page.locator("#plots .said a").first.get_attribute("href") == f"agent/p1?day={END}"
    page.locator("#filter-team").select_option("Team 2")
    page.locator("#filter-channel").select_option("Chat")
    assert page.locator("#table tbody tr:visible td:first-child").all_inner_texts() == ["Agent 7 (Team 2)"]
    assert page.url.endswith("?team=Team+2&channel=Chat"), "the agent is of another team"
    card.keeps("scorecard-filtered")
    card.passes_axe()
    page.get_by_text("Show all").click()
    assert page.url.endswith("card.html")
    assert page.locator("#table tbody tr:visible").count() == 41
    assert plot.locator("g[data-rank]:visible").count() == 36
    card.open("/agent.html")
    card.sees("How this figure came about", "Changed since the week before")
    card.passes_axe()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_card_can_be_read_on_a_phone_and_its_plots_in_the_dark(card: Visitor, scheme: str) -> None:
    card.page.emulate_media(color_scheme=scheme)
    card.page.set_viewport_size(PHONE)
    card.open("/card.html")
    assert card.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert card.page.eval_on_selector_all(".plot", FAINTEST_TEXT) >= 4.5
    card.page.get_by_text("What the columns say").first.click()
    card.sees("What a usual reviewer would give for a usual mix of questions, in percent")
    card.keeps(f"scorecard-phone-{scheme}")


def test_on_paper_no_column_is_lost_and_no_control_is_left(card: Visitor) -> None:
    card.page.emulate_media(media="print", color_scheme="dark")
    card.page.set_viewport_size(PAPER)
    headings = card.page.locator("#table th")
    assert headings.count() == 13
    assert max(box["x"] + box["width"] for box in (each.bounding_box() for each in headings.all())) <= PAPER["width"]
    assert headings.first.evaluate("each => getComputedStyle(each.closest('thead')).display") == "table-header-group"
    assert not card.page.locator(".filter, summary, select").locator("visible=true").count()
    assert card.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    cell = card.page.locator("#table tbody td").first
    painted = cell.evaluate("each => getComputedStyle(each).backgroundColor")
    assert painted == "rgba(0, 0, 0, 0)", "it would be painted over the line of the row above"
    card.sees("What a usual reviewer would give for a usual mix of questions, in percent")
    card.keeps("scorecard-paper")
