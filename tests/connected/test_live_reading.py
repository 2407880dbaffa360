"""The live page can be read: by whoever looks at it, on any screen and in any colours, whatever its records say."""

import re
from collections.abc import Iterator
from itertools import cycle
from typing import get_args

import msgspec
import pytest
from playwright.async_api import Page, expect

from axe import findings
from contracts.events import Boot, ConnectorState, Derived
from dashboards.live.views import SEVERITIES
from derived import Log, alarm, at, connector_status, sample, session, station_status
from live_process import Live
from parts.chromium import Chromium
from parts.embedded import start_embedded
from parts.handles import Broker

LONGEST = "W" * 48  # OCPP's longest identity, in the widest letter
TITLE = "Communication with the energy management system was lost while a session was running"
STATES: tuple[ConnectorState, ...] = get_args(ConnectorState)
VIEWS = pytest.mark.parametrize(
    ("width", "dark", "forced"),
    [(1280, False, False), (1280, True, False), (390, False, False), (390, True, False), (1280, False, True),
     (390, True, True)],
    ids=["1280-light", "1280-dark", "390-light", "390-dark", "1280-forced", "390-dark-forced"],
)  # fmt: skip
WIDER_THAN_ITS_BOX = """() => [...document.querySelectorAll(".top *, main, main *")]
  .filter((e) => !e.closest("svg, thead") && e.clientWidth && e.scrollWidth > e.clientWidth)
  .map((e) => `${e.outerHTML.slice(0, 90)}: ${e.scrollWidth} > ${e.clientWidth}`)"""
# What is inline has no width of its own: its text ends where its card does. A phone's table has no visible head.
TEXT_OUTSIDE_ITS_CARD = """() =>
  [...document.querySelectorAll(".figures dl > div, #rows :is(th, td), #alarms li, thead th")]
  .filter((card) => card.getClientRects().length && !(innerWidth <= 960 && card.closest("thead")))
  .flatMap((card) => {
    const text = document.createRange();
    text.selectNodeContents(card);
    const [inner, outer] = [text.getBoundingClientRect(), card.getBoundingClientRect()];
    return inner.left < outer.left - 1 || inner.right > outer.right + 1 ? [card.innerText] : [];
  })"""


def hard_to_show() -> list[Derived]:
    """Long names, every state on stations that are there and that are gone, and 900 alarms of every severity."""
    events: list[Derived] = []
    boot = Boot(at(0), vendor="Manufacturing Company", model="Ultra-Fast-Charger-350")
    for name, online in (("there", True), ("gone", False), (LONGEST, True), ("M" * 48, False)):
        station = f"default/{name}"
        events.append(station_status(station, 1, -90_000, online=online, proto="ocpp2.0.1", boot=boot))
        for evse, state in enumerate(STATES, 1):
            status = connector_status(station, 2, 5, state, error_code="OtherError", info="x" * 50)
            events.append(msgspec.structs.replace(status, evse=evse, stale=not online))
        events.append(session(station, 3, -170_000, evse=4, import_wh=98_765_432.0, soc_to_pct=100.0))
    for n, severity in zip(range(900), cycle(SEVERITIES), strict=False):
        station = f"default/{LONGEST}" if n % 2 else "default/there"
        more = {"title": TITLE, "detail": "y" * 120} if n % 3 else {}
        events.append(alarm(station, 10 + n, n, severity=severity, **more))
    events.append(alarm("default/there", 2000, 1000, state="cleared", cleared_at=at(1010)))
    return events


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The page of a fleet that is hard to show; no test changes it."""
    with start_embedded() as embedded:
        broker = Broker("embedded", embedded.bootstrap)
        Log(broker).put(*hard_to_show())
        live = Live(broker, tmp_path_factory.mktemp("live"))
        try:
            live.wait_ready()
            live.process.wait_until(lambda: live.alarms() == 901, 60)  # it reads samples from now on
            Log(broker).put(sample(f"default/{LONGEST}", 4, 3590, evse=4, power_import_w=1_349_900.0))
            yield live
        finally:
            live.process.kill()


async def filled(page: Page) -> Page:
    """Returns when the page shows all of it."""
    await expect(page.locator("#f-alarms")).to_have_text("900", timeout=30_000)
    await expect(page.locator("#f-power")).to_have_text("1.35", timeout=30_000)
    await expect(page.locator("#rows tr")).to_have_count(4)
    return page


@VIEWS
async def test_axe_finds_nothing(hard: Live, chromium: Chromium, width: int, dark: bool, forced: bool) -> None:
    """WCAG's rules and axe's own, text's contrast of 4.5 to 1 among them."""
    page = await filled(await chromium.open(hard.url, width=width, height=844, dark=dark, forced_colors=forced))
    await page.locator("#more-alarms").click()
    await expect(page.locator("#alarm-pages")).to_be_visible()
    assert await findings(page) == []
    assert chromium.complaints == []


