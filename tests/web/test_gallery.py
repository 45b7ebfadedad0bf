"""The gallery: its files, and what a real browser makes of them."""

import re
from collections.abc import AsyncIterator
from importlib.resources import files

import pytest
from playwright.async_api import Page, async_playwright

from tests.web.conftest import TOKEN, Rig
from tests.web.test_images import PARAMETERS

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WITHIN_MS = 60_000
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


STATIC = files("clipwatch.web") / "static"
SCRIPTS = sorted(each.name for each in STATIC.iterdir() if each.name.endswith(".js"))


@pytest.mark.parametrize("name", SCRIPTS)
async def test_a_script_loads_only_what_is_there(off: Rig, name: str) -> None:
    script = await (await off.client.get(f"/static/{name}")).text()
    for other in re.findall(r"""from "\./([^"]+)";""", script):
        assert (await off.client.get(f"/static/{other}")).content_type == "text/javascript"


@pytest.mark.parametrize("name", SCRIPTS)
async def test_everything_is_put_on_the_page_as_text(off: Rig, name: str) -> None:
    script = await (await off.client.get(f"/static/{name}")).text()
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
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=ARGUMENTS, timeout=WITHIN_MS
        )
        opened = await browser.new_page()
        opened.set_default_timeout(WITHIN_MS)
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
    assert await trouble.locator("mark").inner_text() == "colour"
    await page.fill("#query", "fox")
    await page.press("#query", "Enter")
    await trouble.wait_for(state="hidden")


@pytest.mark.browser
async def test_new_images_appear_by_themselves(off: Rig, page: Page) -> None:
    await page.goto(address(off))
    await page.locator("#empty", has_text="No images yet").wait_for()
    off.draw("fox.png", PARAMETERS)
    await off.scan()
    await page.locator("#grid .card", has_text="a red fox").wait_for()


@pytest.mark.browser
async def test_a_daemon_that_is_away_is_said_and_missed(off: Rig, page: Page) -> None:
    await page.goto(address(off))
    await page.locator("#backend", has_text="interrogation is off").wait_for()
    await page.context.set_offline(True)
    await page.fill("#query", "fox")
    await page.press("#query", "Enter")
    trouble = page.locator("#trouble", has_text="clipwatch does not answer")
    await trouble.wait_for()
    await page.locator("#queue", has_text="clipwatch does not answer").wait_for()
    assert not await page.locator("#backend").is_visible()
    await page.context.set_offline(False)
    await trouble.wait_for(state="hidden")
    await page.locator("#queue", has_text="up to date").wait_for()


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


TAIL = "\nSteps: 20, Sampler: Euler a, Seed: 8, Model: "


async def filled(rig: Rig, page: Page, search: str = "") -> None:
    """The gallery over four images, as wide as most screens."""
    rig.draw("fox.png", f"red fox, snow{TAIL}flux dev")
    rig.draw("wolf.png", f"grey wolf, snow{TAIL}flux dev xl")
    rig.draw("owl.png", f"white owl, moon{TAIL}sketch")
    rig.draw("evil.png", f"<b>bold</b>, snow{TAIL}<i>x</i>")
    await rig.scan()
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.goto(f"{address(rig)}{search}")
    await page.locator("#summary:not(:empty)").wait_for()


async def summary(page: Page, text: str) -> None:
    await page.locator("#summary", has_text=re.compile(f"^{text}$")).wait_for()


@pytest.mark.browser
async def test_a_search_is_completed_by_keyboard(off: Rig, page: Page) -> None:
    await filled(off, page)
    await page.keyboard.press("/")
    await page.keyboard.insert_text("mod")  # at once: each pause in typing asks anew
    options = page.get_by_role("option")
    await options.filter(has_text="model:").wait_for()
    await page.keyboard.press("ArrowDown")
    assert await page.get_attribute("#query", "aria-activedescendant") == "candidate-0"
    await page.keyboard.press("Tab")
    await options.filter(has_text="flux dev xl").wait_for()
    assert await page.input_value("#query") == "model:"
    await page.keyboard.insert_text("dev")
    await options.filter(has_text="sketch").wait_for(state="detached")
    await page.keyboard.press("ArrowUp")
    await page.locator("[role=option][aria-selected=true]").wait_for()
    await page.keyboard.press("Escape")
    assert await page.locator("#candidates").is_hidden()
    assert await page.input_value("#query") == "model:dev"
    await page.keyboard.press("Enter")
    await summary(page, "2 images")


@pytest.mark.browser
async def test_a_search_is_completed_by_mouse(off: Rig, page: Page) -> None:
    await filled(off, page)
    await page.fill("#query", "🦊|gr")
    await page.get_by_role("option", name="grey wolf").click()
    assert await page.input_value("#query") == '🦊|tag:"grey wolf" '
    await page.press("#query", "Enter")
    await summary(page, "1 image")


