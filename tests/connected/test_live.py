"""The live page in a real browser, on real records."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from playwright.async_api import Page, expect

from axe import findings
from contracts.events import Boot
from contracts.topics import Name
from derived import Log, Out, alarm, at, connector_status, sample, session, station_status
from live_process import Live, fleet
from parts.chromium import Chromium
from parts.handles import Broker
from parts.kafka import Kafka, start_kafka

HOSTILE = '<img src=x onerror="window.broken=1">'


@pytest.fixture
def live(broker: Broker, tmp_path: Path) -> Iterator[Live]:
    live = Live(broker, tmp_path)
    live.wait_ready()
    yield live
    live.process.kill()


async def row_says(page: Page, station: str, words: str) -> None:
    """Returns when a station's row holds these words, whatever stands between them on the page."""
    found = page.locator("#rows tr", has=page.locator("th b", has_text=station))
    await expect(found).to_contain_text(re.compile(r"\s*".join(map(re.escape, words.split()))), use_inner_text=True)


async def test_the_fleet_is_shown_as_it_happens(broker: Broker, live: Live, chromium: Chromium) -> None:
    log = Log(broker)
    log.put(*fleet(10))
    page = await chromium.open(live.url)
    await expect(page.locator("#rows tr")).to_have_count(10)
    await expect(page.locator("#f-online")).to_have_text("8")
    await expect(page.locator("#f-stations")).to_have_text("of 10")
    await expect(page.locator("#f-energy")).to_have_text("10.0")
    await expect(page.locator("#f-alarms")).to_have_text("2")
    await expect(page.locator("#link-text")).to_have_text("Live")
    await row_says(page, "CP-0000", "CP-0000 depot 1 · Acme X0 Online 59 min · OCPP 1.6 Charging 55 % – 2.5 kWh 50 min")
    await row_says(page, "CP-0004", "Offline")
    await row_says(page, "CP-0004", "1 major")

    log.put(sample("default/CP-0000", 5, 3590, power_import_w=7200.0))
    await expect(page.locator("#f-power")).to_have_text("7.2")
    await row_says(page, "CP-0000", "7.2 kW")
    log.put(
        msgspec.structs.replace(session("default/CP-0000", 6, 600), state="ended"),
        connector_status("default/CP-0000", 7, 3595, "faulted", error_code="GroundFailure"),
        alarm("default/CP-0000", 7, 3595, rule="connector-fault", severity="critical", title="Connector faulted"),
        station_status("default/NEW", 1, 3599),
    )
    await expect(page.locator("#rows tr")).to_have_count(11)
    await row_says(page, "CP-0000", "Faulted GroundFailure – – 1 critical")
    await expect(page.locator("#alarms li").first).to_contain_text("Connector faulted")
    assert chromium.complaints == []


async def test_messages_are_counted_without_the_nodes_ticks(broker: Broker, live: Live, chromium: Chromium) -> None:
    log = Log(broker)
    page = await chromium.open(live.url)
    await expect(page.locator("#f-rate")).to_have_text("0.0")
    ticks = [Out(Name.MESSAGES, b"\x00node/edge-1", "default/A", b"{}") for _ in range(500)]
    log.put(*ticks, *(Out(Name.MESSAGES, b"default/A", "default/A", b"{}") for _ in range(20)))
    await expect(page.locator("#f-rate")).not_to_have_text("0.0")
    rate = float(await page.locator("#f-rate").inner_text())
    assert 0 < rate <= 20


async def test_no_text_of_a_station_becomes_markup(broker: Broker, live: Live, chromium: Chromium) -> None:
    station = f"{HOSTILE}/{HOSTILE}"
    Log(broker).put(
        msgspec.structs.replace(
            station_status(station, 1, 0, boot=Boot(at(0), vendor=HOSTILE, model=HOSTILE)), site=HOSTILE
        ),
        connector_status(station, 2, 5, "faulted", error_code=HOSTILE, info=HOSTILE),
        alarm(station, 3, 6, title=HOSTILE, detail=HOSTILE),
    )
    page = await chromium.open(live.url)
    await expect(page.locator("#alarms li")).to_have_count(1)
    await expect(page.locator("#alarms li b")).to_have_text(HOSTILE)
    assert await page.evaluate("document.querySelectorAll('main img').length") == 0
    assert await page.evaluate("window.broken") is None
    assert chromium.complaints == []


async def test_the_page_and_its_stream_say_what_they_allow(live: Live) -> None:
    async with aiohttp.ClientSession() as http:
        for path in ("/", "/live.js", "/live.css", "/format.js", "/icon.svg", "/alarms?page=2"):
            async with http.get(live.url + path) as answer:
                assert answer.status == 200
                assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
        async with http.get(f"{live.url}/../server.py") as answer:
            assert answer.status == 404
        async with http.post(live.url) as answer:
            assert answer.status == 405