async def test_no_text_leaves_its_card(hard: Live, chromium: Chromium) -> None:
    page = await filled(await chromium.open(hard.url))
    await page.locator("#more-alarms").click()
    for width in (1280, 1201, 961, 390, 320):
        await page.set_viewport_size({"width": width, "height": 844})
        assert await page.evaluate(WIDER_THAN_ITS_BOX) == [], width
        assert await page.evaluate(TEXT_OUTSIDE_ITS_CARD) == [], width


async def test_each_severity_is_counted_as_itself(hard: Live, chromium: Chromium) -> None:
    page = await filled(await chromium.open(hard.url))
    await expect(page.locator("#f-alarms-kinds")).to_have_text(
        "180 critical, 180 major, 180 minor, 180 warning, 180 info"
    )
    row = page.locator("#rows tr", has=page.locator("th b", has_text=re.compile("^there$")))
    assert await row.locator(".count li").all_inner_texts() == [f"90 {severity}" for severity in SEVERITIES]


async def test_what_an_offline_station_said_last_is_not_its_present(hard: Live, chromium: Chromium) -> None:
    page = await filled(await chromium.open(hard.url))
    gone = page.locator("#rows tr", has=page.locator("th b", has_text=re.compile("^gone$")))
    chips = gone.locator(".chip")
    await expect(chips).to_have_count(len(STATES))
    assert [text.split()[1] for text in await chips.all_inner_texts()] == ["Was"] * len(STATES)
    await expect(chips.nth(3)).to_contain_text("Was charging")
    await expect(chips.nth(3)).to_have_attribute("title", re.compile("^Before it went offline: Charging since "))
    await expect(gone.locator(".energy")).to_contain_text("last known")
    # They are not counted among those that charge or are faulted now.
    await expect(page.locator("#f-charging")).to_have_text("2")
    await expect(page.locator('[data-filter="charging"] i')).to_have_text("2")
    await page.locator('[data-filter="faulted"]').click()
    await expect(page.locator("#rows tr")).to_have_count(2)
    await expect(gone).to_have_count(0)


async def test_all_alarms_can_be_reached_a_page_at_a_time(hard: Live, chromium: Chromium) -> None:
    page = await filled(await chromium.open(hard.url))
    shown, items = page.locator("#alarms-shown"), page.locator("#alarms li")
    newer, older = page.get_by_role("button", name="Newer"), page.get_by_role("button", name="Older")
    await expect(shown).to_have_text("1–8 of 901, open ones first")
    await expect(items).to_have_count(8)
    await page.get_by_role("button", name="Show more").click()
    await expect(shown).to_have_text("1–50 of 901, open ones first")
    await expect(items).to_have_count(50)
    await expect(newer).to_be_disabled()
    for first in range(51, 901, 50):
        await older.click()
        await expect(shown).to_have_text(f"{first}–{min(first + 49, 901)} of 901, open ones first")
    await older.click()
    await expect(shown).to_have_text("901–901 of 901, open ones first")
    await expect(items).to_contain_text("cleared after")
    await expect(older).to_be_disabled()
    await newer.click()
    await expect(shown).to_have_text("851–900 of 901, open ones first")
    await expect(items).to_have_count(50)
    await page.get_by_role("button", name="Show fewer").click()
    await expect(shown).to_have_text("1–8 of 901, open ones first")
    assert chromium.complaints == []


async def test_the_pressed_filter_can_be_told_in_forced_colours(hard: Live, chromium: Chromium) -> None:
    page = await filled(await chromium.open(hard.url, forced_colors=True))
    pressed, other = page.locator('[data-filter="all"]'), page.locator('[data-filter="offline"]')

    async def looks(property_name: str) -> tuple[str, str]:
        script = f"(e) => getComputedStyle(e).{property_name}"
        return await pressed.evaluate(script), await other.evaluate(script)

    for name in ("backgroundColor", "borderTopColor", "color"):
        now, before = await looks(name)
        assert now != before, name
    await other.click()
    now, before = await looks("backgroundColor")
    assert now != before
    await expect(other).to_have_attribute("aria-pressed", "true")