@pytest.mark.browser
async def test_facets_narrow_a_search(off: Rig, page: Page) -> None:
    await filled(off, page, "#q=fox OR wolf OR bold")
    await page.locator("#refine summary").click()
    await page.locator("#sample", has_text="Counted in 3 images").wait_for()
    await page.get_by_role("button", name="flux dev 1").click()
    await summary(page, "1 image")
    chosen = page.locator("#facets [aria-pressed=true]")
    await chosen.wait_for()
    await chosen.click()
    await summary(page, "3 images")
    await page.get_by_role("button", name="Without <i>x</i>").click()
    await summary(page, "2 images")
    assert await page.input_value("#query") == "(fox OR wolf OR bold) -model:=<i>x</i>"


@pytest.mark.browser
async def test_a_favourite_is_made_and_found(off: Rig, page: Page) -> None:
    await filled(off, page)
    star = page.get_by_role("listitem").filter(has_text="grey wolf").get_by_label("Favourite")
    await star.focus()
    await page.keyboard.press("Enter")
    await page.locator("#grid [aria-pressed=true]").wait_for()
    assert await page.evaluate("document.activeElement.ariaPressed") == "true"
    await page.fill("#query", "is:favourite")
    await page.press("#query", "Enter")
    await summary(page, "1 image")
    await page.locator("#grid .card").click()
    await page.locator("#facts .own", has_text="favourite").wait_for()
    await page.locator("#favourite[aria-pressed=true]").click()
    await page.locator("#favourite[aria-pressed=false]").wait_for()
    assert await page.locator("#facts .own").count() == 0
    await page.get_by_placeholder("Add a tag").fill("To_Print")
    await page.keyboard.press("Enter")
    await page.locator("#facts .own", has_text="to print").wait_for()
    assert len(await off.images(q="tag:to_print -is:favourite")) == 1
    await page.get_by_label("Take away to print").click()
    await page.locator("#facts .own").wait_for(state="detached")
    for number in range(100):
        await off.client.put(
            f"/api/v1/images/{(await off.images(q='wolf'))[0]['id']}/tags/{number}"
        )
    await page.get_by_placeholder("Add a tag").fill("one more")
    await page.keyboard.press("Enter")
    await page.locator("#detail-trouble", has_text="100 tags").wait_for()


@pytest.mark.browser
async def test_nothing_found_says_what_to_leave_out(off: Rig, page: Page) -> None:
    await filled(off, page, "#q=snow owl")
    await page.locator("#empty", has_text="No image has all of that").wait_for()
    await page.get_by_role("button", name="without snow").click()
    await summary(page, "1 image")
    assert await page.input_value("#query") == "owl"


@pytest.mark.browser
async def test_the_order_is_chosen(off: Rig, page: Page) -> None:
    await filled(off, page)
    first = page.locator("#grid .card").first
    assert "bold" in await first.inner_text()
    await page.select_option("#sort", "oldest")
    await page.locator("#grid > li:first-child", has_text="red fox").wait_for()
    assert "sort=oldest" in page.url
    await page.fill("#query", "sort:path")
    await page.press("#query", "Enter")
    await page.locator("#sort:has(option[value=path]:checked)").wait_for()
    assert page.url.endswith("#q=sort%3Apath")


@pytest.mark.browser
async def test_without_images_the_roots_are_told(off: Rig, page: Page) -> None:
    await page.goto(address(off))
    await page.locator("#empty dt", has_text=str(off.folder)).wait_for()


@pytest.mark.browser
async def test_a_change_asks_for_the_token_where_the_tab_has_none(guarded: Rig, page: Page) -> None:
    guarded.draw("fox.png", PARAMETERS)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    asked = {"path": str(guarded.folder)}
    await guarded.client.post("/api/v1/images/scan", json=asked, headers=headers)
    await page.goto(address(guarded))
    await page.fill("#token", TOKEN)
    await page.press("#token", "Enter")
    await page.locator("#grid .card").first.wait_for()
    await page.reload()
    await page.get_by_label("Favourite").first.click()
    await page.locator("#grid [aria-pressed=true]").wait_for()
    assert not await page.locator("#login").is_visible()
    await page.evaluate("sessionStorage.clear()")
    await page.reload()
    await page.get_by_label("Favourite").first.click()
    await page.locator("#login[open]").wait_for()
    await page.fill("#token", TOKEN)
    await page.press("#token", "Enter")
    await page.locator("#grid [aria-pressed=false]").wait_for()
    assert not await page.locator("#login").is_visible()
