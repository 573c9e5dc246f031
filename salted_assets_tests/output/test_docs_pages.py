"""The documentation as web pages: complete, linked to each other, and without anything that runs or is loaded."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import pytest

from salted_assets.output.docs_pages import find_docs, list_pages, render_contents, render_page
from salted_assets_tests.support.checkout import ROOT


class Page(HTMLParser):
    """What a page links, which anchors it has, what it loads, what scrolls by itself, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.sources: list[str] = []
        self.tags: set[str] = set()
        self.scrolls: list[bool] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        if tag == "pre" or given.get("class") == "scroll":
            self.scrolls.append("tabindex" in given)
        self.links += [given["href"]] if "href" in given else []
        self.sources += [given["src"]] if "src" in given else []
        self.anchors |= {given["id"]} if "id" in given else set()

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(name="pages", scope="module")
def fixture_pages() -> Mapping[str, Page]:
    folder = find_docs()
    return {name: Page(render_page(folder, name) or "") for name in list_pages(folder)}


def test_all_pages_of_the_checkout_are_there_and_listed() -> None:
    names = {path.name for path in (ROOT / "docs").glob("*.md")}
    listed = Page(render_contents(find_docs()))
    assert set(listed.links) == {"../", *names}
    assert "Start: from nothing to your own data" in listed.text


def test_every_link_of_a_page_leads_to_a_page_and_a_heading(pages: Mapping[str, Page]) -> None:
    lost = []
    for name, page in pages.items():
        for link in page.links:
            path, _, anchor = link.partition("#")
            if path in {"./", "../", "datapackage.json"} or link.startswith("http"):
                continue
            target = pages.get(path or name)
            if target is None or (anchor and anchor not in target.anchors):
                lost.append((name, link))
    assert lost == []


def test_a_page_brings_its_pictures_and_loads_nothing(pages: Mapping[str, Page]) -> None:
    sources = [source for page in pages.values() for source in page.sources]
    assert len(sources) > 1
    assert all(source.startswith(("data:image/png;base64,", "data:image/svg+xml;base64,")) for source in sources)
    assert all("table" in pages[name].tags and "|---" not in pages[name].text for name in ("tables.md", "scores.md"))


def test_what_scrolls_by_itself_is_reached_by_the_keyboard(pages: Mapping[str, Page]) -> None:
    page = pages["querying.md"]
    assert len(page.scrolls) > 30
    assert all(page.scrolls)


def test_the_corner_of_a_table_without_words_is_no_heading(tmp_path: Path) -> None:
    (tmp_path / "table.md").write_text("| | one |\n|---|---|\n| two | 1 |")
    html = render_page(tmp_path, "table.md") or ""
    assert html.count("<th>") == 1
    assert "<td></td>" in html


def test_what_a_page_says_is_text_and_nothing_that_runs(tmp_path: Path) -> None:
    (tmp_path / "odd.md").write_text(
        "# A <b>title</b>\n\n<img src=x onerror=alert(1)> [run](javascript:alert(1)) ![](../secret.png)\n\n"
        "## Again\n\n## Again"
    )
    (tmp_path.parent / "secret.png").write_bytes(b"secret")
    page = Page(render_page(tmp_path, "odd.md") or "")
    assert page.tags.isdisjoint({"b"})
    assert page.sources == ["../secret.png"], "left as it is: no picture of the folder"
    assert not [link for link in page.links if "javascript" in link]
    assert {"a-btitleb", "again", "again-1"} <= page.anchors


@pytest.mark.parametrize("name", ["../README.md", "/etc/passwd", "start", "images/graph.png", ".", ""])
def test_no_path_leads_out_of_the_pages(name: str) -> None:
    assert render_page(find_docs(), name) is None


def test_without_the_folder_the_list_says_so(tmp_path: Path) -> None:
    assert "not installed here" in render_contents(tmp_path / "nowhere")
    assert re.search(r"<title>Documentation</title>", render_contents(tmp_path))