@pytest.mark.parametrize("number", ["0", "-1", "", "x", "1.5", "1e3", "٣", "1" * 10, "1%0a"])
async def test_a_page_of_alarms_has_a_number(live: Live, number: str) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{live.url}/alarms?page={number}") as answer:
        assert (answer.status, await answer.text()) == (400, "page wants a number from 1 on")


class Stream:
    """A browser's end of the stream, read by hand."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.last_id = ""

    async def next(self) -> tuple[str, dict[str, Any]]:
        fields: dict[str, str] = {}
        async for line in self._answer.content:
            if line == b"\n" and "data" in fields:
                self.last_id = fields["id"]
                return fields["event"], json.loads(fields["data"])
            name, _, value = line.decode().rstrip("\n").partition(": ")
            fields[name] = value
        raise EOFError


async def test_a_browser_that_comes_back_gets_what_it_missed(broker: Broker, live: Live) -> None:
    log = Log(broker)
    log.put(*fleet(3))
    async with aiohttp.ClientSession(read_bufsize=2**22) as http:
        async with http.get(f"{live.url}/events") as answer:
            stream = Stream(answer)
            event, data = await stream.next()
            assert event == "snapshot"
            seen = {one["id"] for one in data["stations"]}
            while len(seen) < 3:
                event, data = await stream.next()
                assert event == "delta"
                seen |= {one["id"] for one in data["stations"]}
        log.put(station_status("default/LATER", 1, 0))
        await asyncio.sleep(1)
        async with http.get(f"{live.url}/events", headers={"Last-Event-ID": stream.last_id}) as answer:
            again = Stream(answer)
            found: set[str] = set()
            while not found:
                event, data = await again.next()
                assert event == "delta"
                found = {one["id"] for one in data["stations"]}
            assert found == {"default/LATER"}
        async with http.get(f"{live.url}/events", headers={"Last-Event-ID": "other-5"}) as answer:
            event, data = await Stream(answer).next()
            assert (event, len(data["stations"]), data["caught_up"]) == ("snapshot", 4, True)


async def test_two_thousand_stations_are_searched_filtered_and_sorted(
    embedded: Broker, tmp_path: Path, chromium: Chromium
) -> None:
    live = Live(embedded, tmp_path)
    try:
        log = Log(embedded)
        log.put(*fleet(2000))
        live.wait_ready()
        page = await chromium.open(live.url)
        await expect(page.locator("#f-stations")).to_have_text("of 2000", timeout=30_000)
        await expect(page.locator("#rows tr")).to_have_count(100)
        await page.locator("#more").click()
        await expect(page.locator("#rows tr")).to_have_count(200)
        await page.locator("#search").fill("cp-19")
        await expect(page.locator("#rows tr")).to_have_count(100)
        await expect(page.locator("#rows tr th b").first).to_have_text("CP-1900")
        await page.locator("#search").fill("")
        await page.locator('[data-filter="offline"]').click()
        await expect(page.locator("#more")).to_have_text("Show 100 more of 300")
        await expect(page.locator("#rows tr th b").nth(1)).to_have_text("CP-0009")
        await page.locator('[data-filter="charging"]').click()
        await expect(page.locator('[data-filter="charging"] i')).to_have_text("534")
        await page.locator('[data-filter="all"]').click()
        log.put(sample("default/CP-0996", 5, 3590, power_import_w=7200.0))
        await expect(page.locator("#f-power")).to_have_text("7.2", timeout=30_000)
        await page.get_by_role("button", name="Power").click()
        await expect(page.locator('[data-sort="power"]')).to_have_attribute("aria-sort", "descending")
        await expect(page.locator("#rows tr th b").first).to_have_text("CP-0996")
        await page.locator("#search").fill("no such station")
        await expect(page.locator("#no-stations")).to_have_text("No station matches.")
        assert chromium.complaints == []
    finally:
        live.process.kill()


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (820, False), (390, False), (320, True)])
async def test_nothing_overflows_at_any_width(
    embedded: Broker, tmp_path: Path, chromium: Chromium, width: int, dark: bool
) -> None:
    live = Live(embedded, tmp_path)
    try:
        long = "default/A-STATION-WITH-A-VERY-LONG-IDENTITY-48-CHARACTERS"
        Log(embedded).put(
            *fleet(12),
            station_status(long, 1, 0, boot=Boot(at(0), vendor="A vendor of many words", model="Model")),
            *(
                msgspec.structs.replace(connector_status(long, 2, 5, "faulted", info="w" * 80), evse=n)
                for n in range(1, 5)
            ),
            alarm(long, 3, 5, title="A title of many words " * 4, detail="x" * 200),
        )
        live.wait_ready()
        page = await chromium.open(live.url, width=width, height=844, dark=dark)
        await expect(page.locator("#rows tr")).to_have_count(13)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert (
            await page.evaluate(
                "[...document.querySelectorAll('main *')].filter((e) => !e.closest('.filters, thead, svg')"
                " && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80))"
            )
            == []
        )
        # What assistive technology is told stays a table, as cards too.
        assert await page.get_by_role("row").count() == 14
        assert await page.get_by_role("rowheader").count() == 13
        assert chromium.complaints == []
    finally:
        live.process.kill()


async def test_a_later_page_of_alarms_is_kept_up_to_date(broker: Broker, live: Live, chromium: Chromium) -> None:
    log = Log(broker)
    log.put(*(alarm("default/A", n, n) for n in range(60)))
    page = await chromium.open(live.url)
    shown = page.locator("#alarms-shown")
    await expect(shown).to_have_text("1–8 of 60, open ones first")
    await page.get_by_role("button", name="Show more").click()
    # A request that fails changes nothing, and is made again.
    await page.route("**/alarms?*", lambda route: route.abort())
    async with page.expect_event("requestfailed"):
        await page.get_by_role("button", name="Older").click()
    await expect(shown).to_have_text("1–50 of 60, open ones first")
    await page.unroute("**/alarms?*")
    await expect(shown).to_have_text("51–60 of 60, open ones first")
    log.put(alarm("default/A", 60, 60))
    await expect(shown).to_have_text("51–61 of 61, open ones first")
    await page.get_by_role("button", name="Newer").click()
    await expect(shown).to_have_text("1–50 of 61, open ones first")


async def test_a_fleet_of_none_is_said_in_words(live: Live, chromium: Chromium) -> None:
    page = await chromium.open(live.url)
    await expect(page.locator("#no-stations")).to_have_text(
        "No station has been heard of yet. As soon as one connects, it is here."
    )
    await expect(page.locator("#no-alarms")).to_have_text("No alarm: all quiet.")
    await expect(page.locator("#f-online")).to_have_text("0")
    for hidden in ("#alarms-shown", "#more-alarms", "#more"):
        await expect(page.locator(hidden)).to_be_hidden()
    assert await findings(page) == []
    assert chromium.complaints == []


async def test_the_page_comes_back_after_a_proxy_said_no(live: Live, chromium: Chromium) -> None:
    """A browser gives up a stream that is answered with an error; the page does not."""
    page = await chromium.open(live.url)
    await expect(page.locator("#link-text")).to_have_text("Live")
    await page.route("**/events", lambda route: route.fulfill(status=503))
    async with page.expect_response(lambda answer: answer.status == 503):
        await page.reload()
    await expect(page.locator("#link-text")).to_have_text("Reconnecting")
    await page.unroute("**/events")
    await expect(page.locator("#link-text")).to_have_text("Live")


async def test_numbers_and_times_are_short(live: Live, chromium: Chromium) -> None:
    page = await chromium.open(live.url)
    shown = await page.evaluate(
        """async () => {
          const { scaled, duration, nameOf, spark } = await import("/format.js");
          return [
            [0, 7249, 22000, 99949, 99950, 350400, 1234567].map((w) => scaled(w, "W").join(" ")),
            [0, 59999, 60000, 3599999, 3600000, 172799999, 172800000, -5].map(duration),
            [nameOf("default/A"), nameOf("acme/B"), nameOf("odd")],
            spark([1], 120, 32, 60), spark([0, 4], 120, 32, 60).line,
          ];
        }"""
    )
    assert shown[0] == ["0.0 kW", "7.2 kW", "22.0 kW", "99.9 kW", "100 kW", "350 kW", "1.23 MW"]
    assert shown[1] == ["0 s", "59 s", "1 min", "59 min", "1 h 00", "47 h 59", "2 d", "0 s"]
    assert shown[2] == [{"name": "A", "tenant": ""}, {"name": "B", "tenant": "acme"}, {"name": "odd", "tenant": ""}]
    assert shown[3:] == [{"line": "", "area": ""}, "M118.0,30.0L120.0,2.0"]


@pytest.fixture
def cluster(kafka_part: Path) -> Iterator[Kafka]:
    assert kafka_part.is_dir()
    with start_kafka() as cluster:
        yield cluster


@pytest.mark.timeout(300)  # servers that start twice, perhaps on a busy machine
async def test_the_page_lives_through_an_outage_of_kafka_and_its_own(
    cluster: Kafka, tmp_path: Path, chromium: Chromium
) -> None:
    broker = Broker("kafka", cluster.bootstrap)
    live = Live(broker, tmp_path)
    try:
        live.wait_ready()
        Log(broker).put(*fleet(3))
        page = await chromium.open(live.url)
        await expect(page.locator("#rows tr")).to_have_count(3)
        cluster.kill()
        cluster.start()
        Log(broker).put(station_status("default/AFTER", 1, 0))
        await expect(page.locator("#rows tr")).to_have_count(4, timeout=60_000)
        # The page's own server is killed: the browser says so, and takes a snapshot from the next one.
        live.process.kill()
        await expect(page.locator("#link-text")).to_have_text("Reconnecting", timeout=20_000)
        live.start()
        live.wait_ready()
        await expect(page.locator("#link-text")).to_have_text("Live", timeout=30_000)
        await expect(page.locator("#rows tr")).to_have_count(4)
        assert live.process.stop() == 0
    finally:
        live.process.kill()
