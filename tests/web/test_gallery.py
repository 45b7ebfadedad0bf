"""The gallery: its files, and what a real browser makes of them."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright

from tests.web.conftest import TOKEN, Rig
from tests.web.test_images import PARAMETERS

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
EVIL = "<img src=x onerror=\"document.title='owned'\">\nSteps: 20, Seed: 8"


async def test_the_page_names_only_files_that_are_there(off: Rig) -> None:
    answer = await off.client.get("/")
    assert answer.content_type == "text/html"
    assert answer.charset == "utf-8"
    text = await answer.text()
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', text)
    assert len(addresses) >= 3
    for address in addresses:
        assert (await off.client.get(address)).status == 200


async def test_nothing_stands_in_the_page_that_its_policy_forbids(off: Rig) -> None:
    answer = await off.client.get("/")
    text = await answer.text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", text)
    assert "https://" not in text
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


async def test_everything_is_put_on_the_page_as_text(off: Rig) -> None:
    script = await (await off.client.get("/static/gallery.js")).text()
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in script


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fapp.py", "%2e%2e%2fapp.py", "__init__.py"])
async def test_no_other_file_is_served(off: Rig, name: str) -> None:
    assert (await off.client.get(f"/static/{name}")).status == 404


async def test_a_file_that_has_not_changed_is_not_sent_again(off: Rig) -> None:
    etag = (await off.client.get("/static/gallery.js")).headers["ETag"]
    again = await off.client.get("/static/gallery.js", headers={"If-None-Match": etag})
    assert again.status == 304


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page of a fresh browser; whatever it complains about fails the test."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        opened = await browser.new_page()
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
        await browser.close()
    assert complaints == []


def address(rig: Rig) -> str:
    return str(rig.client.make_url("/"))


@pytest.mark.browser
async def test_images_can_be_seen_searched_and_opened(off: Rig, page: Page) -> None:
    for number in range(130):
        off.draw(f"{number}.png", PARAMETERS)
    off.draw("owl.png", "a white owl\nSteps: 20, Seed: 8")
    off.draw("evil.png", EVIL)
    await off.scan()
    await page.goto(address(off))
    cards = page.locator("#grid .card")
    await cards.nth(1).wait_for()
    assert "<img src=x" in await cards.nth(0).inner_text()
    await page.locator("#summary", has_text="132 images").wait_for()

    for loaded in (120, 132):
        await page.keyboard.press("End")
        await cards.nth(loaded - 1).wait_for(state="attached")

    await page.keyboard.press("/")
    await page.keyboard.type("owl")
    await page.keyboard.press("Enter")
    await page.locator("#summary", has_text=re.compile(r"^1 image$")).wait_for()

    await cards.first.press("Enter")
    await page.locator("#detail .text", has_text="a white owl").wait_for()
    await page.keyboard.press("Escape")
    await page.locator("#detail").wait_for(state="hidden")
    assert await page.title() == "clipwatch"


@pytest.mark.browser
async def test_a_wrong_search_is_explained(off: Rig, page: Page) -> None:
    await page.goto(address(off))
    await page.locator("#empty", has_text="No images yet").wait_for()
    await page.fill("#query", "colour:red")
    await page.press("#query", "Enter")
    trouble = page.locator("#trouble")
    await trouble.wait_for()
    assert "colour" in await trouble.inner_text()
    await page.fill("#query", "fox")
    await page.press("#query", "Enter")
    await trouble.wait_for(state="hidden")


@pytest.mark.browser
async def test_new_images_appear_by_themselves(off: Rig, page: Page) -> None:
    await page.goto(address(off))
    await page.locator("#empty", has_text="No images yet").wait_for()
    off.draw("fox.png", PARAMETERS)
    await off.scan()
    await page.locator("#grid .card", has_text="a red fox").wait_for(timeout=15_000)


@pytest.mark.browser
async def test_the_token_is_asked_for_once(guarded: Rig, page: Page) -> None:
    guarded.draw("fox.png", PARAMETERS)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    asked = {"path": str(guarded.folder)}
    await guarded.client.post("/api/v1/images/scan", json=asked, headers=headers)
    await page.goto(address(guarded))
    await page.fill("#token", "wrong")
    await page.press("#token", "Enter")
    await page.locator("#login-trouble").wait_for()
    await page.fill("#token", TOKEN)
    await page.press("#token", "Enter")
    await page.locator("#grid .card", has_text="a red fox").wait_for()
    assert not await page.locator("#login").is_visible()
