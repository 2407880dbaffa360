"""Chromium, driven by playwright's asyncio interface (its other one leaves a running loop in the way of async tests).

async with start_chromium() as chromium:
    page = await chromium.open("http://127.0.0.1:8080", width=390, height=844)
    await page.screenshot(path="phone.png", full_page=True)
    assert chromium.complaints == []
"""

import contextlib
import os
from collections.abc import AsyncIterator

from playwright.async_api import Browser, ConsoleMessage, Error, Page, async_playwright

from parts.places import program


class Chromium:
    """A running browser. `complaints` gathers each page's errors: uncaught exceptions and console errors."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.complaints: list[str] = []

    async def open(
        self, url: str, *, width: int = 1280, height: int = 800, dark: bool = False, forced_colors: bool = False
    ) -> Page:
        """A new page of that size at `url`, in a context of its own; returns when its load event has fired."""
        context = await self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            forced_colors="active" if forced_colors else "none",
        )
        page = await context.new_page()
        page.on("console", self._console)
        page.on("pageerror", self._error)
        await page.goto(url)
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def _error(self, error: Error) -> None:
        self.complaints.append(error.message)


@contextlib.asynccontextmanager
async def start_chromium() -> AsyncIterator[Chromium]:
    """A headless browser of the system's; closed at the end. Raises PartMissing."""
    path = program("chromium", "chromium-browser", "google-chrome")
    # Chromium's sandbox refuses to run as root, as which containers and build machines often run.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield Chromium(browser)
        finally:
            await browser.close()
