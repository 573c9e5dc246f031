"""A person before the UI: headless Chromium, what it is pointed at, what it sees. Not here: pages, data, any test.

Playwright and axe-core are imported when a browser is opened, so that the other tests need neither it nor Chromium.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from salted_assets_tests.support.checkout import ROOT

PICTURES = ROOT / "artifacts" / "screenshots"
SIZE = {"width": 1440, "height": 900}
PATIENCE_MS = 90_000
"""A page that is asked for while runs are under way on two cores takes its time."""

REQUIRED = "REQUIRE_BROWSER"
"""The variable that makes a missing browser a failure: `make test-all` sets it."""


@dataclass(frozen=True)
class Visitor:
    """What a person does and sees. Everything waits until it is there, and fails when it does not come."""

    url: str
    page: Any

    def open(self, path: str) -> None:
        """Go to a page of the UI, or to any address."""
        self.page.goto(path if "://" in path else self.url + path)

    def sees(self, *texts: str | re.Pattern[str], within: str = "body", patience_ms: int = PATIENCE_MS) -> None:
        """Wait until each text is visible somewhere within the part of the page."""
        for text in texts:
            found = self.page.locator(within).get_by_text(text).locator("visible=true").first
            found.wait_for(state="visible", timeout=patience_ms)

    def presses(self, name: str, *, within: str = "body") -> None:
        """Press the button, tab or link that carries these words."""
        handles = self.page.locator(within).locator("button, a, [role=button], [role=tab]")
        handles.filter(has_text=re.compile(rf"^\s*{re.escape(name)}\s*$")).locator("visible=true").first.click()

    def follows(self, ending: str) -> "Visitor":
        """Click the link to an address that ends so, which opens a page of its own; gives the visitor of that page."""
        with self.page.expect_popup() as opened:
            self.page.locator(f'a[href$="{ending}"]').first.click()
        return Visitor(self.url, opened.value)

    def writes(self, text: str, *, into: str) -> None:
        """Write into the field that shows these words while it is empty, and confirm."""
        field = self.page.get_by_placeholder(into).first
        field.fill(text)
        field.press("Enter")

    def reads(self, within: str = "body") -> str:
        """All visible text of a part of the page."""
        return str(self.page.locator(within).first.inner_text())

    def passes_axe(self) -> None:
        """Hold the page, light and dark, against axe-core: rules for people who see, hear or point otherwise."""
        from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - see the module's docstring

        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)
            found = Axe().run(self.page)
            assert not found.violations_count, f"{self.page.url} ({scheme}): {found.generate_report()}"
        self.page.emulate_media(color_scheme=None)

    def keeps(self, name: str) -> None:
        """Keep a picture of what is seen, once nothing turns or slides any more."""
        self.page.wait_for_load_state("networkidle")
        self.page.locator(".spinnerGlobal").first.wait_for(state="hidden")
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")


@contextmanager
def running_browser() -> Iterator[Any]:
    """Headless Chromium. Skips the tests where there is none, and fails them there if one is required."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        _miss("Chromium is not installed (Debian: apt-get install chromium)")
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - see the module's docstring
    except ImportError:
        _miss("Playwright is not installed (pip install '.[browser]')")
    with sync_playwright() as playwright:
        # a container runs the tests as root, where Chromium has no sandbox
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Any, url: str) -> Iterator[Visitor]:
    """A visitor who has never been here before."""
    context = browser.new_context(viewport=SIZE, timezone_id="UTC", locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield Visitor(url, page)
    context.close()


def _miss(problem: str) -> None:
    if os.environ.get(REQUIRED):
        pytest.fail(problem)
    pytest.skip(problem)
